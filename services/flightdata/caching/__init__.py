"""Cache of providers' answers. Concurrent requests for a missing answer share one fetch."""
