"""The Model Context Protocol: RPCs of the contracts as tools for AI assistants."""
