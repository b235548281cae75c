"""FlightAPI.io: trips with prices, tracking by number and route, airport boards. Its key is in the path."""

NAME = "flightapi"
"""The provider's name in `Provenance`."""
