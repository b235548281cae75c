"""Flight numbers as vendors write them, and as we do: carrier code and number without space or leading zeros."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"([A-Z0-9]{2}) ?0*(\d{1,4})[A-Z]?")


def canonical(written: str) -> str:
    """`va832`, `AI 0542` and `AI542A` as `VA832`, `AI542`, `AI542`; empty when it is no flight number."""
    match = _NUMBER.fullmatch(written.strip().upper()) if written.isascii() else None
    if match is None or match[1].isdigit():
        return ""
    return f"{match[1]}{match[2]}"


def joined(carrier: str, number: str) -> str:
    """A carrier's code and a number as a flight number; empty when they make none."""
    return canonical(f"{carrier}{number}") if len(carrier) == 2 else ""


def parts(flight: str) -> tuple[str, str]:
    """The carrier's code and the number of a canonical flight number."""
    return flight[:2], flight[2:]
