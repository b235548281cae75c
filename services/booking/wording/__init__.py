"""Wording of quotes and bookings: one file of phrases for each language, filled in by `read_backs`."""
