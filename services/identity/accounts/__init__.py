"""Customer accounts: registration, passwords, signing in."""
