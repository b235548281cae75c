"""Unexpected rows that AviationStack has been observed to send, each under its own flight number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from doubles.aviationstack.rows import Row, labelled, true_label

Change = Callable[[Row, datetime], None]


def _shifted(text: str, minutes: int) -> str:
    return labelled(datetime.fromisoformat(text[:19]) + timedelta(minutes=minutes))


def _schedule(row: Row, now: datetime, departure: int, arrival: int) -> None:
    """Schedule both ends some minutes from now, without delays and actual times."""
    for end, minutes in (("departure", departure), ("arrival", arrival)):
        local = labelled(now.astimezone(ZoneInfo(row[end]["timezone"])) + timedelta(minutes=minutes))
        row[end] |= {"scheduled": local, "estimated": local}
        row[end] |= dict.fromkeys(("actual", "actual_runway", "delay"))


def _depart_late(row: Row, minutes: int) -> None:
    row["departure"] |= {"delay": minutes, "actual": _shifted(row["departure"]["scheduled"], minutes)}


def _live(now: datetime) -> dict[str, Any]:
    where = {"latitude": 53.75, "longitude": -10.55, "altitude": 9448.8, "direction": 280.0}
    return {
        "updated": true_label(now - timedelta(minutes=4)),
        **where,
        "speed_horizontal": 769.4,
        "speed_vertical": 0,
        "is_ground": False,
    }


def _unknown(row: Row, now: datetime) -> None:
    row["flight_status"] = "unknown"
    _schedule(row, now, -300, 60)


def _diverted(row: Row, now: datetime) -> None:
    """Diverted. The vendor never names the new airport."""
    _schedule(row, now, -600, -90)
    row["flight_status"], row["live"] = "diverted", _live(now)
    _depart_late(row, 401)


def _airborne(row: Row, now: datetime) -> None:
    """Reported as scheduled while in the air."""
    _schedule(row, now, -281, 90)
    row["flight_status"], row["live"] = "scheduled", _live(now)
    _depart_late(row, 221)
    row["aircraft"] = {"registration": "TC-ACR", "iata": "B744", "icao": "B744", "icao24": "4B8472"}


def _offset_zone(row: Row, _now: datetime) -> None:
    row["departure"] |= {
        "iata": "PKX",
        "icao": "ZBAD",
        "airport": "Beijing Daxing International",
        "timezone": "+8",
    }


def _nameless(row: Row, _now: datetime) -> None:
    row["arrival"] |= {"airport": None, "timezone": None}


def _empty_airline(row: Row, _now: datetime) -> None:
    row["airline"] = {"name": "empty", "iata": None, "icao": None}


def _delayed(row: Row, now: datetime) -> None:
    """65 minutes late; neither the status nor the estimate reflects it."""
    _schedule(row, now, 50, 240)
    row["flight_status"] = "scheduled"
    row["departure"] |= {"delay": 65, "terminal": "2", "gate": "B12"}


def _cancelled(row: Row, now: datetime) -> None:
    _schedule(row, now, 120, 300)
    row["flight_status"] = "cancelled"


def _across_midnight(row: Row, _now: datetime) -> None:
    """Reported as departed an hour and a half before the schedule."""
    row["departure"] |= {"delay": None, "actual": _shifted(row["departure"]["scheduled"], -99)}


def _a_day_apart(row: Row, _now: datetime) -> None:
    """The dates of departure and arrival disagree by a day."""
    row["arrival"] |= {"scheduled": _shifted(row["arrival"]["scheduled"], -24 * 60), "estimated": None}


def _numberless(row: Row, _now: datetime) -> None:
    row["flight"] |= {"number": None, "iata": None, "icao": "HMB", "codeshared": None}


def _landed(row: Row, now: datetime) -> None:
    _schedule(row, now, -200, -40)
    row["flight_status"] = "landed"
    row["departure"]["actual"] = _shifted(row["departure"]["scheduled"], 4)
    row["arrival"] |= {
        "actual": _shifted(row["arrival"]["scheduled"], -6),
        "baggage": "7",
        "terminal": "3",
        "gate": "22",
    }


def _unheard(row: Row, now: datetime) -> None:
    """Reported as active after departure, without actual times, as most rows are."""
    _schedule(row, now, -1300, -1200)
    row["flight_status"], row["arrival"]["estimated"] = "active", None


def _unestimated(row: Row, now: datetime) -> None:
    """Departed three hours late, without an estimated arrival."""
    _schedule(row, now, -200, -130)
    row["flight_status"], row["arrival"]["estimated"] = "active", None
    _depart_late(row, 180)


def _landed_unseen(row: Row, now: datetime) -> None:
    """Only the status says that it landed."""
    _schedule(row, now, -200, -40)
    row["flight_status"], row["arrival"]["estimated"] = "landed", None


ODDITIES: dict[str, Change] = {
    "FI901": _unknown,
    "FI902": _diverted,
    "FI903": _airborne,
    "FI904": _offset_zone,
    "FI905": _nameless,
    "FI906": _empty_airline,
    "FI907": _delayed,
    "FI908": _cancelled,
    "FI909": _across_midnight,
    "FI910": _a_day_apart,
    "FI911": _numberless,
    "FI912": _landed,
    "FI913": _unheard,
    "FI914": _unestimated,
    "FI915": _landed_unseen,
}
"""The change that each flight number applies to its row; all fly from Paris to London."""
