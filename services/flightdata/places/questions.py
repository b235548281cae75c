"""Questions to the caller about an ambiguous place."""

from __future__ import annotations

from agent.language import ENGLISH, Language
from services.flightdata.places.place import Resolution

RIVAL_MARGIN = 0.15
"""Score difference below which the question names the second candidate too."""


def clarifying(resolution: Resolution, language: Language = ENGLISH) -> str:
    """Return a question with the likeliest places and their countries; empty if `confident` is set.

    Cities with the same name in the same country are told apart by their airports.
    """
    if resolution.confident:
        return ""
    first, *others = [candidate.place for candidate in resolution.candidates]
    place = language.place_name(first.city, first.country)
    if not others or (resolution.margin >= RIVAL_MARGIN and others[0].city != first.city):
        return language.phrase("confirm_place", place=place)
    other = language.place_name(others[0].city, others[0].country)
    if other == place:  # two cities of the same name in one country
        place, other = first.name, others[0].name
    return language.phrase("confirm_either_place", place=place, other=other)
