"""For those who use the conversation service: a recorder that loses nothing, and a watcher that resumes by itself."""
