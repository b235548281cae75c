"""Benchmark of the transcript log. `bench/conversation.py` is the command."""
