"""Reading vendors' JSON, where any field may be missing, null, or of another type than documented; nothing here raises."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]
NOTHING: Json = {}
_INTEGER = re.compile(r"[+-]?\d{1,9}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
MOST_CHARACTERS = 200
"""Of a text field: names and words, never essays."""


def mapping(value: Any) -> Json:
    """An object; empty when it is something else."""
    return value if isinstance(value, dict) else NOTHING


def under(value: Any, *path: str) -> Json:
    """The object below a path of keys; empty when it isn't there."""
    for name in path:
        value = mapping(value).get(name)
    return mapping(value)


def listing(value: Any) -> list[Any]:
    """A list; empty when it is something else."""
    return value if isinstance(value, list) else []


def objects(value: Any) -> Iterator[Json]:
    """The objects of a list, also of lists within it: AviationStack has sent `data: [[{…}]]`."""
    for item in listing(value):
        if isinstance(item, list):
            yield from (inner for inner in item if isinstance(inner, dict))
        elif isinstance(item, dict):
            yield item


def text(value: Any) -> str:
    """A text without surrounding space and control characters; numbers are written out, anything else is empty."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        value = str(value) if abs(value) < 1e15 else ""
    return _CONTROL.sub("", value).strip()[:MOST_CHARACTERS] if isinstance(value, str) else ""


def integer(value: Any) -> int | None:
    """A whole number, also written as text; None when it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and abs(value) < 1e9 else None
    if isinstance(value, int):
        return value if abs(value) < 1e15 else None
    return (
        int(value)
        if isinstance(value, str) and _INTEGER.fullmatch(value.strip()) and value.isascii()
        else None
    )


def code(value: Any, length: int) -> str:
    """A code of letters and digits in capitals; empty when it is none of that length."""
    found = text(value).upper()
    return found if len(found) == length and found.isascii() and found.isalnum() else ""
