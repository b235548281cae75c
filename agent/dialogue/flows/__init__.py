"""Conversation flows, grouped by subject. Each takes a turn and yields sentences and tool calls."""
