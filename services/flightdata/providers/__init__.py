"""Providers of flight data: their protocol, and which of them is asked."""
