"""Full-text search in transcripts.

entry_search    queries and their results         snippets    the matched words with their context
indexing        when entries are indexed          words       how text is split and folded
"""
