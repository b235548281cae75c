"""AviationStack: today's flights by number and route, airport boards and future schedules, without prices."""

NAME = "aviationstack"
"""The provider's name in `Provenance`."""
