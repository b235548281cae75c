"""Contract messages to domain queries, and domain values to contract messages."""
