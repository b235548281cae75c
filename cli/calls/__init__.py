"""A voice call from the command line: the LiveKit client, its microphone and earpiece, and WAV files."""
