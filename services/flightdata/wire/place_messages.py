"""Places as the contract writes them."""

from __future__ import annotations

from datetime import datetime

from google.type.latlng_pb2 import LatLng
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from agent.language import ENGLISH, Language
from services.flightdata.model.instants import zone_of
from services.flightdata.places import Airport, Annotation, Candidate, Kind, Place
from services.flightdata.places.questions import clarifying

_KINDS = {Kind.AIRPORT: pb.PLACE_KIND_AIRPORT, Kind.METRO: pb.PLACE_KIND_METRO}


def place(of: Place) -> pb.Place:
    """A place."""
    return pb.Place(
        code=of.code,
        kind=_KINDS[of.kind],
        name=of.name,
        city=of.city,
        country_code=of.country_code,
        country=of.country,
        time_zone=of.zone,
        airport_codes=of.airports,
    )


def candidate(of: Candidate) -> pb.PlaceCandidate:
    """A place that words may mean."""
    return pb.PlaceCandidate(place=place(of.place), score=of.score)


def annotation(of: Annotation, language: Language = ENGLISH) -> pb.PlaceAnnotation:
    """Return a place found in a sentence, with a question in `language` if it is ambiguous."""
    found = of.resolution
    return pb.PlaceAnnotation(
        start=of.start,
        end=of.end,
        text=of.text,
        candidates=[candidate(c) for c in found.candidates],
        margin=found.margin,
        confident=found.confident,
        question=clarifying(found, language),
    )


def airport(of: Airport, now: datetime) -> pb.Airport:
    """An airport, with the time there."""
    return pb.Airport(
        code=of.code,
        icao_code=of.icao,
        name=of.name,
        city=of.city,
        metro_code=of.metro,
        country_code=of.country_code,
        country=of.country,
        time_zone=of.zone,
        location=LatLng(latitude=of.latitude, longitude=of.longitude),
        elevation_feet=of.elevation_feet,
        local_time=now.astimezone(zone_of(of.zone)).isoformat(timespec="seconds"),
    )
