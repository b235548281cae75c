"""FlightAPI.io: priced trips, tracking by number and route, airport boards. Its key is a path segment."""

NAME = "flightapi"
"""As provenance says it."""
