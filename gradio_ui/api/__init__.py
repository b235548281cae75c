"""JSON routes of the web app: calls, conversations, transcripts and their live events."""
