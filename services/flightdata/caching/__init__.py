"""Answers told again: kept for as long as they are worth it, fetched once for all who miss them, never older than they say."""
