"""Quotas and shared facts: they outlive a restart and hold for all replicas, in a file or in Redis."""
