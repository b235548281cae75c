"""Callers of the REST services: keep-alive connections with one request out on each, in plain HTTP/1.1.

Each is a protocol that writes the next request the moment an answer is complete, so that it costs a fraction of the service's own
work, and a fraction of what the `Record` client costs.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

from readback.conversation.v1 import entry_pb2

from bench.transcript_log.load.load_result import Load
from bench.transcript_log.load.sample_turns import Turn, turns
from mesh.ids import uuid7

_REQUEST = b"POST %s HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer bench\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


class RequestFailed(Exception):
    """The service answered something else than 201."""


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._held = bytearray()
        self._request: Callable[[], bytes] = bytes
        self._deadline = self._sent_at = 0.0
        self.done: asyncio.Future[bytes] | None = None
        self.waits: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast("asyncio.Transport", transport)

    def call_until(self, deadline: float, request: Callable[[], bytes]) -> asyncio.Future[bytes]:
        """Sends requests until a time, at least one; the last answer's body."""
        self._deadline, self._request = deadline, request
        self.waits.clear()
        self.done = asyncio.get_running_loop().create_future()
        self._send()
        return self.done

    def data_received(self, data: bytes) -> None:
        """Some of an answer."""
        self._held += data
        head, blank, body = self._held.partition(b"\r\n\r\n")
        if not blank:
            return
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        if len(body) >= length:
            self._held.clear()
            self._answered(bytes(head), bytes(body))

    def connection_lost(self, exc: Exception | None) -> None:
        """The service hung up."""
        if self.done is not None and not self.done.done():
            self.done.set_exception(RequestFailed(f"connection lost: {exc}"))

    def close(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.close()

    def _send(self) -> None:
        assert self._transport is not None
        request = self._request()
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def _answered(self, head: bytes, body: bytes) -> None:
        now = time.perf_counter()
        self.waits.append(now - self._sent_at)
        assert self.done is not None
        if not head.startswith(b"HTTP/1.1 201"):
            self.done.set_exception(RequestFailed(f"{head[:40]!r} {body[:200]!r}"))
        elif now < self._deadline:
            self._send()
        else:
            self.done.set_result(body)


class RestCallers:
    """Callers that spread over some conversations of one service."""

    def __init__(self, callers: list[Caller], conversations: list[str], *, named: bool) -> None:
        self._callers, self._conversations = callers, conversations
        self._speakers: dict[int, Any] = (
            {entry_pb2.SPEAKER_CUSTOMER: "customer", entry_pb2.SPEAKER_AGENT: "agent"}
            if named
            else {1: 1, 2: 2}
        )
        self._talks = [turns(seed) for seed in range(len(callers))]

    @classmethod
    async def connected(cls, port: int, *, callers: int, conversations: int, named: bool) -> RestCallers:
        """Connections that stand and conversations that were begun; `named` speakers are words, others numbers."""
        loop = asyncio.get_running_loop()
        made = [(await loop.create_connection(Caller, "127.0.0.1", port))[1] for _ in range(callers)]
        begun = [
            json.loads(await made[0].call_until(0, lambda: _post("/conversations", b"{}")))["id"]
            for _ in range(conversations)
        ]
        return cls(made, begun, named=named)

    async def load(self, seconds: float, *, batch: int = 1) -> Load:
        """All call for a while."""
        began = time.perf_counter()
        requests = (self._requests(index, batch) for index in range(len(self._callers)))
        await asyncio.gather(
            *(
                caller.call_until(began + seconds, each)
                for caller, each in zip(self._callers, requests, strict=True)
            )
        )
        took = time.perf_counter() - began
        waits = [wait for caller in self._callers for wait in caller.waits]
        return Load(len(waits) * batch, took, waits)

    def close(self) -> None:
        """Hangs up."""
        for caller in self._callers:
            caller.close()

    def _requests(self, index: int, batch: int) -> Callable[[], bytes]:
        path = f"/conversations/{self._conversations[index % len(self._conversations)]}/turns"
        talk = self._talks[index]
        if batch == 1:
            return lambda: _post(path, json.dumps(self._turn(talk)).encode())
        return lambda: _post(f"{path}:batch", json.dumps([self._turn(talk) for _ in range(batch)]).encode())

    def _turn(self, talk: Iterator[Turn]) -> dict[str, Any]:
        turn, now = next(talk), datetime.now(UTC).isoformat()
        return {
            "turn_id": uuid7(),
            "speaker": self._speakers[turn.speaker],
            "text": turn.text,
            "started_at": now,
            "ended_at": now,
        }


def _post(path: str, body: bytes) -> bytes:
    return _REQUEST % (path.encode(), len(body), body)
