"""Messages of what is told again, written once: only their ages change."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from readback.flightdata.v1 import flightdata_service_pb2 as pb

from services.flightdata import flight_messages
from services.flightdata.message_values import duration
from services.flightdata.searching import SearchEvent

MOST = 512
"""Messages that are held ready."""


class WrittenEvents:
    """Messages of events that are told again; only their ages change."""

    def __init__(self) -> None:
        self._written: OrderedDict[int, tuple[object, pb.SearchFlightsResponse, Sequence[pb.Provenance]]] = OrderedDict()

    def message(self, of: SearchEvent, now: datetime) -> pb.SearchFlightsResponse:
        """One message of a search, to be sent before the next is asked for."""
        # By identity: the event is held here, so no other can take its place.
        event, message, said = self._written.get(id(of), (None, None, ()))
        if message is None or event is not of:
            message = flight_messages.event(of, now)
            said = [provenance for provenance in _provenances(message) if provenance.cached]
            if said:
                self._keep(of, message, said)
            return message
        self._written.move_to_end(id(of))
        for provenance in said:
            provenance.age.CopyFrom(duration(max(timedelta(), now - provenance.fetch_time.ToDatetime(now.tzinfo))))
        return message

    def _keep(self, of: object, message: pb.SearchFlightsResponse, said: Sequence[pb.Provenance]) -> None:
        self._written[id(of)] = (of, message, said)
        while len(self._written) > MOST:
            self._written.popitem(last=False)


def _provenances(message: pb.SearchFlightsResponse) -> Iterator[pb.Provenance]:
    yield from (itinerary.provenance for itinerary in message.results.itineraries)
    yield from (offer.provenance for offer in message.results.offers)
    if message.HasField("done"):
        yield message.done.provenance
