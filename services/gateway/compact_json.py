"""JSON without spaces, for responses and the results of tools."""

from __future__ import annotations

import json


def compact_json(value: object) -> str:
    """Return a value as JSON without spaces; characters outside ASCII aren't escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
