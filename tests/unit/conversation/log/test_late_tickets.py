"""A late ticket is valid for one writer, one epoch and one call."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from services.conversation.log.writer_fence import LateTickets, Writer

pytestmark = pytest.mark.unit

WRITER = Writer(str(uuid4()), 3, str(uuid4()))
TICKETS = LateTickets("a key of the installation")


def test_ticket_is_valid_for_its_writer() -> None:
    assert TICKETS.is_valid(WRITER, TICKETS.issue(WRITER))


@pytest.mark.parametrize(
    "other",
    [
        replace(WRITER, call_id=str(uuid4())),
        replace(WRITER, epoch=4),
        replace(WRITER, epoch=2),
        replace(WRITER, writer_id=str(uuid4())),
    ],
)
def test_ticket_of_another_call_epoch_or_writer_is_refused(other: Writer) -> None:
    assert not TICKETS.is_valid(other, TICKETS.issue(WRITER))


@pytest.mark.parametrize("ticket", ["", "x", "ü" * 22, "A" * 22])
def test_invalid_ticket_is_refused(ticket: str) -> None:
    assert not TICKETS.is_valid(WRITER, ticket)


def test_ticket_of_another_installation_is_refused() -> None:
    assert not TICKETS.is_valid(WRITER, LateTickets("another key").issue(WRITER))


def test_ticket_fits_the_contract() -> None:
    assert 0 < len(TICKETS.issue(WRITER)) <= 128
