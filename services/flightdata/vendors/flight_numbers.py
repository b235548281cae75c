"""Parsers for flight numbers and operators as vendors write them.

A canonical flight number is the carrier code and the number, for example `AI542`.
"""

from __future__ import annotations

import re

from services.flightdata.model import carriers
from services.flightdata.model.flights import Operator

_NUMBER = re.compile(r"([A-Z0-9]{2}) ?0*(\d{1,4})[A-Z]?")
_NAMED = re.compile(r"(?P<name>.*?[^\s\d-])\s*(?P<number>\d{1,4})?")


def canonical(written: str) -> str:
    """Return the canonical flight number (`va832` → `VA832`, `AI 0542A` → `AI542`); empty if invalid."""
    match = _NUMBER.fullmatch(written.strip().upper()) if written.isascii() else None
    if match is None or match[1].isdigit():
        return ""
    return f"{match[1]}{match[2]}"


def joined(carrier: str, number: str) -> str:
    """Return the canonical flight number of a carrier code and a number; empty if invalid."""
    return canonical(f"{carrier}{number}") if len(carrier) == 2 else ""


def operator(flight: str, vendor_name: str = "") -> Operator | None:
    """Return the operator of a canonical flight number, or None if the flight number is empty."""
    carrier = flight[:2]
    return Operator(carrier, carriers.name_of(carrier, vendor_name), flight) if flight else None


def operator_named(written: str) -> Operator | None:
    """Parse an operator written as a name and a number (`Iberia 123`). Return None for `-` and "".

    The operator's flight number is empty if no carrier with that name is known.
    """
    if number := canonical(written):
        return operator(number)
    named = _NAMED.fullmatch(written.strip())
    if named is None:
        return None
    code = carriers.code_named(named["name"])
    return Operator(code, named["name"], joined(code, named["number"] or ""))
