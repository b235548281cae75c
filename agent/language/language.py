"""Everything that a language must provide: its grammars and its wording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Protocol

from google.protobuf.message import Message
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flightdata_service_pb2 as pb

from agent.language.found_flight import FoundFlight, Wishes
from agent.language.meanings import Acts, Completeness, Expectation, PlaceRoles, Reading, SpanT
from agent.language.spans import Span


class Grammars(Protocol):
    """Understanding.

    Unless stated otherwise, `text` is lower case; results that name a position refer to it.
    """

    def read(
        self,
        text: str,
        original: str,
        *,
        awaiting: Expectation,
        asked: str | None = None,
        offered: bool = False,
    ) -> Reading:
        """Read everything that needs no places.

        `original` is the text in its own case; `asked` is the slot last asked for.
        """

    def place_roles(self, text: str, mentions: Sequence[SpanT]) -> PlaceRoles[SpanT]:
        """Return which place is the origin, the destination, and so on."""

    def unknown_places(self, text: str, known: Sequence[Span]) -> Mapping[str, str]:
        """Return `{"origin" or "destination": words}` for words in a place's position that aren't `known`."""

    def with_routes_in_words(self, text: str) -> str:
        """Return text in its own case with routes in words, "DEL to BOM" for "DEL-BOM"."""

    def plain_words(self, text: str) -> str:
        """Return the words with single spaces, without punctuation."""

    def acts_of(self, text: str) -> Acts:
        """Return the acts an utterance opens with.

        Their names are greeting, goodbye, thanks, help, repeat, affirm, deny, more and way_back.
        """

    def opens_with(self, cue: str, text: str) -> bool:
        """Return whether the text opens with a "correction" or with words that "refine" a search."""

    def speaks_of(self, subject: str, text: str) -> bool:
        """Return whether the text contains words for a subject: see `en/data/subjects.json` for the names."""

    def topic_out_of_scope(self, text: str) -> str | None:
        """Return the name of a topic out of scope: see `en/data/topics.json` for the names."""

    def names_country(self, text: str, country: str, code: str) -> bool:
        """Return whether the text names this country (its English name and ISO 3166-1 alpha-2 code)."""

    def completeness(self, text: str, expectation: Expectation = ...) -> Completeness:
        """Judge a partial transcript, in any case, as an answer to a question for `expectation`."""

    def without_opening(self, text: str) -> str:
        """Return text in its own case without opening words that say nothing about the request."""


class Wording(Protocol):
    """Speaking."""

    def phrases(self) -> Mapping[str, str]:
        """Return all sentences by name: see `en/data/phrases.json` for the names."""

    def phrase(self, name: str, /, **parts: str) -> str:
        """Return a sentence with its parts filled in."""

    def number(self, value: int) -> str:
        """Return a number in words."""

    def counted(self, amount: int, noun: str) -> str:
        """Return a number of things. `noun` is "flight", "more flight", "stop" or "time"."""

    def clock(self, moment: time | datetime) -> str:
        """Return a clock time with its part of the day."""

    def day(self, when: date, today: date) -> str:
        """Return a day as part of a sentence, seen from `today`."""

    def weekday(self, when: date) -> str:
        """Return the name of a weekday."""

    def weekday_date(self, when: date) -> str:
        """Return a date with its weekday."""

    def full_date(self, when: date) -> str:
        """Return a date without its weekday."""

    def spelled(self, code: str) -> str:
        """Return a code letter by letter."""

    def airline(self, code: str) -> str:
        """Return the name of an airline by its IATA code."""

    def flight(self, flight_number: str, *, carrier: str = "") -> str:
        """Return a flight number, with the airline's name if it is known."""

    def with_article(self, country: str) -> str:
        """Return a country's name as part of a sentence."""

    def place_name(self, city: str, country: str) -> str:
        """Return a city with its country."""

    def price(self, money: Money) -> str:
        """Return a price, rounded to whole units."""

    def wishes_words(self, wishes: Wishes) -> str:
        """Return the wishes as the end of a sentence; "" for none."""

    def option(self, found: FoundFlight, index: int, wishes: Wishes, *, only: bool) -> str:
        """Return one line of a list of flights."""

    def details(self, name: str, itinerary: pb.Itinerary, **parts: str) -> Iterator[str]:
        """Yield sentences on the times of an itinerary; `name` is that of a phrase."""

    def change_words(self, city: str, *, overnight: bool, next_airport: str) -> str:
        """Return a change of planes for a flight card."""

    def status_sentences(self, status: pb.FlightStatus, now: datetime) -> Iterator[str]:
        """Yield sentences on the status of a flight at an aware time."""

    def route_line(self, status: pb.FlightStatus) -> str:
        """Return one line of a list of flights of a route."""

    def answer_line(self, messages: Sequence[Message]) -> str:
        """Return a line that sums up the messages of a flight-data answer; "" if there is none for them."""


class Language(Grammars, Wording, Protocol):
    """A language. A package such as `agent.language.en` provides all of it as functions."""
