"""Unary calls in great number, each with its answer and how long it took."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import grpc

from mesh.errors import retry_after_of


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one call."""

    began: float
    seconds: float
    code: grpc.StatusCode
    details: str
    says_when: bool
    """Whether it came with RetryInfo."""


@dataclass(slots=True)
class Answers:
    """What became of many."""

    all: list[Answer] = field(default_factory=list)

    async def ask(self, call: Callable[[], Awaitable[object]]) -> Answer:
        """Makes one call and notes how it ended."""
        began, code, details, says_when = time.monotonic(), grpc.StatusCode.OK, "", False
        try:
            await call()
        except grpc.aio.AioRpcError as error:
            code, details, says_when = error.code(), error.details() or "", retry_after_of(error) is not None
        answer = Answer(began, time.monotonic() - began, code, details, says_when)
        self.all.append(answer)
        return answer

    async def keep_asking(self, call: Callable[[], Awaitable[object]], enough: asyncio.Event) -> None:
        """One caller that asks again as soon as it is answered."""
        while not enough.is_set():
            answer = await self.ask(call)
            if answer.code is not grpc.StatusCode.OK:
                await asyncio.sleep(0.02)

    @property
    def codes(self) -> Counter[str]:
        """How many ended how."""
        return Counter(answer.code.name for answer in self.all)

    def refused(self) -> list[Answer]:
        """Those that were not answered with OK."""
        return [answer for answer in self.all if answer.code is not grpc.StatusCode.OK]

    def quantile(self, share: float, answers: list[Answer] | None = None) -> float:
        """Seconds within which so large a share of calls ended."""
        seconds = sorted(answer.seconds for answer in (self.all if answers is None else answers))
        return seconds[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else 0.0
