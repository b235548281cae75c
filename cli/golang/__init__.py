"""Programs that are built from Go modules, once, and stored in the user's cache."""
