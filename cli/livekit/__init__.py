"""The LiveKit server of embedded mode: found or built once, and configured."""
