"""Incoming RPCs and HTTP requests: servers, health probes, limits, metrics, and an orderly shutdown."""
