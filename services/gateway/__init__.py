"""The gateway: other protocols in front of the same contracts."""
