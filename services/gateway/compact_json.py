"""JSON without spaces, for responses and the results of tools."""

from __future__ import annotations

import json

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def compact_json(value: object) -> str:
    """Return a value as JSON without spaces; characters outside ASCII aren't escaped."""
    return _ENCODER.encode(value)
