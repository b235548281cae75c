"""Outgoing RPCs: channels, retries and timeouts, and what they inherit from the RPC being handled."""
