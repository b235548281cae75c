"""Conversion of contract messages to domain queries, and of domain values to contract messages."""
