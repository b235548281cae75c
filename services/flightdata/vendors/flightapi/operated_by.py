"""Who flies a codeshare, as FlightAPI.io says it: by name and number, `Iberia 123`, without a code."""

from __future__ import annotations

import re

from services.flightdata.model import carriers
from services.flightdata.model.flights import Operator
from services.flightdata.vendors.flight_numbers import canonical, joined, parts

_NAMED = re.compile(r"(?P<name>.*?[^\s\d-])\s*(?P<number>\d{1,4})?")


def operated_by(written: str) -> Operator | None:
    """The operator; without its number when we don't know the carrier by that name, and None for `-` and nothing."""
    if number := canonical(written):
        return Operator(parts(number)[0], carriers.name_of(parts(number)[0]), number)
    named = _NAMED.fullmatch(written.strip())
    if named is None:
        return None
    code = carriers.code_named(named["name"])
    return Operator(code, named["name"], joined(code, named["number"] or ""))
