"""Full-text search in transcripts: the index, the query, and the snippets of the results."""
