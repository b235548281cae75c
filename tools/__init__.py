"""Scripts for those who work on the repository; nothing here runs in production."""
