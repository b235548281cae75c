"""What to ask when words may mean several places."""

from __future__ import annotations

import re

from services.flightdata.places.place import Place, Resolution

_WITH_ARTICLE = re.compile(
    r"^(United|Democratic|Republic|Central African|Isle)\b|\b(Islands|Republic|Emirates)$|^(Bahamas|Comoros|Gambia|Maldives|Philippines)$"
)
RIVAL_MARGIN = 0.15
"""A second candidate nearer than this is worth naming beside the first."""


def clarifying(resolution: Resolution) -> str:
    """A question for the caller, in words that tell twins apart; empty when the first candidate is sure."""
    if resolution.confident:
        return ""
    first, *others = [candidate.place for candidate in resolution.candidates]
    if not others or (resolution.margin >= RIVAL_MARGIN and others[0].city != first.city):
        return f"Did you mean {_told(first)}?"
    return f"Did you mean {_told(first)}, or {_told(others[0])}?"


def _told(place: Place) -> str:
    return f"{place.city} in {with_article(place.country)}"


def with_article(country: str) -> str:
    """Says "the United Kingdom", "France"."""
    bare = country.removeprefix("The ")
    return f"the {bare}" if bare != country or _WITH_ARTICLE.search(country) else country
