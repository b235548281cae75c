"""Recognition, endpointing, barge-in and voice, behind livekit-agents' STT, TTS and VAD classes."""
