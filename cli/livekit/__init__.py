"""The LiveKit server that `readback up` starts: found or built, and configured."""
