"""What replicas and restarts share: what was spent, what was learned, and answers worth keeping; in memory or in Redis."""
