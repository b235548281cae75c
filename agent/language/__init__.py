"""Languages the agent speaks and understands: one folder each."""
