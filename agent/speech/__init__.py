"""Ears and voice: one module per engine or idea, behind livekit-agents' own STT and TTS classes."""
