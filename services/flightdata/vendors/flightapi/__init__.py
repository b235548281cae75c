"""FlightAPI.io: trips with prices, tracking by number and route, airport boards. The URL has the key."""

NAME = "flightapi"
"""The provider's name in `Provenance`."""
