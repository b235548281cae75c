"""Messages of what is told again, written once: only their ages change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from readback.flightdata.v1 import flightdata_service_pb2 as pb

from services.flightdata.search.searching import SearchEvent
from services.flightdata.wire import messages as flight_messages
from services.flightdata.wire.values import duration

MOST = 512
"""Messages that are held ready."""
EXACT_TO = timedelta(seconds=0.1)
"""How far behind an age may be."""


@dataclass(slots=True)
class _Written:
    """A message and those parts of it that age."""

    event: SearchEvent
    message: pb.SearchFlightsResponse
    said: Sequence[pb.Provenance]
    at: datetime


class WrittenEvents:
    """Messages by the event they tell, for those that come from a cache."""

    def __init__(self) -> None:
        self._written: OrderedDict[int, _Written] = OrderedDict()

    def message(self, of: SearchEvent, now: datetime) -> pb.SearchFlightsResponse:
        """One message of a search, to be sent before the next is asked for."""
        # By identity: the event is held here, so no other can take its place.
        known = self._written.get(id(of))
        if known is None:
            return self._first(of, now)
        self._written.move_to_end(id(of))
        if abs(now - known.at) > EXACT_TO:
            known.at = now
            for provenance in known.said:
                fetched = provenance.fetch_time.ToDatetime(now.tzinfo)
                provenance.age.CopyFrom(duration(max(timedelta(), now - fetched)))
        return known.message

    def _first(self, of: SearchEvent, now: datetime) -> pb.SearchFlightsResponse:
        message = flight_messages.event(of, now)
        said = list(_provenances(message))
        # What isn't from a cache is told once; progress has no age at all.
        if said and all(provenance.cached for provenance in said):
            self._written[id(of)] = _Written(of, message, said, now)
            while len(self._written) > MOST:
                self._written.popitem(last=False)
        return message


def _provenances(message: pb.SearchFlightsResponse) -> Iterator[pb.Provenance]:
    yield from (itinerary.provenance for itinerary in message.results.itineraries)
    yield from (offer.provenance for offer in message.results.offers)
    if message.HasField("done"):
        yield message.done.provenance
