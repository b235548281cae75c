"""Baselines of the benchmarks: other implementations of the same task."""
