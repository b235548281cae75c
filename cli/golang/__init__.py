"""Programs built from Go modules: once, into the user's cache."""
