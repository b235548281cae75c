"""Conversion of dates, times, durations and money from and to contract messages."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

from google.protobuf.duration_pb2 import Duration
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money as MoneyMessage
from google.type.timeofday_pb2 import TimeOfDay

from mesh.errors import FieldViolation, InvalidRequest
from services.flightdata.errors import InvalidDate
from services.flightdata.model.fares import Money

NANOS = 1_000_000_000


def date_from(message: Date) -> date:
    """Parse a date. Raises `InvalidDate` if the date doesn't exist, or has no year, month or day."""
    try:
        return date(message.year, message.month, message.day)
    except ValueError:
        raise InvalidDate from None


def time_from(message: TimeOfDay, field: str) -> time:
    """Parse a time of day. Raises `InvalidRequest` if the time doesn't exist."""
    try:
        return time(message.hours, message.minutes, message.seconds, message.nanos // 1000)
    except ValueError:
        raise InvalidRequest([FieldViolation(field, "is not a time of day")]) from None


def date_message(day: date) -> Date:
    """Return a date as a message."""
    return Date(year=day.year, month=day.month, day=day.day)


def duration(length: timedelta) -> Duration:
    """Return a duration as a message."""
    message = Duration()
    message.FromTimedelta(length)
    return message


def money(value: Money) -> MoneyMessage:
    """Return an amount as a message, exact to a billionth."""
    units = int(value.amount)
    nanos = int((value.amount - Decimal(units)) * NANOS)
    return MoneyMessage(currency_code=value.currency, units=units, nanos=nanos)
