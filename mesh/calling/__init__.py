"""Outgoing RPCs: channels, retries and timeouts. They pass on the incoming RPC's request id and deadline."""
