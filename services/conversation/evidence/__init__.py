"""Evidence of a customer's consent, read from the log."""
