"""The account a command acts for, and its saved credentials."""
