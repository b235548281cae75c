"""Benchmark of fairness: how long a well-behaved customer waits while others attack."""
