"""Consent to a quote, decided from the log and by a closed grammar. Does no input or output.

This package imports nothing of ours except generated contracts, so a service and a command can use it.
"""
