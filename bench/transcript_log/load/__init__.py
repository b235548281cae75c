"""Load generators: writers, watchers, and clients of the REST baselines."""
