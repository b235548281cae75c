"""Vendors of flight data: one package with a `FlightProvider` per vendor, and their shared parts."""
