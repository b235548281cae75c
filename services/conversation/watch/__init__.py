"""The `Watch` stream: followers of logs, live captions, wake-ups between replicas, and heartbeats."""
