"""What the measurements stand beside."""
