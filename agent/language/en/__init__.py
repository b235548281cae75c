"""English: all words that the agent says and understands."""
