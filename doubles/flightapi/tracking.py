"""FlightAPI.io's tracking and board responses. Each has two shapes (older, newer) and three time formats."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from doubles.world import Flight, Port

Row = dict[str, Any]


def _word(flight: Flight, day: date, now: datetime) -> str:
    late = timedelta(minutes=flight.delay(day))
    if flight.cancelled(day):
        return "Cancelled"
    if now >= flight.arrives(day) + late:
        return "Arrived"
    if now >= flight.leaves(day) + late:
        return "In Flight"
    return "Delayed" if late else "Scheduled"


def _clock(local: datetime) -> str:
    """Format a time as `10:30, Jul 24`, without year and zone."""
    return f"{local:%H:%M, %b %d}"


def older_tracking(flight: Flight, day: date, now: datetime) -> list[Row]:
    """Return an `/airline` response as documented: a list of objects with one key each."""
    leaves, arrives, late = flight.leaves(day), flight.arrives(day), timedelta(minutes=flight.delay(day))
    left, landed = now >= leaves + late, now >= arrives + late
    return [
        {
            "departure": {
                "offGroundTime": "",
                "outGateTime": _clock(leaves + late) if left else "",
                "gate": "A12",
                "departureDateTime": f"{leaves:%Y-%m-%dT%H:%M:%S}.000",
                "duration": "",
                **_airport(flight.origin),
                "scheduledTime": _clock(leaves),
                "estimatedTime": _clock(leaves + late),
                "terminal": "D",
            }
        },
        {
            "arrival": {
                "timeRemaining": "",
                "onGroundTime": "",
                "inGateTime": _clock(arrives + late) if landed else "",
                "gate": "",
                "baggage": "7" if landed else "",
                "arrivalDateTime": f"{arrives:%Y-%m-%dT%H:%M:%S}.000",
                **_airport(flight.destination),
                "scheduledTime": _clock(arrives),
                "estimatedTime": _clock(arrives + late),
                "terminal": "",
            }
        },
        {"aircraft": {"id": "", "code": "A20N", "name": "Airbus A320neo"}},
        {"status": _word(flight, day, now)},
    ]


def _airport(port: Port) -> Row:
    names = {"airport": port.name, "airportCity": port.city, "airportSlug": port.iata.lower()}
    return names | {"airportCode": port.iata, "airportCountryCode": port.country}


def newer_tracking(flights: Iterable[Flight], day: date, now: datetime) -> Row:
    """Return an `/airline` or `/trackbyroute` response as reported since November 2025."""
    numbers = {"Scheduled": 1, "Arrived": 2, "In Flight": 3, "Delayed": 4, "Cancelled": 5}
    rows = [
        {
            "displayStatus": _word(flight, day, now),
            "status": numbers[_word(flight, day, now)],
            "departureAirportCode": flight.origin.iata,
            "arrivalAirportCode": flight.destination.iata,
            "departureTime": f"{flight.leaves(day):%Y-%m-%dT%H:%M:%S}.000",
            "arrivalTime": f"{flight.arrives(day):%Y-%m-%dT%H:%M:%S}.000",
            "airline": flight.carrier.iata,
            "flightNumber": str(flight.number),
        }
        for flight in flights
    ]
    return {"flights": rows, "emptyResults": not rows}


def older_route(flights: Iterable[Flight], day: date, now: datetime) -> list[Row]:
    """Return a `/trackbyroute` response as documented.

    Keys have capitals and spaces, and codeshares name their operator.
    """
    rows = []
    for flight in flights:
        for carrier, number in flight.numbers:
            operated = (
                "-" if (carrier, number) == flight.numbers[0] else f"{flight.carrier.name} {flight.number}"
            )
            rows.append(
                {
                    "Airline": carrier.name,
                    "FlightNumber": f"{carrier.iata} {number}",
                    "Status": _word(flight, day, now),
                    "Operated By": operated,
                    "DepartureTime": f"{flight.leaves(day):%I:%M %p, %b %d}",
                    "ArrivalTime": f"{flight.arrives(day):%I:%M %p, %b %d}",
                }
            )
    return rows


def board(port: Port, mode: str, flights: Iterable[Flight], day: date, now: datetime) -> Row:
    """Return a `/schedule` or `/compschedule` response.

    Times are in Unix seconds, and rows lack the code of the board's own airport.
    """
    rows = [_board_row(flight, mode, day, now) for flight in flights]
    head = {
        "item": {"current": len(rows), "total": len(rows), "limit": 100},
        "page": {"current": 1, "total": 1},
        "timestamp": int(now.timestamp()),
    }
    code = {"iata": port.iata, "icao": port.icao}
    details = {"name": port.name, "code": code, "timezone": {"name": port.zone}}
    return {"airport": {"pluginData": {"details": details, "schedule": {mode: head | {"data": rows}}}}}


def _board_row(flight: Flight, mode: str, day: date, now: datetime) -> Row:
    leaves, arrives = int(flight.leaves(day).timestamp()), int(flight.arrives(day).timestamp())
    late, carrier, word = 60 * flight.delay(day), flight.carrier, _word(flight, day, now)
    ends: Row = {"origin": _epoch_port(flight.origin), "destination": _epoch_port(flight.destination)}
    ends["origin" if mode == "departures" else "destination"].pop("code")
    generic = {"text": word.lower(), "color": "green", "type": "departure", "diverted": None}
    left = leaves + late if now.timestamp() >= leaves + late else None
    return {
        "flight": {
            "identification": {
                "number": {"default": flight.code, "alternative": None},
                "callsign": None,
                "codeshare": [f"{seller.iata}{number}" for seller, number in flight.sold_by] or None,
            },
            "status": {
                "live": word == "In Flight",
                "text": f"Estimated dep {flight.leaves(day):%H:%M}" if word == "Scheduled" else word,
                "generic": {"status": generic},
            },
            "aircraft": {"model": {"code": "A20N", "text": "Airbus A320-251N"}, "registration": "VT-ABC"},
            "airline": {"name": carrier.name, "code": {"iata": carrier.iata, "icao": carrier.icao}},
            "airport": ends,
            "time": {
                "scheduled": {"departure": leaves, "arrival": arrives},
                "real": {"departure": left, "arrival": None},
                "estimated": {"departure": leaves + late if late else None, "arrival": None},
                "other": {"eta": None, "duration": None},
            },
        }
    }


def _epoch_port(port: Port) -> Row:
    zone = {"name": port.zone, "offset": 0}
    info = {"terminal": "1", "baggage": None, "gate": "4"}
    return {"code": {"iata": port.iata, "icao": port.icao}, "name": port.name, "timezone": zone, "info": info}


def newer_board(port: Port, mode: str, flights: Iterable[Flight], day: date) -> Row:
    """Return a `/schedule/v2` response: times of day, and one row per flight number sold."""
    rows = []
    for flight in flights:
        other = flight.destination if mode.startswith("dep") else flight.origin
        for carrier, number in flight.numbers:
            leaves, arrives, codeshare = flight.leaves(day), flight.arrives(day), carrier != flight.carrier
            rows.append(
                {
                    "sortTime": leaves.isoformat(),
                    "departureTime": {"timeAMPM": f"{leaves:%I:%M%p}", "time24": f"{leaves:%H:%M}"},
                    "arrivalTime": {"timeAMPM": f"{arrives:%I:%M%p}", "time24": f"{arrives:%H:%M}"},
                    "carrier": {"fs": carrier.iata, "name": carrier.name, "flightNumber": str(number)},
                    "airport": {"fs": other.iata, "city": other.city},
                    "operatedBy": f"{flight.carrier.name} {flight.number}" if codeshare else None,
                    "isCodeshare": codeshare,
                    "url": "",
                }
            )
    airport = {"fs": port.iata, "iata": port.iata, "icao": port.icao, "name": port.name}
    header = {"date": f"{day:%d-%b-%Y}", "departureAirport": airport}
    return {"data": {"header": header, "flights": rows}}
