"""Flight-data service: places, flights and flight status. Every record of a flight states its source."""
