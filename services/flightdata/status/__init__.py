"""Flight status by number and by route, status watches, and facts about routes."""
