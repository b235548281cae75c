"""Cached answers of providers: kept while they are fresh enough, and fetched once for all who miss them."""
