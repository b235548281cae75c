"""The transcript of a call: writing utterances and tool calls as they happen, reading those of earlier agents."""
