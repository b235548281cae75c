"""Places in the dialogue, and the interface for finding places in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo

from readback.flightdata.v1 import places_pb2


@dataclass(frozen=True, slots=True)
class Place:
    """An airport (`kind` "airport"), or a city with several airports and a metro code (`kind` "metro")."""

    code: str
    name: str
    city: str
    country_code: str
    country: str
    time_zone: str
    kind: str = "airport"
    airport_codes: tuple[str, ...] = ()

    @classmethod
    def of(cls, message: places_pb2.Place) -> Place:
        """Return the place from its contract message."""
        return cls(
            message.code,
            message.name,
            message.city or message.name,
            message.country_code,
            message.country,
            message.time_zone,
            "metro" if message.kind == places_pb2.PLACE_KIND_METRO else "airport",
            tuple(message.airport_codes),
        )

    @property
    def zone(self) -> ZoneInfo:
        """The local time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def message_kind(self) -> places_pb2.PlaceKind.ValueType:
        """The kind as in the contract."""
        return places_pb2.PLACE_KIND_METRO if self.kind == "metro" else places_pb2.PLACE_KIND_AIRPORT

    def same_as(self, other: Place) -> bool:
        """Return whether both places are the same, or one is an airport of the other."""
        return bool({self.code, *self.airport_codes} & {other.code, *other.airport_codes})

    def message(self) -> places_pb2.Place:
        """Return the place as a contract message."""
        kind = places_pb2.PLACE_KIND_METRO if self.kind == "metro" else places_pb2.PLACE_KIND_AIRPORT
        return places_pb2.Place(
            code=self.code,
            kind=kind,
            name=self.name,
            city=self.city,
            country_code=self.country_code,
            country=self.country,
            time_zone=self.time_zone,
            airport_codes=self.airport_codes,
        )


class PlaceAnnotator(Protocol):
    """Interface that finds all places in a sentence, including misrecognised names."""

    async def annotate(self, text: str, *, home_country: str) -> Sequence[places_pb2.PlaceAnnotation]:
        """Return the places in the order of the sentence, without overlaps, each with one or more candidates.

        Candidates in `home_country` (ISO 3166-1 alpha-2) rank higher.

        Raises:
            ToolUnavailable: places can't be looked up.
        """
        ...
