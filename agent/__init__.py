"""The voice agent: a worker that answers calls, its speech, its dialogue and what it records."""
