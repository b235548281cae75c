"""The booking service as a process, killed at every step of a booking."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from readback.booking.v1.bookings_pb2 import (
    BOOKING_STATE_CANCELLED,
    BOOKING_STATE_CANCELLING,
    BOOKING_STATE_FAILED,
    BOOKING_STATE_TICKETED,
    ListBookingsRequest,
)
from readback.booking.v1.quotes_pb2 import QuoteCancellationRequest

from cli.supervisor.child_processes import Process, kill, start
from mesh.failpoints import FAILPOINTS
from tests.integration.booking.harness import Customer, connected, neighbours
from tests.product import environment_for

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]
OUTCOMES = {
    "booking.before_sent_at": BOOKING_STATE_TICKETED,
    # Nothing was sent, but only a final look-up can tell.
    "booking.after_sent_at": BOOKING_STATE_FAILED,
    "booking.before_outcome": BOOKING_STATE_TICKETED,
    "booking.after_outcome": BOOKING_STATE_TICKETED,
}
"""State of a booking in the end, by the step at which the service was killed."""
START = "from services.booking.app import main; main()"
SECONDS = 150


@contextmanager
def service(environment: Mapping[str, str]) -> Iterator[Process]:
    with (Path(environment["READBACK_HOME"]) / "booking.log").open("ab") as log:
        process = start([sys.executable, "-c", START], env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            kill(process)


@pytest.mark.parametrize("step", OUTCOMES)
async def test_a_killed_service_finds_the_outcome_and_sends_once(tmp_path: Path, step: str) -> None:
    async with neighbours(tmp_path) as (identity, flightdata_address):
        environment = environment_for(
            tmp_path,
            READBACK_IDENTITY_ADDRESS=identity.address,
            READBACK_FLIGHTDATA_ADDRESS=flightdata_address,
        )
        address = f"127.0.0.1:{environment['READBACK_BOOKING_PORT']}"
        async with connected(address, identity, flightdata_address) as booking:
            with service({**environment, FAILPOINTS: f"{step}=kill"}) as process:
                await booking.ready()
                asha = await booking.customer()
                pending = await asha.confirm(await asha.quote())
                assert process.wait(20) < 0
            with service(environment):
                await booking.ready()
                found = await asha.settled(pending.booking_id, timeout=SECONDS)
                assert found.state == OUTCOMES[step]
                await check(asha, found.state)


async def check(asha: Customer, state: int) -> None:
    """Check that there is one booking, and that its supplier's order can be cancelled if there is one."""
    stub, headers = asha.booking.stub, asha.headers
    [booked] = (await stub.ListBookings(ListBookingsRequest(), metadata=headers)).bookings
    if state == BOOKING_STATE_TICKETED:
        request = QuoteCancellationRequest(booking_id=booked.booking_id)
        await asha.confirm((await stub.QuoteCancellation(request, metadata=headers)).quote)
        cancelled = await asha.settled(booked.booking_id, BOOKING_STATE_CANCELLING)
        assert cancelled.state == BOOKING_STATE_CANCELLED
