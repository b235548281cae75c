"""Flight status by number and by route, watches, and routes."""
