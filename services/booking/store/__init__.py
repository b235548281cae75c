"""The database of booking."""
