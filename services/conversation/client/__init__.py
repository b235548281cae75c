"""Clients of the conversation service: a recorder that loses no words, a watcher that resumes."""
