"""FlightAPI.io: priced trips, tracking by number and route, and airport boards. Its key is a path segment."""

NAME = "flightapi"
"""The provider's name in provenance."""
