"""Unary calls that a test must get through, however often the service is down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

TRANSIENT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)
"""Answers after which it may be tried again; whether the call was carried out is unknown."""
WITHIN_SECONDS = 60.0

T = TypeVar("T")


async def persistently(call: Callable[[], Awaitable[T]], within: float = WITHIN_SECONDS) -> T:
    """Calls until there is an answer.

    Raises:
        grpc.aio.AioRpcError: a refusal that is final, or the last one when time is up.
    """
    deadline = asyncio.get_running_loop().time() + within
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() not in TRANSIENT or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.02)
