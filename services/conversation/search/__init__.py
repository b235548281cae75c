"""Full-text search in transcripts.

entry_search    queries and their results         snippets    matched words with their context
indexing        updates of the index              words       splitting and folding of text
"""
