"""Places: find the airports and cities that a traveller's words mean, even in misrecognised speech.

These functions need no server. The service offers them over gRPC; the command line and the dialogue's tests
call them directly.
"""

from __future__ import annotations

from services.flightdata.places import annotation, lexicon, matching
from services.flightdata.places.lexicon import load
from services.flightdata.places.place import (
    Airport,
    Annotation,
    Candidate,
    Kind,
    Place,
    PlaceNotFound,
    PlaceNotRecognised,
    Resolution,
)

__all__ = [
    "Airport",
    "Annotation",
    "Candidate",
    "Kind",
    "Place",
    "PlaceNotFound",
    "PlaceNotRecognised",
    "Resolution",
    "airport",
    "annotate",
    "load",
    "place",
    "resolve",
]


def annotate(text: str, *, home_country: str = "") -> list[Annotation]:
    """Return every place named in a text, in the order of the text, with up to three candidates each."""
    return annotation.annotate(lexicon.load(), text, home_country=home_country)


def resolve(query: str, *, home_country: str = "", limit: int = 3) -> Resolution:
    """Return the places that a few words may mean. Raises `PlaceNotRecognised`."""
    return matching.resolve(lexicon.load(), query, home_country=home_country, limit=limit)


def place(code: str) -> Place:
    """Return the metropolitan area or airport with an IATA code. Raises `PlaceNotFound`."""
    return lexicon.load().place(code)


def airport(code: str) -> Airport:
    """Return the airport with an IATA code. Raises `PlaceNotFound`."""
    return lexicon.load().airport(code)
