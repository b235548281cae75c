"""Flight data: places, flights and their status, each record with who said so."""
