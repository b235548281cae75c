"""FlightAPI.io: trips with prices, tracking by number and route, and airport boards. The key is in the path."""

NAME = "flightapi"
"""The provider's name in `Provenance`."""
