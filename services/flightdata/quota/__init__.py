"""Spending limits and shared facts, which outlive a restart and hold for all replicas; in a file or in Redis."""
