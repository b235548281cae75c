"""Classes of travel."""

from __future__ import annotations

from enum import Enum


class Cabin(Enum):
    """Class of travel."""

    ECONOMY = "economy"
    PREMIUM_ECONOMY = "premium economy"
    BUSINESS = "business"
    FIRST = "first"
