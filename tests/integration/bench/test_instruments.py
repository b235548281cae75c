"""The building blocks of the log benchmark: sockets, processes and sizes of databases."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import psycopg
import pytest
from livekit import api
from livekit.protocol import room

from bench.transcript_log.load.rest_clients import RequestFailed, RestClients
from bench.transcript_log.measurements.byte_sizes import vacuumed
from bench.transcript_log.testbed.processes import (
    ASKING,
    SERVING,
    DidNotStart,
    cpu_seconds,
    on_core,
    process,
    resident_bytes,
)
from bench.transcript_log.testbed.tcp_servers import relay, room_server, tcp_server
from tests.postgres_server import PostgresServer
from tests.product import free_ports

pytestmark = pytest.mark.integration


class Recording:
    """A REST service that records its requests."""

    def __init__(self, status: str = "201 Created") -> None:
        self.status, self.asked = status, list[tuple[str, object]]()
        self.connections = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        async with tcp_server(self._connected) as port:
            yield port

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while line := await reader.readline():
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.partition("content-length: ")[2].split("\r\n")[0])
            path = line.split()[1].decode()
            self.asked.append((path, json.loads(await reader.readexactly(length))))
            body = json.dumps({"id": f"talk-{len(self.asked)}"}).encode()
            status = "201 Created" if path == "/conversations" else self.status
            answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            # In two pieces, as TCP may deliver an answer.
            writer.write(answer[:20])
            await writer.drain()
            await asyncio.sleep(0)
            writer.write(answer[20:])


async def test_clients_keep_one_request_open_on_each_connection() -> None:
    service = Recording()
    async with service.serving() as port:
        clients = await RestClients.connect(port, connections=4, conversations=2, named=True)
        load = await clients.run_load(0.05)
        clients.close()
    posted = [body for path, body in service.asked if path.endswith("/turns")]
    assert service.connections == 4
    assert load.turns == len(load.waits) == len(posted) >= 4
    assert {path for path, _ in service.asked} == {
        "/conversations",
        "/conversations/talk-1/turns",
        "/conversations/talk-2/turns",
    }


async def test_clients_post_turns_in_batches() -> None:
    service = Recording()
    async with service.serving() as port:
        clients = await RestClients.connect(port, connections=1, conversations=1, named=False)
        load = await clients.run_load(0, batch=16)
        clients.close()
    path, body = service.asked[-1]
    assert path == "/conversations/talk-1/turns:batch"
    assert isinstance(body, list)
    assert load.turns == len(body) == 16
    assert len({turn["turn_id"] for turn in body}) == 16
    assert {turn["speaker"] for turn in body} == {1, 2}


async def test_clients_count_no_refusal_as_a_turn() -> None:
    async with Recording("503 Service Unavailable").serving() as port:
        clients = await RestClients.connect(port, connections=1, conversations=1, named=True)
        with pytest.raises(RequestFailed, match="503"):
            await clients.run_load(0.05)
        clients.close()


async def test_relay_counts_what_comes_back_and_only_that() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1000)
        writer.write(bytes(123))
        await writer.drain()

    async with tcp_server(answer) as served, relay(served) as counted:
        host, _, port = counted.address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(bytes(1000))
        assert await reader.read() == bytes(123)
        writer.close()
        await writer.wait_closed()
        assert counted.returned == 123


async def test_nothing_outlives_a_server_in_this_process() -> None:
    async def for_ever(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    before = asyncio.all_tasks()
    async with tcp_server(for_ever) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert asyncio.all_tasks() == before


async def test_every_room_has_its_caller() -> None:
    async with (
        room_server() as url,
        api.LiveKitAPI(url.replace("ws", "http", 1), "key", "a secret of at least 32 characters") as livekit,
    ):
        listed = await livekit.room.list_participants(room.ListParticipantsRequest(room="any"))
        await livekit.room.delete_room(room.DeleteRoomRequest(room="any"))
    assert [participant.identity for participant in listed.participants] == ["caller"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def listening(port: int) -> tuple[str, str]:
    return "-c", f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"


async def test_server_is_there_inside_its_block_and_gone_after_it(log: Path) -> None:
    (port,) = free_ports(1)
    async with process(*listening(port), environment=os.environ, port=port, log=log, core=SERVING) as pid:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        assert os.sched_getaffinity(pid) == {SERVING}
        assert resident_bytes(pid) > 1_000_000
        assert cpu_seconds(pid) >= 0
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_nice_server_has_the_lowest_priority(log: Path) -> None:
    (port,) = free_ports(1)
    async with process(
        *listening(port), environment=os.environ, port=port, log=log, core=ASKING, nice=19
    ) as pid:
        assert os.getpriority(os.PRIO_PROCESS, pid) == 19


async def test_the_output_of_a_dead_server_is_in_the_error(log: Path) -> None:
    (port,) = free_ports(1)
    with pytest.raises(DidNotStart, match="no such luck"):
        async with process(
            "-c", "raise SystemExit('no such luck')", environment=os.environ, port=port, log=log, core=SERVING
        ):
            pass


def test_core_is_given_back() -> None:
    before = os.sched_getaffinity(0)
    with on_core(ASKING):
        assert os.sched_getaffinity(0) == {ASKING}
    assert os.sched_getaffinity(0) == before


def fill(database: sqlite3.Connection | psycopg.Connection) -> None:
    database.execute("CREATE TABLE log_pages (number integer PRIMARY KEY, content text)")
    database.execute("CREATE INDEX by_content ON log_pages (content)")
    for number in range(500):
        database.execute(f"INSERT INTO log_pages VALUES ({number}, '{f'{number:04}' * 50}')")


def assert_plausible(sizes: dict[str, int]) -> None:
    assert 100_000 < sizes["log_pages/log_pages"] < 250_000
    assert 100_000 < sizes["log_pages/by_content"] < 250_000


def test_sizes_of_a_sqlite_file_are_those_after_vacuum(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        fill(database)
        database.execute("CREATE TABLE gone (content text)")
        database.execute("DROP TABLE gone")
        database.commit()
    sizes = vacuumed(f"sqlite+aiosqlite:///{path}")
    assert_plausible(sizes)
    assert sum(sizes.values()) == path.stat().st_size


def test_sizes_of_a_postgres_database_count_indexes_and_toast_with_their_table(
    postgres: PostgresServer,
) -> None:
    url = postgres.new_database()
    with psycopg.connect(url.replace("+psycopg", "")) as database:
        fill(database)
    sizes = vacuumed(url)
    assert_plausible(sizes)
    assert any(name.startswith("log_pages/pg_toast") for name in sizes)
    with psycopg.connect(url.replace("+psycopg", "")) as database:
        database.execute("DELETE FROM log_pages WHERE number < 400")
    assert vacuumed(url)["log_pages/log_pages"] > 100_000  # free space for new rows
    assert vacuumed(url, full=True)["log_pages/log_pages"] < 60_000
    assert all("/" in name for name in sizes)
