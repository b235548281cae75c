"""Benches of flight data: speed, vendor calls, and behaviour under faults."""
