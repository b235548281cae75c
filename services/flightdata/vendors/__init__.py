"""Vendors of flight data: one package with a `FlightProvider` for each vendor, and their shared modules."""
