"""Doubles of the dialogue's collaborators: a small gazetteer of exact names, and a fixed timetable."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flight_status_pb2, flights_pb2, places_pb2

from agent.dialogue.dialogue import Dialogue
from agent.dialogue.places import Place
from agent.dialogue.search_answer import SearchAnswer
from agent.dialogue.state import DialogueState
from agent.dialogue.tools import DateBeyondHorizon, FlightNotFound, PlaceUnknown
from agent.dialogue.turn import End, Event, Speech, ToolFinished, ToolStarted
from agent.language.flight_times import day_of
from agent.language.hearing import HeardPlace
from mesh.contracts.tool_arguments import arguments_from

Day = date
CITIES = """
MAA Chennai|DEL Delhi|BOM Mumbai|BLR Bengaluru|HYD Hyderabad|CCU Kolkata|PNQ Pune|COK Kochi|GOI Goa|
AMD Ahmedabad|JAI Jaipur|LKO Lucknow|IXM Madurai|CJB Coimbatore|GAU Guwahati|TRZ Tiruchirappalli|
IXZ Port Blair|IXL Leh|BHO Bhopal|IXB Bagdogra|SIN Singapore SG Asia/Singapore|
DXB Dubai AE Asia/Dubai|LHR Heathrow GB Europe/London|
SFO San Francisco US America/Los_Angeles
"""
METROS = {
    "LON": ("London", "GB", "Europe/London", ("LHR", "LGW")),
    "NYC": ("New York", "US", "America/New_York", ("JFK", "EWR", "LGA")),
}
MISHEARD = """
chinai MAA|chinna MAA|cochi COK|lookno LKO|deli DEL|lumbai BOM|bangaloreu BLR|
bangalore BLR|trichy TRZ|call caught up CCU|mum by BOM
"""
ALIASES = dict(entry.strip().rsplit(" ", 1) for entry in MISHEARD.split("|"))


def _gazetteer() -> dict[str, Place]:
    places = {}
    for entry in CITIES.replace("\n", "").split("|"):
        code, *words = entry.split()
        abroad = len(words) > 2 and "/" in words[-1]
        name = " ".join(words[:-2] if abroad else words)
        country, zone = words[-2:] if abroad else ("IN", "Asia/Kolkata")
        places[code] = Place(
            code,
            f"{name} Airport",
            name,
            country,
            {"IN": "India"}.get(country, country),
            zone,
            "airport",
            (code,),
        )
    for code, (city, country, zone, airports) in METROS.items():
        places[code] = Place(code, city, city, country, country, zone, "metro", airports)
    return places


PLACES = _gazetteer()
KOCHI_QUESTION = "Did you mean Kochi in India, or Kochi in Japan?"
KOCHI_JAPAN = Place("KCZ", "Kochi Ryoma Airport", "Kochi", "JP", "Japan", "Asia/Tokyo", "airport", ("KCZ",))


class ExactGazetteer:
    """A gazetteer of the names above, and of a few names it is unsure of."""

    def __init__(self) -> None:
        self.names = (
            {place.city.lower(): code for code, place in PLACES.items()}
            | ALIASES
            | {code.lower(): code for code in PLACES}
        )
        longest_first = sorted([*self.names, "cochin", "kochee", "blurtown"], key=len, reverse=True)
        self.pattern = re.compile(rf"\b(?:{'|'.join(longest_first)})\b", re.IGNORECASE)

    async def annotate(self, text: str, *, home_country: str) -> Sequence[places_pb2.PlaceAnnotation]:
        return [self._found(match) for match in self.pattern.finditer(text)]

    def _found(self, match: re.Match[str]) -> places_pb2.PlaceAnnotation:
        match match.group().lower():
            case "cochin":
                return annotation(match, {PLACES["COK"]: 0.7, KOCHI_JAPAN: 0.66}, KOCHI_QUESTION)
            case "kochee":
                return annotation(
                    match, {PLACES["COK"]: 0.7, KOCHI_JAPAN: 0.5}, "Did you mean Kochi in India?"
                )
            case "blurtown":
                return annotation(match, {PLACES["BLR"]: 0.6})
            case name:
                return annotation(match, {PLACES[self.names[name]]: 1.0})


def annotation(
    match: re.Match[str], scores: Mapping[Place, float], question: str = ""
) -> places_pb2.PlaceAnnotation:
    """A place found in a sentence; confident if its score is 1."""
    candidates = [
        places_pb2.PlaceCandidate(place=place.message(), score=score) for place, score in scores.items()
    ]
    return places_pb2.PlaceAnnotation(
        start=match.start(),
        end=match.end(),
        text=match.group(),
        candidates=candidates,
        confident=1.0 in scores.values(),
        question=question,
    )


TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
"""A Monday noon in India."""
LAST_DATE = date(2027, 10, 19)
DEPARTURES = (
    (6, 15, "AI", "Air India", 542, 5200),
    (9, 30, "6E", "IndiGo", 234, 4800),
    (13, 0, "SG", "SpiceJet", 106, 4100),
    (18, 45, "AI", "Air India", 560, 6150),
    (21, 5, "6E", "IndiGo", 777, 5050),
)
FLYING_TIME = timedelta(hours=2, minutes=45)


def money(units: int) -> dict[str, Any]:
    return {"currency_code": "INR", "units": str(units)}


def stop(place: Place, moment: datetime) -> dict[str, Any]:
    instant = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {
        "airport_code": place.airport_codes[0],
        "city": place.city,
        "time": instant,
        "time_zone": place.time_zone,
    }


def flight_json(
    origin: Place,
    destination: Place,
    day: date,
    departure: tuple[int, int, str, str, int, int],
    passengers: int,
) -> dict[str, Any]:
    hour, minute, code, carrier, number, price = departure
    leaves = datetime.combine(day, time(hour, minute), origin.zone)
    segment = {
        "carrier_code": code,
        "carrier": carrier,
        "flight_number": f"{code}{number}",
        "departure": stop(origin, leaves),
        "arrival": stop(destination, leaves + FLYING_TIME),
        "duration": "9900s",
    }
    return {
        "itinerary_id": f"{code}{number}-{day}",
        "segments": [segment],
        "duration": "9900s",
        "fare": {"total": money(price * passengers), "per_adult": money(price), "cabin": "CABIN_ECONOMY"},
        "provenance": {"provider": "sample-timetable", "sample": True, "fetch_time": "2026-11-23T06:30:00Z"},
    }


def both_fares(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The fare of two flights."""
    both = {
        name: int(one["fare"][name]["units"]) + int(other["fare"][name]["units"])
        for name in ("total", "per_adult")
    }
    return {name: money(units) for name, units in both.items()}


def journey_json(one: dict[str, Any], other: dict[str, Any], *, priced: bool) -> dict[str, Any]:
    """Two flights as a journey there and back, at the fare for both."""
    there = {name: value for name, value in one.items() if name != "fare"}
    return there | {"way_back": other} | ({"fare": both_fares(one, other)} if priced else {})


def _amount(journey: dict[str, Any]) -> int:
    return int(journey["fare"]["total"]["units"])


def search_result(
    flights: Sequence[dict[str, Any]], total: int, unfiltered_count: int, *, partial: bool = False
) -> entry_pb2.FlightSearchResult:
    """The result of a search with these itineraries or journeys in JSON."""
    itineraries, journeys = {}, []
    for flight in flights:
        there = dict(flight)
        if back := there.pop("way_back", None):
            ids = [there["itinerary_id"], back["itinerary_id"]]
            journeys.append({"itinerary_ids": ids, "fare": there.pop("fare", None)})
            itineraries[back["itinerary_id"]] = back
        itineraries[there.get("itinerary_id", "")] = there
    done = {
        "outcome": "SEARCH_OUTCOME_FOUND" if flights else "SEARCH_OUTCOME_EMPTY",
        "result_count": total,
        "unfiltered_count": unfiltered_count,
        "provenances": [{"provider": "sample-timetable", "sample": True}],
        "limits": ["SEARCH_LIMIT_PART"] if partial else [],
    }
    results = {"itineraries": list(itineraries.values()), "journeys": journeys}
    return ParseDict({"results": results, "done": done}, entry_pb2.FlightSearchResult())


def _within(start: time | None, end: time | None, moment: time) -> bool:
    """Return whether a time lies in a window. As in the contract, a window may run over midnight."""
    if start and end and end <= start:
        return moment >= start or moment < end
    return (start is None or moment >= start) and (end is None or moment < end)


def day_in(message: Message, field: str) -> date | None:
    """A date of a request, None if it is absent."""
    return day_of(getattr(message, field)) if message.HasField(field) else None


def time_in(message: Message, field: str) -> time | None:
    """A time of day of a request, None if it is absent."""
    moment = getattr(message, field)
    return time(moment.hours, moment.minutes) if message.HasField(field) else None


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search request in Python's types."""

    origin: str
    destination: str
    departure_date: date
    return_date: date | None
    departure_time_from: time | None
    departure_time_before: time | None
    arrival_time_from: time | None
    arrival_time_before: time | None
    max_stops: int | None
    via: str
    carrier_codes: tuple[str, ...]
    excluded_carrier_codes: tuple[str, ...]
    sort: str
    cabin: str
    adults: int
    leg_arguments: dict[str, Any]

    @property
    def nonstop(self) -> bool:
        """Whether only nonstop flights are wanted."""
        return self.max_stops == 0

    @classmethod
    def of(cls, request: flights_pb2.SearchFlightsRequest) -> Search:
        words, (leg, *back) = arguments_from(request), request.legs
        return cls(
            origin=leg.origin,
            destination=leg.destination,
            departure_date=day_of(leg.departure_date),
            return_date=day_of(back[0].departure_date) if back else None,
            departure_time_from=time_in(leg, "departure_time_from"),
            departure_time_before=time_in(leg, "departure_time_before"),
            arrival_time_from=time_in(leg, "arrival_time_from"),
            arrival_time_before=time_in(leg, "arrival_time_before"),
            max_stops=leg.max_stops if leg.HasField("max_stops") else None,
            via=leg.via,
            carrier_codes=tuple(leg.carrier_codes),
            excluded_carrier_codes=tuple(leg.excluded_carrier_codes),
            sort=words.get("sort", ""),
            cabin=words.get("cabin", ""),
            adults=request.adults or 1,
            leg_arguments=words["legs"][0],
        )


@dataclass(frozen=True)
class RouteQuestion:
    """A request for the status of a route's flights, in Python's types."""

    origin: str
    destination: str
    date: Day | None
    near: time | None
    page_size: int


class Timetable:
    """Five flights a day between any two places it knows; keeps what it was asked.

    `fail_with` makes it fail.
    """

    def __init__(self) -> None:
        self.searches: list[Search] = []
        self.statuses: list[tuple[str, date | None]] = []
        self.routes: list[RouteQuestion] = []
        self.state = "FLIGHT_STATE_ON_TIME"
        self.fail_with: Exception | None = None
        self.empty_routes: set[str] = set()
        self.most_results = 12
        self.knows_prices = True
        self.partial = False
        self.late = 40

    async def search_flights(self, request: flights_pb2.SearchFlightsRequest) -> SearchAnswer:
        self.searches.append(Search.of(request))
        return self._answer(self.searches[-1])

    def _answer(self, request: Search) -> SearchAnswer:
        if self.fail_with:
            raise self.fail_with
        if request.departure_date > LAST_DATE:
            raise DateBeyondHorizon(LAST_DATE)
        if request.destination in self.empty_routes:
            return SearchAnswer.of(search_result([], 0, 0, partial=self.partial))
        origin, destination = (
            (PLACES | {"KCZ": KOCHI_JAPAN})[request.origin],
            (PLACES | {"KCZ": KOCHI_JAPAN})[request.destination],
        )
        chosen = [departure for departure in DEPARTURES if self._fits(request, departure)]
        if request.sort == "cheapest":
            chosen.sort(key=lambda departure: departure[5])
        out = [
            flight_json(origin, destination, request.departure_date, departure, request.adults)
            for departure in chosen
        ]
        if request.return_date:
            back = [
                flight_json(destination, origin, request.return_date, departure, request.adults)
                for departure in DEPARTURES
            ]
            found = [
                journey_json(one, other, priced=self.knows_prices)
                for one, other in itertools.product(out, back)
            ]
            if request.sort == "cheapest" and self.knows_prices:
                found.sort(key=_amount)
        elif self.knows_prices:
            found = out
        else:
            found = [{name: value for name, value in data.items() if name != "fare"} for data in out]
        shown, all_flights = found[: self.most_results], len(DEPARTURES)
        return SearchAnswer.of(search_result(shown, len(found), all_flights, partial=self.partial))

    @staticmethod
    def _fits(request: Search, departure: tuple[int, int, str, str, int, int]) -> bool:
        leaves, carrier = datetime.combine(request.departure_date, time(*departure[:2])), departure[2]
        in_time = _within(request.departure_time_from, request.departure_time_before, leaves.time())
        there_in_time = _within(
            request.arrival_time_from, request.arrival_time_before, (leaves + FLYING_TIME).time()
        )
        return (
            in_time
            and there_in_time
            and (not request.carrier_codes or carrier in request.carrier_codes)
            and carrier not in request.excluded_carrier_codes
        )

    async def flight_status(
        self, request: flight_status_pb2.GetFlightStatusRequest
    ) -> flight_status_pb2.FlightStatus:
        return self._status(request.flight_number, day_in(request, "departure_date"))

    def _status(self, flight_number: str, departure_date: date | None) -> flight_status_pb2.FlightStatus:
        self.statuses.append((flight_number, departure_date))
        if self.fail_with:
            raise self.fail_with
        known = {f"{departure[2]}{departure[4]}": departure for departure in DEPARTURES}
        if flight_number not in known:
            raise FlightNotFound
        day = departure_date or TODAY
        segment = flight_json(PLACES["MAA"], PLACES["DEL"], day, known[flight_number], 1)["segments"][0]
        late = self.late if self.state == "FLIGHT_STATE_DELAYED" else 0
        status = {
            "flight_number": flight_number,
            "carrier": segment["carrier"],
            "departure_date": {"year": day.year, "month": day.month, "day": day.day},
            "state": self.state,
            "scheduled_departure": segment["departure"],
            "scheduled_arrival": segment["arrival"],
            "departure_delay": f"{60 * late}s",
            "provenance": {"provider": "sample-timetable", "sample": True},
        }
        for end in ("departure", "arrival"):
            moment = datetime.fromisoformat(segment[end]["time"]) + timedelta(minutes=late)
            status[f"estimated_{end}_time"] = moment.isoformat()
        return ParseDict(status, flight_status_pb2.FlightStatus())

    async def route_status(
        self, request: flight_status_pb2.ListRouteFlightStatusesRequest
    ) -> Sequence[flight_status_pb2.FlightStatus]:
        day, near = day_in(request, "departure_date"), time_in(request, "near_time") or time(0)
        self.routes.append(
            RouteQuestion(
                request.origin, request.destination, day, time_in(request, "near_time"), request.page_size
            )
        )
        if request.destination in self.empty_routes:
            return []
        if self.fail_with:
            raise self.fail_with
        numbers = [f"{code}{number}" for _, _, code, _, number, _ in DEPARTURES]
        minutes = [abs(60 * hour + minute - 60 * near.hour - near.minute) for hour, minute, *_ in DEPARTURES]
        nearest = [number for _, number in sorted(zip(minutes, numbers, strict=True))]
        return [self._status(number, day) for number in nearest]

    async def get_airport(self, code: str) -> places_pb2.Airport:
        if self.fail_with:
            raise self.fail_with
        place = next(
            (place for place in PLACES.values() if code in place.airport_codes and place.kind == "airport"),
            None,
        )
        if place is None:
            raise PlaceUnknown
        facts = {
            "code": code,
            "name": place.name,
            "city": place.city,
            "country": place.country,
            "time_zone": place.time_zone,
        }
        return ParseDict(facts | {"elevation_feet": 52}, places_pb2.Airport())


class Conversation:
    """A dialogue with the events of its last turn."""

    def __init__(
        self, annotator: ExactGazetteer, timetable: Timetable, state: DialogueState | None = None
    ) -> None:
        ids = itertools.count(1)
        self.timetable = timetable
        self.dialogue = Dialogue(
            annotator, timetable, state=state, new_id=lambda: str(uuid.UUID(int=next(ids)))
        )
        self.events: list[Event] = []

    async def say(self, words: str, *, now: datetime = NOW, heard: Sequence[HeardPlace] = ()) -> str:
        """Return the spoken answer."""
        self.events = [event async for event in self.dialogue.respond(words, now=now, heard=heard)]
        return " ".join(event.text for event in self.events if isinstance(event, Speech))

    @property
    def ended(self) -> bool:
        return isinstance(self.events[-1], End)

    @property
    def tool(self) -> entry_pb2.ToolCall | None:
        """The first tool used in the last answer."""
        return next((event.call for event in self.events if isinstance(event, ToolStarted)), None)

    @property
    def searched(self) -> flights_pb2.SearchFlightsRequest:
        """The request of the search in the last answer."""
        assert self.tool
        return self.tool.search_flights

    @property
    def finished(self) -> entry_pb2.ToolResult | None:
        return next((event.result for event in self.events if isinstance(event, ToolFinished)), None)
