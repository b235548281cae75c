"""The LiveKit server that `readback up` starts: its program and its configuration."""
