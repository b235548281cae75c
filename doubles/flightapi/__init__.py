"""FlightAPI.io as a local server."""
