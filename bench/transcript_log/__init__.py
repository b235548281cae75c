"""How fast the transcript log is, beside what it stands on and beside two REST services. `bench/conversation.py` is the command."""
