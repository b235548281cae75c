"""Complete messages of searches with cached answers. Only the ages in the messages are updated."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from readback.flightdata.v1 import flights_pb2

from services.flightdata.model.queries import SearchQuery
from services.flightdata.model.search_results import Found, Results
from services.flightdata.wire import messages, values

MOST = 256
"""Maximum number of searches whose messages are kept."""
EXACT_TO = timedelta(seconds=0.1)
"""Maximum error of an age in the messages."""


@dataclass(slots=True)
class _Ready:
    answers: Sequence[Found]
    until: datetime
    messages: Sequence[flights_pb2.SearchFlightsResponse]
    provenances: Sequence[flights_pb2.Provenance]
    aged_at: datetime


class ReadyMessages:
    """Complete messages by query, valid until an answer changes, a flight departs or an offer expires."""

    def __init__(self) -> None:
        self._ready: OrderedDict[SearchQuery, _Ready] = OrderedDict()

    def of(
        self,
        query: SearchQuery,
        answers: Sequence[Found],
        now: datetime,
        work_out: Callable[[], Sequence[Results | flights_pb2.SearchDone]],
    ) -> Sequence[flights_pb2.SearchFlightsResponse]:
        """Return the messages of a search with cached answers. Without valid ones, call `work_out` first.

        Send the messages before the next call, because the next call may change the ages in them.
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
    """Return the time when the next flight departs or the next offer expires, whichever is first."""
    ends = [itinerary.departure.at.utc for answer in answers for itinerary in answer.itineraries]
    ends += [offer.expires for answer in answers for offer in answer.offers]
    return min((end for end in ends if end > now), default=datetime.max.replace(tzinfo=now.tzinfo))


def _provenances(message: flights_pb2.SearchFlightsResponse) -> Iterator[flights_pb2.Provenance]:
    yield from (itinerary.provenance for itinerary in message.results.itineraries)
    yield from (offer.provenance for offer in message.results.offers)
    if message.HasField("done"):
        yield from message.done.provenances
