"""Clients of the conversation service: a recorder that loses no words, and a watcher that resumes after a
broken connection."""
