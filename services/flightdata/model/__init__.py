"""The domain model: flights, fares, queries and what a search found."""
