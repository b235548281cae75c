"""Clients of the REST baselines: keep-alive connections with one open request each, in plain HTTP/1.1.

Each connection is a protocol that writes the next request when an answer is complete. It uses a fraction of
the service's CPU time, and less than the `Record` client.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, cast

from readback.conversation.v1 import entry_pb2

from bench.transcript_log.load.load_result import LoadResult
from bench.transcript_log.load.sample_turns import Turn, sample_turns
from mesh.ids import uuid7

_REQUEST = (
    b"POST %s HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer bench\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
)


class RequestFailed(Exception):
    """The service did not answer 201."""


class RestConnection(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._request: Callable[[], bytes] = bytes
        self._deadline = self._sent_at = 0.0
        self.done: asyncio.Future[bytes] | None = None
        self.waits: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def call_until(self, deadline: float, request: Callable[[], bytes]) -> asyncio.Future[bytes]:
        """Send one or more requests until the deadline; return a future of the last answer's body."""
        self._deadline, self._request = deadline, request
        self.waits.clear()
        self.done = asyncio.get_running_loop().create_future()
        self._send()
        return self.done

    def data_received(self, data: bytes) -> None:
        """Collect an answer, and handle it once it is complete."""
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        if len(body) >= length:
            self._received.clear()
            self._answered(bytes(head), bytes(body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the future of an open request."""
        if self.done is not None and not self.done.done():
            self.done.set_exception(RequestFailed(f"connection lost: {exc}"))

    def close(self) -> None:
        """Close the connection."""
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


class RestClients:
    """Connections to one service, spread over some conversations."""

    def __init__(self, connections: list[RestConnection], conversations: list[str], *, named: bool) -> None:
        self._connections, self._conversations = connections, conversations
        customer, agent = ("customer", "agent") if named else (1, 2)
        self._speakers = {entry_pb2.SPEAKER_CUSTOMER: customer, entry_pb2.SPEAKER_AGENT: agent}
        self._turns = [sample_turns(seed) for seed in range(len(connections))]

    @classmethod
    async def connect(cls, port: int, *, connections: int, conversations: int, named: bool) -> RestClients:
        """Connect and start conversations. Turns have the speaker as a word if `named`, else as a number."""
        loop = asyncio.get_running_loop()
        made = [
            (await loop.create_connection(RestConnection, "127.0.0.1", port))[1] for _ in range(connections)
        ]
        start = _post("/conversations", b"{}")
        begun = [json.loads(await made[0].call_until(0, lambda: start))["id"] for _ in range(conversations)]
        return cls(made, begun, named=named)

    async def run_load(self, seconds: float, *, batch: int = 1) -> LoadResult:
        """Post turns on all connections for some seconds."""
        began = time.perf_counter()
        await asyncio.gather(
            *(
                connection.call_until(began + seconds, self._request(index, batch))
                for index, connection in enumerate(self._connections)
            )
        )
        took = time.perf_counter() - began
        waits = [wait for connection in self._connections for wait in connection.waits]
        return LoadResult(len(waits) * batch, took, waits)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()

    def _request(self, index: int, batch: int) -> Callable[[], bytes]:
        """Return a function that builds the next request of a connection."""
        path = f"/conversations/{self._conversations[index % len(self._conversations)]}/turns"
        turns = self._turns[index]
        if batch == 1:
            return lambda: _post(path, json.dumps(self._turn(turns)).encode())
        return lambda: _post(f"{path}:batch", json.dumps([self._turn(turns) for _ in range(batch)]).encode())

    def _turn(self, turns: Iterator[Turn]) -> dict[str, Any]:
        turn, now = next(turns), datetime.now(UTC).isoformat()
        return {
            "turn_id": uuid7(),
            "speaker": self._speakers[turn.speaker],
            "text": turn.text,
            "started_at": now,
            "ended_at": now,
        }


def _post(path: str, body: bytes) -> bytes:
    return _REQUEST % (path.encode(), len(body), body)
