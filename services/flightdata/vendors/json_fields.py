"""Readers for vendors' JSON fields. They never raise.

A field may be missing, null or of an undocumented type.
"""

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
"""Maximum length of a text field. Longer texts are cut."""
MOST_NAME_CHARACTERS = 80
"""Maximum length of a name that people and models read. Longer names are cut."""
_NOT_IN_A_NAME = re.compile(r"[^\w .,:'’&()/+#-]|_")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ,./-]{0,11}")


def mapping(value: Any) -> Json:
    """Return a value that is an object; empty for any other type."""
    return value if isinstance(value, dict) else NOTHING


def under(value: Any, *path: str) -> Json:
    """Return the object at a path of keys; empty if it is missing."""
    for name in path:
        value = mapping(value).get(name)
    return mapping(value)


def listing(value: Any) -> list[Any]:
    """Return a value that is a list; empty for any other type."""
    return value if isinstance(value, list) else []


def objects(value: Any) -> Iterator[Json]:
    """Yield the objects in a list and in its inner lists. AviationStack has sent `data: [[{…}]]`."""
    for item in listing(value):
        if isinstance(item, list):
            yield from (inner for inner in item if isinstance(inner, dict))
        elif isinstance(item, dict):
            yield item


def text(value: Any) -> str:
    """Return a text or number as text, without control characters and outer spaces; empty for other types."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        value = str(value) if abs(value) < 1e15 else ""
    return _CONTROL.sub("", value).strip()[:MOST_CHARACTERS] if isinstance(value, str) else ""


def name(value: Any) -> str:
    """Return a name: at most 80 letters, digits and common punctuation marks.

    Vendors' names are read aloud, shown, and passed to language models. Other characters become spaces.
    """
    return " ".join(_NOT_IN_A_NAME.sub(" ", text(value)).split())[:MOST_NAME_CHARACTERS].rstrip()


def label(value: Any) -> str:
    """Return a short label, such as that of a gate ("B12", "Terminal 2"); empty for anything else."""
    found = text(value)
    return found if _LABEL.fullmatch(found) else ""


def integer(value: Any) -> int | None:
    """Return a value that is an integer, a float or an integer as text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and abs(value) < 1e9 else None
    if isinstance(value, int):
        return value if abs(value) < 1e15 else None
    if isinstance(value, str) and value.isascii() and _INTEGER.fullmatch(value.strip()):
        return int(value)
    return None


def code(value: Any, length: int) -> str:
    """Return an alphanumeric code of `length` characters, in upper case; empty for anything else."""
    found = text(value).upper()
    return found if len(found) == length and found.isascii() and found.isalnum() else ""
