"""Watches of bookings: each booking now, and after every change."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta

from readback.booking.v1.bookings_pb2 import BookingsCaughtUp, BookingsHeartbeat, WatchBookingsResponse

from mesh.clock import Clock, timestamp
from services.booking.changes import Changes
from services.booking.errors import BookingNotFound
from services.booking.model.records import Booking
from services.booking.store.store import Store
from services.booking.wire import booking_message

POLL_SECONDS = 1.0
"""Pause between two reads of the database; another replica's changes are noticed by it."""
HEARTBEAT = timedelta(seconds=15)


class Watches:
    """Streams bookings."""

    def __init__(self, store: Store, changes: Changes, clock: Clock) -> None:
        self._store, self._changes, self._clock = store, changes, clock

    async def watch(self, customer_id: str, booking_id: str) -> AsyncGenerator[WatchBookingsResponse, None]:
        """Yield one booking, or all if the id is empty; then `caught_up`, changes and heartbeats.

        Raises:
            BookingNotFound: the customer has no such booking.
        """
        sent: dict[str, int] = {}
        caught_up, last = False, self._clock.now()
        with self._changes.watching(customer_id) as event:
            while not self._changes.draining:
                for booking in await self._bookings(customer_id, booking_id):
                    if sent.get(booking.booking_id) != booking.version:
                        sent[booking.booking_id], last = booking.version, self._clock.now()
                        yield WatchBookingsResponse(booking=booking_message(booking))
                if not caught_up:
                    caught_up = True
                    yield WatchBookingsResponse(caught_up=BookingsCaughtUp())
                if self._clock.now() - last >= HEARTBEAT:
                    last = self._clock.now()
                    yield WatchBookingsResponse(heartbeat=BookingsHeartbeat(server_time=timestamp(last)))
                await self._changes.wait(event, POLL_SECONDS)

    async def _bookings(self, customer_id: str, booking_id: str) -> list[Booking]:
        """Return the watched bookings, the oldest first."""
        async with self._store.reading() as tx:
            if not booking_id:
                return (await tx.bookings(customer_id))[::-1]
            booking = await tx.booking(customer_id, booking_id)
        if booking is None:
            raise BookingNotFound
        return [booking]
