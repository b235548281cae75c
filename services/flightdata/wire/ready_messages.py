"""Messages of cached searches, kept ready to send; only their ages are updated."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from readback.flightdata.v1 import flightdata_service_pb2 as pb

from services.flightdata.model.queries import SearchQuery
from services.flightdata.model.search_results import Found, Results
from services.flightdata.wire import messages, values

MOST = 256
"""Searches whose messages are kept."""
EXACT_TO = timedelta(seconds=0.1)
"""Largest error of an age."""


@dataclass(slots=True)
class _Ready:
    answers: Sequence[Found]
    until: datetime
    messages: Sequence[pb.SearchFlightsResponse]
    provenances: Sequence[pb.Provenance]
    aged_at: datetime


class ReadyMessages:
    """Messages by query, valid while the cached answers are the same and nothing in them left or expired."""

    def __init__(self) -> None:
        self._ready: OrderedDict[SearchQuery, _Ready] = OrderedDict()

    def of(
        self,
        query: SearchQuery,
        answers: Sequence[Found],
        now: datetime,
        work_out: Callable[[], Sequence[Results | pb.SearchDone]],
    ) -> Sequence[pb.SearchFlightsResponse]:
        """Return the messages of a search over these cached answers; call `work_out` if they aren't ready.

        Send them before the next call: it may update their ages.
        """
        ready = self._ready.get(query)
        if ready is None or now >= ready.until or not _are_same(ready.answers, answers):
            written = [messages.search_event(event, now) for event in work_out()]
            provenances = [p for message in written for p in _provenances(message)]
            ready = _Ready(answers, _first_end(answers, now), written, provenances, now)
            self._ready[query] = ready
            while len(self._ready) > MOST:
                self._ready.popitem(last=False)
        self._ready.move_to_end(query)
        if abs(now - ready.aged_at) > EXACT_TO:
            ready.aged_at = now
            for provenance in ready.provenances:
                fetched = provenance.fetch_time.ToDatetime(now.tzinfo)
                provenance.age.CopyFrom(values.duration(max(timedelta(), now - fetched)))
        return ready.messages


def _are_same(ready: Sequence[Found], answers: Sequence[Found]) -> bool:
    """Compare by identity: the cache returns the same object until the stored answer changes."""
    return len(ready) == len(answers) and all(a is b for a, b in zip(ready, answers, strict=True))


def _first_end(answers: Sequence[Found], now: datetime) -> datetime:
    """Return when the next flight leaves or the next offer expires."""
    ends = [itinerary.departure.at.utc for answer in answers for itinerary in answer.itineraries]
    ends += [offer.expires for answer in answers for offer in answer.offers]
    return min((end for end in ends if end > now), default=datetime.max.replace(tzinfo=now.tzinfo))


def _provenances(message: pb.SearchFlightsResponse) -> Iterator[pb.Provenance]:
    yield from (itinerary.provenance for itinerary in message.results.itineraries)
    yield from (offer.provenance for offer in message.results.offers)
    if message.HasField("done"):
        yield message.done.provenance
