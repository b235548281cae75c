"""The voice agent: the worker that answers calls, speech, dialogue, and recording of the transcript."""
