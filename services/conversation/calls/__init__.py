"""Conversations and calls: start, end, leases between replicas, supervision, LiveKit rooms, grants."""
