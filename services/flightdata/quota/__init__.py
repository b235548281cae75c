"""Quotas and shared facts. They are stored in a file, or in Redis for several replicas."""
