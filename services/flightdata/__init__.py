"""Flight data: places, flights and their status; every record states its source."""
