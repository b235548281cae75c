"""Moments, lengths, days and money as the contract's messages write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money as MoneyMessage

from services.flightdata.errors import DateInvalid
from services.flightdata.model.fares import Money

NANOS = 1_000_000_000
DAY_SECONDS = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day_from(message: Date) -> date:
    """A day of the calendar. Raises `DateInvalid`, also for a date without its year or day."""
    try:
        return date(message.year, message.month, message.day)
    except ValueError:
        raise DateInvalid from None


def day(of: date) -> Date:
    """A day of the calendar."""
    return Date(year=of.year, month=of.month, day=of.day)


def timestamp(instant: datetime) -> Timestamp:
    """An aware datetime."""
    since = instant - EPOCH
    # `FromDatetime` does the same in ten times as long, and a search tells hundreds.
    return Timestamp(seconds=since.days * DAY_SECONDS + since.seconds, nanos=since.microseconds * 1000)


def duration(length: timedelta) -> Duration:
    """A length of time."""
    message = Duration()
    message.FromTimedelta(length)
    return message


def money(of: Money) -> MoneyMessage:
    """An amount, exact to a billionth."""
    units = int(of.amount)
    return MoneyMessage(
        currency_code=of.currency, units=units, nanos=int((of.amount - Decimal(units)) * NANOS)
    )
