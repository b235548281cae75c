"""AviationStack: today's flights by number and route, airport boards, and schedules of coming days. No prices."""

NAME = "aviationstack"
"""As provenance says it."""
