"""Conversation flows, one per file: each takes a turn and yields sentences and tool calls."""
