"""The account that a command acts for, and its saved credentials."""
