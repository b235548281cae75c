"""Carriers' names by code: ours where we know the carrier, since vendors write `empty`, nothing, or all in small letters."""

from __future__ import annotations

from functools import lru_cache

from services.flightdata.sample import tables
from services.flightdata.vendors.non_flights import carrier_name


def name_of(code: str, vendors: str = "") -> str:
    """A carrier's name, the vendor's where we have none, the code where nobody has one."""
    known = tables.carriers().get(code)
    if known:
        return known.name
    given = carrier_name(vendors)
    return (given.title() if given.islower() else given) or code


def code_named(name: str) -> str:
    """The code of the carrier with a name; empty when we know none, or several."""
    return _codes().get(name.strip().casefold(), "")


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    known = [(carrier.name.casefold(), code) for code, carrier in tables.carriers().items()]
    names = [name for name, _ in known]
    return {name: code for name, code in known if names.count(name) == 1}
