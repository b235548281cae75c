"""Read-backs of quotes: what the customer hears before they consent, written by the server.

A read-back takes at most 25 seconds, ends with its only question, and contains no reply that would consent.
Otherwise a microphone that hears the agent's own voice could consent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from readback.booking.v1 import quotes_pb2
from readback.booking.v1.quotes_pb2 import (
    Allowance,
    FareCondition,
    FlightItem,
    LocalizedText,
    QuoteKind,
    QuoteTerms,
)
from readback.flightdata.v1.flights_pb2 import Cabin, Segment

from consent.reading import consenting_phrases
from services.booking.wording.phrases import LOCALES, Phrases, phrases_of

MOST_SECONDS = 25.0
CHARACTERS_PER_SECOND = 14.0
"""Slow speech, so that the estimate is rather too long."""
_CONDITIONS: Mapping[Allowance.ValueType, str] = {
    quotes_pb2.ALLOWANCE_UNSPECIFIED: "not_stated",
    quotes_pb2.ALLOWANCE_NOT_ALLOWED: "not_allowed",
}


def read_backs(terms: QuoteTerms) -> list[LocalizedText]:
    """Return the read-back in each language in which it can be said in time."""
    texts = [(locale, read_back(terms, phrases_of(locale))) for locale in LOCALES]
    return [LocalizedText(locale=locale, text=text) for locale, text in texts if text is not None]


def read_back(terms: QuoteTerms, phrases: Phrases) -> str | None:
    """Return the read-back, without the times of arrival if it is too long with them.

    None if it is too long without them too, or if a name in it, such as "Yes", would consent.
    """
    # Only the names: the whole text takes half a second, and a test checks the phrases around them.
    if any(phrase for name in _names(terms) for phrase in consenting_phrases(name, phrases.locale)):
        return None
    for arrivals in (True, False):
        text = " ".join(_sentences(terms, phrases, arrivals=arrivals))
        if seconds_of(text) <= MOST_SECONDS:
            return text
    return None


def _names(terms: QuoteTerms) -> Iterator[str]:
    """Yield the parts of a read-back that come from data."""
    for passenger in terms.passengers:
        yield f"{passenger.given_name} {passenger.family_name}"
    for item in terms.items:
        for segment in item.flights.segments:
            yield from (segment.carrier, segment.departure.city, segment.arrival.city)


def seconds_of(text: str) -> float:
    """Return an estimate of the time it takes to say a text."""
    return len(text) / CHARACTERS_PER_SECOND


def _sentences(terms: QuoteTerms, phrases: Phrases, *, arrivals: bool) -> Iterator[str]:
    if terms.sandbox:
        yield phrases.say("practice")
    flights = [item.flights for item in terms.items]
    segments = [segment for each in flights for segment in each.segments]
    said = phrases.listed([_flight(segment, phrases, arrivals=arrivals) for segment in segments])
    yield phrases.say(_OPENINGS[terms.kind], flights=said)
    yield from _DETAILS[terms.kind](terms, flights[0], phrases)
    yield phrases.say("question")


def _flight(segment: Segment, phrases: Phrases, *, arrivals: bool) -> str:
    leaves, arrives = (datetime.fromisoformat(end.local_time) for end in (segment.departure, segment.arrival))
    language = phrases.language
    return phrases.say(
        "flight_to" if arrivals else "flight",
        flight=language.flight(segment.flight_number, carrier=segment.carrier),
        origin=segment.departure.city,
        destination=segment.arrival.city,
        day=language.weekday_date(leaves.date()),
        departs=language.clock(leaves),
        arrives=language.clock(arrives),
    )


def _booked(terms: QuoteTerms, first: FlightItem, phrases: Phrases) -> Iterator[str]:
    yield _passengers(terms, first, phrases)
    if first.HasField("bags"):
        name = str(first.bags) if first.bags < 2 else "many"
        yield phrases.say("bags", name, count=phrases.language.number(first.bags).capitalize())
    yield _refund(first.conditions.refund, phrases)
    yield phrases.say("total", amount=phrases.amount(terms.total))


def _changed(terms: QuoteTerms, first: FlightItem, phrases: Phrases) -> Iterator[str]:
    yield _passengers(terms, first, phrases)
    yield phrases.say("fee", amount=phrases.amount(terms.fee))
    if terms.refund.minor_units:
        yield phrases.say("refunded", amount=phrases.amount(terms.refund))
    yield phrases.say("to_pay", amount=phrases.amount(terms.total))


def _cancelled(terms: QuoteTerms, _: FlightItem, phrases: Phrases) -> Iterator[str]:
    for field, stated, not_stated in (
        ("fee", "fee", "fee_not_stated"),
        ("refund", "refunded", "refund_not_stated"),
    ):
        if terms.HasField(field):  # type: ignore[arg-type]  # the names of two fields
            yield phrases.say(stated, amount=phrases.amount(getattr(terms, field)))
        else:
            yield phrases.say(not_stated)


def _passengers(terms: QuoteTerms, first: FlightItem, phrases: Phrases) -> str:
    names = [f"{each.given_name} {each.family_name}" for each in terms.passengers]
    cabin = phrases.say("cabins", Cabin.Name(first.cabin).removeprefix("CABIN_"))
    return phrases.say("passengers", names=phrases.listed(names), cabin=cabin)


def _refund(condition: FareCondition, phrases: Phrases) -> str:
    if name := _CONDITIONS.get(condition.allowance):
        return phrases.say("refund", name)
    if not condition.HasField("fee"):
        return phrases.say("refund", "fee_not_stated")
    if not condition.fee.minor_units:
        return phrases.say("refund", "free")
    return phrases.say("refund", "fee", fee=phrases.amount(condition.fee))


_OPENINGS: Mapping[QuoteKind.ValueType, str] = {
    quotes_pb2.QUOTE_KIND_BOOKING: "book",
    quotes_pb2.QUOTE_KIND_CANCELLATION: "cancel",
    quotes_pb2.QUOTE_KIND_CHANGE: "change",
}
_DETAILS: Mapping[QuoteKind.ValueType, Callable[[QuoteTerms, FlightItem, Phrases], Iterator[str]]] = {
    quotes_pb2.QUOTE_KIND_BOOKING: _booked,
    quotes_pb2.QUOTE_KIND_CANCELLATION: _cancelled,
    quotes_pb2.QUOTE_KIND_CHANGE: _changed,
}
