"""AviationStack: today's flights by number and route, airport boards, and future schedules; no prices."""

NAME = "aviationstack"
"""The provider's name in provenance."""
