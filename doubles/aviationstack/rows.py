"""Rows in AviationStack's three shapes, with its errors.

Local times are labelled UTC, estimates never change, delays are stated separately, and codeshares hide their
operating flight.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from doubles.world import Carrier, Flight, Port, fraction

Row = dict[str, Any]
UNKNOWN_GATE, UNKNOWN_TERMINAL, UNKNOWN_BELT, UNKNOWN_ARRIVAL = 0.3, 0.71, 0.83, 0.93
"""Observed shares of rows that lack each field. `UNKNOWN_ARRIVAL`: rows that lack both the estimated arrival
and the arrival delay."""


def flight_rows(flight: Flight, day: date, now: datetime) -> Iterator[Row]:
    """Yield a flight's `/flights` rows for one day: its codeshares, and its own row unless it is withheld."""
    if not flight.withheld:
        yield flight_row(flight, day, now, flight.carrier, flight.number)
    for carrier, number in flight.sold_by:
        yield flight_row(flight, day, now, carrier, number)


def flight_row(flight: Flight, day: date, now: datetime, carrier: Carrier, number: int) -> Row:
    """Return the `/flights` row under one of the flight's numbers."""
    leaves, arrives, late = flight.leaves(day), flight.arrives(day), flight.delay(day)
    left = now >= leaves + timedelta(minutes=late)
    landed = now >= arrives + timedelta(minutes=late)
    cancelled = flight.cancelled(day)
    named = (flight.code, day)
    departure = _end(flight.origin, leaves, late, (*named, "dep"), happened=left and not cancelled)
    arrival = _end(flight.destination, arrives, late, (*named, "arr"), happened=landed and not cancelled)
    if not landed and fraction(*named, "estimated") < UNKNOWN_ARRIVAL:
        arrival |= {"estimated": None, "delay": None}
    belt = str(1 + int(fraction(*named, "belt") * 20))
    status = "cancelled" if cancelled else "landed" if landed else "active" if left else "scheduled"
    return {
        "flight_date": day.isoformat(),
        "flight_status": status,
        "departure": departure,
        "arrival": arrival | {"baggage": belt if fraction(*named, "b") >= UNKNOWN_BELT else None},
        "airline": {"name": carrier.name, "iata": carrier.iata, "icao": carrier.icao},
        "flight": {
            "number": str(number),
            "iata": f"{carrier.iata}{number}",
            "icao": f"{carrier.icao}{number}",
            "codeshared": None if f"{carrier.iata}{number}" == flight.code else _codeshared(flight),
        },
        "aircraft": None,
        "live": None,
    }


def _codeshared(flight: Flight) -> Row:
    """Return the operating flight in the form of codeshare rows, all in lower case."""
    return {
        "airline_name": flight.carrier.name.lower(),
        "airline_iata": flight.carrier.iata.lower(),
        "airline_icao": flight.carrier.icao.lower(),
        "flight_number": str(flight.number),
        "flight_iata": flight.code.lower(),
        "flight_icao": f"{flight.carrier.icao}{flight.number}".lower(),
    }


def _end(port: Port, planned: datetime, late: int, named: tuple[object, ...], *, happened: bool) -> Row:
    actual = labelled(planned + timedelta(minutes=late)) if happened else None
    terminal = str(1 + int(fraction(*named, "terminal") * 4))
    gate = f"{'ABC'[int(fraction(*named, 'g') * 3)]}{1 + int(fraction(*named) * 40)}"
    return {
        "airport": port.name,
        "timezone": port.zone,
        "iata": port.iata,
        "icao": port.icao,
        "terminal": terminal if fraction(*named, "t") >= UNKNOWN_TERMINAL else None,
        "gate": gate if fraction(*named, "g?") >= UNKNOWN_GATE else None,
        "delay": late or None,
        "scheduled": labelled(planned),
        "estimated": labelled(planned),
        "actual": actual,
        "estimated_runway": actual,
        "actual_runway": actual,
    }


def labelled(local: datetime) -> str:
    """Format a local time with the vendor's wrong label, UTC."""
    return local.replace(tzinfo=None).isoformat(timespec="seconds") + "+00:00"


def true_label(instant: datetime) -> str:
    """Format a time in UTC with the correct label, like `live.updated`."""
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def future_rows(flight: Flight, day: date) -> Iterator[Row]:
    """Yield `/flightsFuture` rows. Their shape differs: lower case, and "" for missing values."""
    row = {
        "weekday": str(day.isoweekday()),
        "departure": _future_end(flight.origin, flight.leaves(day), "3"),
        "arrival": _future_end(flight.destination, flight.arrives(day), ""),
        "aircraft": {"modelCode": "a321", "modelText": "airbus a321-231"},
    }
    operating = _numbered(flight.carrier, flight.number)
    if not flight.withheld:
        yield row | operating
    for carrier, number in flight.sold_by:
        yield row | _numbered(carrier, number) | {"codeshared": operating}


def _numbered(carrier: Carrier, number: int) -> Row:
    iata, icao = carrier.iata.lower(), carrier.icao.lower()
    return {
        "airline": {"name": carrier.name.lower(), "iataCode": iata, "icaoCode": icao},
        "flight": {"number": str(number), "iataNumber": f"{iata}{number}", "icaoNumber": f"{icao}{number}"},
    }


def _future_end(port: Port, planned: datetime, terminal: str) -> Row:
    wall = planned.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
    place = {"iataCode": port.iata.lower(), "icaoCode": port.icao.lower()}
    return place | {"terminal": terminal, "gate": "", "scheduledTime": wall}


def timetable_rows(flight: Flight, day: date, now: datetime, kind: str) -> Iterator[Row]:
    """Yield `/timetable` rows: upper case, local times without a label, and the status as a word."""
    for row in flight_rows(flight, day, now):
        airline, number = row["airline"], row["flight"]
        codeshared = number["codeshared"] and {
            "airline": {"iataCode": number["codeshared"]["airline_iata"]},
            "flight": {"iataNumber": number["codeshared"]["flight_iata"]},
        }
        yield {
            "airline": {"name": airline["name"], "iataCode": airline["iata"], "icaoCode": airline["icao"]},
            "departure": _board_end(row["departure"]),
            "arrival": _board_end(row["arrival"]),
            "codeshared": codeshared,
            "flight": {
                "iataNumber": number["iata"],
                "icaoNumber": number["icao"],
                "number": number["number"],
            },
            "status": row["flight_status"],
            "type": kind,
        }


def _board_end(end: Row) -> Row:
    wall = {name: end[name] and f"{end[name][:19]}.000" for name in ("scheduled", "estimated", "actual")}
    return {
        "actualRunway": wall["actual"],
        "actualTime": wall["actual"],
        "baggage": end.get("baggage"),
        "delay": end["delay"] and str(end["delay"]),
        "estimatedRunway": None,
        "estimatedTime": wall["estimated"],
        "gate": end["gate"],
        "iataCode": end["iata"],
        "icaoCode": end["icao"],
        "scheduledTime": wall["scheduled"],
        "terminal": end["terminal"],
    }
