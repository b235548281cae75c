"""Delegation: grants under which other services act for a customer, and the token exchange."""
