"""Speech to text and text to speech: one module per engine or policy, behind livekit-agents' STT, TTS and VAD classes."""
