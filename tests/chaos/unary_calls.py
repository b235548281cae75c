"""Unary calls: repeated until they succeed, or made in great numbers with recorded answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import grpc

from mesh.errors import retry_after_of

TRANSIENT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)
"""Answers after which a call may be repeated; it may or may not have been executed."""
WITHIN_SECONDS = 60.0

T = TypeVar("T")


async def until_answered(call: Callable[[], Awaitable[T]], within: float = WITHIN_SECONDS) -> T:
    """Repeat a call until it succeeds.

    Raises:
        grpc.aio.AioRpcError: a final refusal, or the last answer when the time is over.
    """
    deadline = asyncio.get_running_loop().time() + within
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() not in TRANSIENT or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to one call."""

    began: float
    seconds: float
    code: grpc.StatusCode
    details: str
    has_retry_info: bool


@dataclass(slots=True)
class Answers:
    """Answers to many calls."""

    all: list[Answer] = field(default_factory=list)

    async def ask(self, call: Callable[[], Awaitable[object]]) -> Answer:
        """Make one call and record its answer."""
        began, code, details, has_retry_info = time.monotonic(), grpc.StatusCode.OK, "", False
        try:
            await call()
        except grpc.aio.AioRpcError as error:
            code, details, has_retry_info = (
                error.code(),
                error.details() or "",
                retry_after_of(error) is not None,
            )
        answer = Answer(began, time.monotonic() - began, code, details, has_retry_info)
        self.all.append(answer)
        return answer

    async def keep_asking(self, call: Callable[[], Awaitable[object]], enough: asyncio.Event) -> None:
        """Make a call again and again, each time as soon as it is answered."""
        while not enough.is_set():
            answer = await self.ask(call)
            if answer.code is not grpc.StatusCode.OK:
                await asyncio.sleep(0.02)

    @property
    def codes(self) -> Counter[str]:
        """Number of answers by gRPC code."""
        return Counter(answer.code.name for answer in self.all)

    def refused(self) -> list[Answer]:
        """Return the answers other than OK."""
        return [answer for answer in self.all if answer.code is not grpc.StatusCode.OK]

    def quantile(self, share: float, answers: list[Answer] | None = None) -> float:
        """Return the latency in seconds that this share of the calls did not exceed."""
        seconds = sorted(answer.seconds for answer in (self.all if answers is None else answers))
        return seconds[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else 0.0
