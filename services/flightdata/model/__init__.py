"""The domain model: flights, fares, queries and search results."""
