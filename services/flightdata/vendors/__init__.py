"""Vendors of flight data: one package each, every one a `FlightProvider` over HTTP."""
