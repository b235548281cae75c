"""Interface of a language: its grammars and its wording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Protocol

from google.protobuf.message import Message
from google.type.money_pb2 import Money
from readback.flightdata.v1 import flight_status_pb2, flights_pb2

from agent.language.found_flight import FoundFlight, Wishes
from agent.language.meanings import Acts, Completeness, Expectation, PlaceRoles, Reading, SpanT
from agent.language.spans import Span


class Grammars(Protocol):
    """Functions that understand text.

    Unless stated otherwise, `text` is in lower case, and positions in results refer to `text`.
    """

    def read(
        self,
        text: str,
        original: str,
        *,
        awaiting: Expectation,
        asked: str | None = None,
        offered: bool = False,
        country: str = "IN",
    ) -> Reading:
        """Read all parts of an utterance except places.

        `original` is the text in its original case. `asked` is the slot or subject of the open question.
        `offered` is True if there are flights that "the second one" can refer to. `country` is the caller's
        (ISO 3166-1 alpha-2), for the names of holidays.
        """

    def asked_by(self, question: str) -> tuple[Expectation, str | None]:
        """Return the kind of answer that a question of the agent asks for, and its subject.

        Subjects are named as in `Context.asked`; "several" if the question is about more than one.
        """

    def place_roles(self, text: str, mentions: Sequence[SpanT]) -> PlaceRoles[SpanT]:
        """Return the role of each mentioned place: origin, destination, and so on."""

    def unknown_places(self, text: str, known: Sequence[Span]) -> Mapping[str, str]:
        """Return words in the position of a place that aren't `known`, by role ("origin", "destination")."""

    def request_boundaries(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield the parts of a text, in its original case, before and after each likely end of a request."""

    def with_routes_in_words(self, text: str) -> str:
        """Return text in its original case with routes as words: "DEL to BOM" for "DEL-BOM"."""

    def with_repaired_numbers(self, text: str) -> str:
        """Return text in its original case with "three tickets" for "two tickets, no, three"."""

    def plain_words(self, text: str) -> str:
        """Return the words with single spaces, without punctuation."""

    def acts_of(self, text: str) -> Acts:
        """Return the speech acts at the beginning of an utterance.

        Their names are greeting, goodbye, thanks, help, repeat, affirm, deny, more and way_back.
        """

    def loose_act(self, text: str) -> str | None:
        """Return the act that a whole utterance performs, for utterances that name nothing else, or None."""

    def foreign_words(self, text: str) -> int:
        """Return the number of words that no request for flights needs.

        `text` is an utterance without its recognised pieces and places.
        """

    def is_ordinary(self, word: str) -> bool:
        """Return whether a word is an ordinary one of the language."""

    def opens_with(self, cue: str, text: str) -> bool:
        """Return whether the text begins with a cue, for example "refine" for a change of the search.

        The others are "correction", "asks_about" for a question and "tells" for a statement.
        """

    def speaks_of(self, subject: str, text: str) -> bool:
        """Return whether the text contains words about a subject, named as in `en/data/subjects.json`."""

    def topic_out_of_scope(self, text: str) -> str | None:
        """Return the name of an out-of-scope topic in the text, as in `en/data/topics.json`, or None."""

    def names_country(self, text: str, country: str, code: str) -> bool:
        """Return whether the text names a country, given as English name and ISO 3166-1 alpha-2 `code`."""

    def completeness(self, text: str, expectation: Expectation = ...) -> Completeness:
        """Return how complete a partial transcript, in any case, is as the expected kind of answer."""

    def without_opening(self, text: str) -> str:
        """Return text in its original case without introductory words such as "hello, I'd like to"."""


class Wording(Protocol):
    """Functions that return the words to speak."""

    def phrases(self) -> Mapping[str, str]:
        """Return all phrases by name, as in `en/data/phrases.json`."""

    def phrase(self, name: str, /, **parts: str) -> str:
        """Return the phrase called `name`, with its parts filled in."""

    def number(self, value: int) -> str:
        """Return a number in words."""

    def counted(self, amount: int, noun: str) -> str:
        """Return a number with its noun, which is "flight", "more flight", "stop" or "time"."""

    def clock(self, moment: time | datetime) -> str:
        """Return a clock time with its part of the day."""

    def day(self, when: date, today: date) -> str:
        """Return a day as part of a sentence, relative to `today`, with its year if it is another one."""

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
        """Return the wishes as the end of a sentence, or "" if there are none."""

    def option(self, found: FoundFlight, index: int, wishes: Wishes, *, only: bool) -> str:
        """Return the sentence for one flight of a list."""

    def details(self, name: str, itinerary: flights_pb2.Itinerary, **parts: str) -> Iterator[str]:
        """Yield sentences about the times of an itinerary. `name` is the name of the phrase to use."""

    def status_sentences(self, status: flight_status_pb2.FlightStatus, now: datetime) -> Iterator[str]:
        """Yield sentences about the status of a flight. `now` must be an aware datetime."""

    def route_line(self, status: flight_status_pb2.FlightStatus) -> str:
        """Return the sentence for the status of one flight of a route."""

    def answer_line(self, messages: Sequence[Message]) -> str:
        """Return a one-line summary of a flight-data answer, or "" for unknown messages."""


class Language(Grammars, Wording, Protocol):
    """A language. A package such as `agent.language.en` provides all these functions."""
