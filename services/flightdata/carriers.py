"""Carriers' names by code: ours where we know the carrier, since vendors write `empty`, nothing, or all in small letters."""

from __future__ import annotations

from services.flightdata.not_flights import carrier_name
from services.flightdata.sample import tables


def name_of(code: str, vendors: str = "") -> str:
    """A carrier's name, the vendor's where we have none, the code where nobody has one."""
    known = tables.carriers().get(code)
    if known:
        return known.name
    given = carrier_name(vendors)
    return (given.title() if given.islower() else given) or code
