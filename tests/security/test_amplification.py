"""Small requests that mean much: a thousand of each take little memory of a service, and it gets it back."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping

import psutil
import pytest

from mesh.security.authentication import bearer
from tests.raw_http2 import message, raw_connection
from tests.security.bad_bodies import delimited
from tests.security.cases import one_of_the_callers
from tests.security.contracts import RPCS, Rpc
from tests.security.running_mesh import Mesh

pytestmark = [pytest.mark.security, pytest.mark.asyncio(loop_scope="session")]

TIMES, AT_ONCE = 1000, 16
WARM_UP = 200
"""Inputs before the measurement, for the memory that any traffic takes."""
WINDOW = 60_000
"""Bytes that a new connection may send at once."""
MOST_TAKEN, MOST_KEPT = 30e6, 10e6
MOST_ROUNDS = 4
DRAFTS = b"\x22\x06\x1a\0\x22\0\x32\0" * 520_000
"""4 MB that decode into 520,000 messages; 6 kB in gzip."""


def rpc_named(name: str) -> Rpc:
    """Return an RPC of a service of ours."""
    return next(rpc for rpc in RPCS if rpc.method.name == name and rpc.is_own)


def nested(rpc: Rpc) -> bytes:
    """Return a large request whose first message field holds the others, and many empty items."""
    field = next((field for field in rpc.method.input_type.fields if field.message_type), None)
    number = field.number if field else 1
    body = b""
    while len(body) < 2000:
        body = delimited(number, body)
    return (body + delimited(number, b"") * 40_000)[:WINDOW]


Input = tuple[str, Callable[[Rpc], bytes], bool, bool]
"""RPC, its request, and whether it is compressed and has a token."""
INPUTS: Mapping[str, Input] = {
    "drafts in gzip, without a token": ("Append", lambda _: DRAFTS, True, False),
    "legs of a search": ("SearchFlights", lambda _: b"\x9a\x01\0" * 21_000, False, True),
    "zeros in gzip to a public RPC": ("Login", lambda _: bytes(4_000_000), True, False),
    "zeros in gzip from a customer": ("StartConversation", lambda _: bytes(4_000_000), True, True),
    "nested messages to a search": ("SearchFlights", nested, False, True),
    "nested messages to a listing": ("ListEntries", nested, False, True),
    "a field of 64 KiB": ("RefreshSession", lambda _: delimited(1, b"x" * 60_000), False, False),
}


class Peak:
    """The largest memory of a process, sampled while the block runs."""

    def __init__(self, process: psutil.Process) -> None:
        self._process, self.bytes = process, 0

    async def __aenter__(self) -> Peak:
        self._sampling = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sampling.cancel()

    async def _sample(self) -> None:
        while True:
            self.bytes = max(self.bytes, self._process.memory_info().rss)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", INPUTS)
async def test_a_thousand_inputs_take_little_memory(mesh: Mesh, name: str) -> None:
    method, make, is_zipped, has_token = INPUTS[name]
    rpc = rpc_named(method)
    body = make(rpc)
    metadata = bearer(mesh.tokens[one_of_the_callers(rpc)]) if has_token else ()
    process = mesh.processes[rpc.served_by]

    body = message(gzip.compress(body), compressed=True) if is_zipped else message(body)
    fields = [(b"grpc-encoding", b"gzip")] * is_zipped + [(k.encode(), v.encode()) for k, v in metadata]

    async def send(times: int) -> None:
        remaining = iter(range(times))

        async def one() -> None:
            async with raw_connection(mesh.addresses[rpc.served_by]) as caller:
                for _ in remaining:
                    assert await caller.status(caller.open(rpc.path, *fields, body=body, end=True))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(one())

    await send(WARM_UP)
    growth: list[int] = []
    # Allocators keep some memory for later. What is not given back grows with every round.
    while not growth or (growth[-1] >= MOST_KEPT and len(growth) < MOST_ROUNDS):
        before = process.memory_info().rss
        async with Peak(process) as peak:
            await send(TIMES)
        assert peak.bytes - before < MOST_TAKEN, f"took {(peak.bytes - before) / 1e6:.0f} MB"
        await send(WARM_UP)
        growth.append(process.memory_info().rss - before)
    assert growth[-1] < MOST_KEPT, f"kept {[round(kept / 1e6) for kept in growth]} MB"
