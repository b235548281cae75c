"""A well-behaved customer: what they do, and how long it takes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import grpc
import structlog
from google.type.date_pb2 import Date
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.flightdata.v1 import flights_pb2
from readback.identity.v1 import identity_service_pb2 as identity

from bench.starvation.services import PASSWORD, Customer, Services
from mesh.ids import uuid7
from mesh.security.authentication import bearer

_log = structlog.get_logger()
FAILED_SECONDS = 30.0
"""Duration that stands for an attempt that failed."""
PAUSE_SECONDS = 0.1
_ROUTES = (("MAA", "DEL"), ("BOM", "GOI"), ("LHR", "JFK"), ("SIN", "SYD"), ("CDG", "FRA"), ("BLR", "CCU"))


class WellBehaved:
    """Customers who sign in, start a call and search, one after another."""

    def __init__(self, services: Services, customers: Sequence[Customer]) -> None:
        self._services, self._customers = services, customers
        self._turn = 0

    async def measure(self, seconds: float) -> Mapping[str, list[float]]:
        """Return the durations of each action in seconds."""
        durations: defaultdict[str, list[float]] = defaultdict(list)
        actions: Mapping[str, Callable[[Customer], Awaitable[None]]] = {
            "sign-in": self._sign_in,
            "call start": self._start_call,
            "flight search": self._search_flights,
            "log search": self._search_log,
        }
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._turn += 1
            for name, action in actions.items():
                durations[name].append(await self._timed(action))
                await asyncio.sleep(PAUSE_SECONDS)
            await self._end_calls()
        return durations

    @property
    def _customer(self) -> Customer:
        return self._customers[self._turn % len(self._customers)]

    async def _timed(self, action: Callable[[Customer], Awaitable[None]]) -> float:
        began = time.perf_counter()
        try:
            await action(self._customer)
        except grpc.aio.AioRpcError as error:
            _log.warning(
                "attempt failed", action=action.__name__, code=error.code().name, text=error.details()
            )
            return FAILED_SECONDS
        return time.perf_counter() - began

    async def _sign_in(self, _customer: Customer) -> None:
        # Always the same account: the one whose password others guess.
        request = identity.LoginRequest(email=self._customers[0].email, password=PASSWORD)
        await self._services.identity.Login(request, timeout=FAILED_SECONDS)

    async def _start_call(self, customer: Customer) -> None:
        started = await self._services.start_conversation(customer)
        request = conversation.StartCallRequest(conversation_id=started, request_id=uuid7())
        await self._services.conversation.StartCall(request, metadata=bearer(customer.token))

    async def _end_calls(self) -> None:
        """End the call that was started, because a customer has one at a time."""
        with contextlib.suppress(grpc.aio.AioRpcError):
            await self._end_running_calls()

    async def _end_running_calls(self) -> None:
        metadata = bearer(self._customer.token)
        request = conversation.ListConversationsRequest(running_only=True)
        running = await self._services.conversation.ListConversations(request, metadata=metadata)
        for found in running.conversations:
            end = conversation.EndCallRequest(call_id=found.running_call.call_id, request_id=uuid7())
            await self._services.conversation.EndCall(end, metadata=metadata)

    async def _search_flights(self, customer: Customer) -> None:
        origin, destination = _ROUTES[self._turn % len(_ROUTES)]
        day = datetime.now(UTC).date() + timedelta(days=1 + self._turn % 200)
        leg = flights_pb2.SearchLeg(
            origin=origin,
            destination=destination,
            departure_date=Date(year=day.year, month=day.month, day=day.day),
        )
        request = flights_pb2.SearchFlightsRequest(legs=[leg])
        async for _ in self._services.flightdata.SearchFlights(
            request, metadata=bearer(customer.token), timeout=FAILED_SECONDS
        ):
            pass

    async def _search_log(self, customer: Customer) -> None:
        request = conversation.SearchEntriesRequest(query="delhi morning")
        await self._services.conversation.SearchEntries(request, metadata=bearer(customer.token))
