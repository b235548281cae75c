"""Names of carriers by IATA code. The live vendors and the sample timetable share them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from services.flightdata.data_files import rows

FILE = Path(__file__).with_name("data") / "carriers.tsv"
FILLERS = frozenset({"", "empty", "private", "unknown"})
"""Texts that AviationStack writes in place of a carrier's name."""


@cache
def names() -> Mapping[str, str]:
    """Return the names of all known carriers by IATA code."""
    return {row["code"]: row["name"] for row in rows(FILE)}


def name_of(code: str, vendor_name: str = "") -> str:
    """Return our name of a carrier, else the vendor's, else the code.

    Our own names have priority because vendors omit names or write them in lower case.
    """
    given = without_filler(vendor_name)
    return names().get(code) or (given.title() if given.islower() else given) or code


def without_filler(vendor_name: str) -> str:
    """Return the vendor's name of a carrier, or an empty string if it is one of `FILLERS`."""
    return "" if vendor_name.strip().casefold() in FILLERS else vendor_name.strip()


def code_named(name: str) -> str:
    """Return the code of the carrier called `name`; empty if none or several have this name."""
    return _codes().get(name.strip().casefold(), "")


@cache
def _codes() -> Mapping[str, str]:
    carriers = [(name.casefold(), code) for code, name in names().items()]
    count = Counter(name for name, _ in carriers)
    return {name: code for name, code in carriers if count[name] == 1}
