"""The database of identity."""
