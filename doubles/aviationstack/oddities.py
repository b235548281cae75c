"""Unexpected rows that AviationStack has been observed to send, each under its own flight number."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from doubles.aviationstack.rows import Row, labelled, true_label

AIRCRAFT = {"registration": "TC-ACR", "iata": "B744", "icao": "B744", "icao24": "4B8472"}
DAXING = {"iata": "PKX", "icao": "ZBAD", "airport": "Beijing Daxing International", "timezone": "+8"}
NUMBERLESS = {"number": None, "iata": None, "icao": "HMB", "codeshared": None}


@dataclass(frozen=True)
class Oddity:
    """Changes to a row, applied in the order of the fields.

    `minutes` has the scheduled departure and arrival in minutes from now; it removes delays and actual times.
    `live` adds a position. `changes` maps a field to its new value, or an object to its changed members. Each
    `shifted` (end, field, minutes) sets a time to the scheduled time of that end plus the minutes.
    """

    minutes: tuple[int, int] | None = None
    live: bool = False
    changes: Row = field(default_factory=dict)
    shifted: tuple[tuple[str, str, int], ...] = ()

    def apply(self, row: Row, now: datetime) -> None:
        """Change a row in place."""
        for end, minutes in zip(("departure", "arrival"), self.minutes or (), strict=False):
            local = labelled(now.astimezone(ZoneInfo(row[end]["timezone"])) + timedelta(minutes=minutes))
            row[end] |= {"scheduled": local, "estimated": local}
            row[end] |= dict.fromkeys(("actual", "actual_runway", "delay"))
        if self.live:
            where = {"latitude": 53.75, "longitude": -10.55, "altitude": 9448.8, "direction": 280.0}
            speed = {"speed_horizontal": 769.4, "speed_vertical": 0, "is_ground": False}
            row["live"] = {"updated": true_label(now - timedelta(minutes=4)), **where, **speed}
        for name, value in self.changes.items():
            row[name] = row[name] | value if isinstance(row[name], dict) else value
        for end, name, minutes in self.shifted:
            planned = datetime.fromisoformat(row[end]["scheduled"][:19])
            row[end][name] = labelled(planned + timedelta(minutes=minutes))


def _departed(minutes: int) -> tuple[tuple[str, str, int], ...]:
    return (("departure", "actual", minutes),)


NOT_ESTIMATED = {"estimated": None}
ODDITIES = {
    "FI901": Oddity((-300, 60), changes={"flight_status": "unknown"}),
    # The vendor never names the airport to which a flight is diverted.
    "FI902": Oddity(
        (-600, -90),
        live=True,
        changes={"flight_status": "diverted", "departure": {"delay": 401}},
        shifted=_departed(401),
    ),
    # Reported as scheduled while in the air.
    "FI903": Oddity(
        (-281, 90),
        live=True,
        changes={"flight_status": "scheduled", "departure": {"delay": 221}, "aircraft": AIRCRAFT},
        shifted=_departed(221),
    ),
    "FI904": Oddity(changes={"departure": DAXING}),
    "FI905": Oddity(changes={"arrival": {"airport": None, "timezone": None}}),
    "FI906": Oddity(changes={"airline": {"name": "empty", "iata": None, "icao": None}}),
    # 65 minutes late; neither the status nor the estimate reflects it.
    "FI907": Oddity(
        (50, 240),
        changes={"flight_status": "scheduled", "departure": {"delay": 65, "terminal": "2", "gate": "B12"}},
    ),
    "FI908": Oddity((120, 300), changes={"flight_status": "cancelled"}),
    # Reported as departed an hour and a half before the schedule.
    "FI909": Oddity(changes={"departure": {"delay": None}}, shifted=_departed(-99)),
    # The dates of departure and arrival disagree by a day.
    "FI910": Oddity(changes={"arrival": NOT_ESTIMATED}, shifted=(("arrival", "scheduled", -24 * 60),)),
    "FI911": Oddity(changes={"flight": NUMBERLESS}),
    "FI912": Oddity(
        (-200, -40),
        changes={"flight_status": "landed", "arrival": {"baggage": "7", "terminal": "3", "gate": "22"}},
        shifted=(("departure", "actual", 4), ("arrival", "actual", -6)),
    ),
    # Reported as active after departure, without actual times, like most rows.
    "FI913": Oddity((-1300, -1200), changes={"flight_status": "active", "arrival": NOT_ESTIMATED}),
    # Departed three hours late, without an estimated arrival.
    "FI914": Oddity(
        (-200, -130),
        changes={"flight_status": "active", "departure": {"delay": 180}, "arrival": NOT_ESTIMATED},
        shifted=_departed(180),
    ),
    # It has landed, but only the status says so.
    "FI915": Oddity((-200, -40), changes={"flight_status": "landed", "arrival": NOT_ESTIMATED}),
}
"""The changes to a row, by the flight number of the row. All these flights are from Paris to London."""
