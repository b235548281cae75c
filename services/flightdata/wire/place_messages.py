"""Conversion of places to contract messages."""

from __future__ import annotations

from datetime import datetime

from google.type.latlng_pb2 import LatLng
from readback.flightdata.v1 import places_pb2

from agent.language import ENGLISH, Language
from services.flightdata.model.instants import zone_of
from services.flightdata.places import Airport, Annotation, Candidate, Place
from services.flightdata.places.questions import clarifying
from services.flightdata.wire.requests import KINDS

_KIND_VALUES = {kind: value for value, kind in KINDS.items()}


def place(value: Place) -> places_pb2.Place:
    """Return a place as a message."""
    return places_pb2.Place(
        code=value.code,
        kind=_KIND_VALUES[value.kind],
        name=value.name,
        city=value.city,
        country_code=value.country_code,
        country=value.country,
        time_zone=value.zone,
        airport_codes=value.airports,
    )


def candidate(value: Candidate) -> places_pb2.PlaceCandidate:
    """Return a candidate for spoken words as a message."""
    return places_pb2.PlaceCandidate(place=place(value.place), score=value.score)


def annotation(value: Annotation, language: Language = ENGLISH) -> places_pb2.PlaceAnnotation:
    """Return a place name in a sentence as a message, with a question in `language` if it is ambiguous."""
    resolution = value.resolution
    return places_pb2.PlaceAnnotation(
        start=value.start,
        end=value.end,
        text=value.text,
        candidates=[candidate(c) for c in resolution.candidates],
        margin=resolution.margin,
        confident=resolution.confident,
        question=clarifying(resolution, language),
    )


def airport(value: Airport, now: datetime) -> places_pb2.Airport:
    """Return an airport with its local time as a message."""
    return places_pb2.Airport(
        code=value.code,
        icao_code=value.icao,
        name=value.name,
        city=value.city,
        metro_code=value.metro if value.metro != value.code else "",
        country_code=value.country_code,
        country=value.country,
        time_zone=value.zone,
        location=LatLng(latitude=value.latitude, longitude=value.longitude),
        elevation_feet=value.elevation_feet,
        current_local_time=now.astimezone(zone_of(value.zone)).isoformat(timespec="seconds"),
    )
