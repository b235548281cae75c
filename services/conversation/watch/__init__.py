"""The `Watch` stream: followers of a log, live captions, wake-ups between replicas, heartbeats."""
