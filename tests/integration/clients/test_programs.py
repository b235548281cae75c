"""The clients of all languages with real services: their example programs print the same lines."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import stat
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf import json_format
from readback.conversation.v1.entry_pb2 import Entry
from readback_client import Addresses, Client, Connection, CredentialsFile, conversation, identity
from readback_client.contracts import to_official

from tests.integration.clients.programs import (
    EMAIL,
    PASSWORD,
    PROGRAMS,
    Home,
    answered,
    conversation_process,
    flights,
    read_until,
    said,
    started,
    started_call,
)
from tests.integration.conversation.mesh import Mesh
from tests.product import free_ports

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TEXTS = ["Hello.", "Where to? 🧭", "To Delhi.", "Zürich\u2028or नई दिल्ली?"]
"""Words with characters outside the basic plane, and with a separator that some line readers split at."""
LOST, RESUMED = "connection lost", "connection resumed"
all_languages = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)


def row(entry: Any) -> str:
    """Return an official `Entry` as the programs print it."""
    kind = entry.WhichOneof("content")
    return f"{entry.number}\t{entry.conversation_id}\t{kind}\t{entry.utterance.text}"


async def python_rows(client: Client, conversation_id: str, changes: list[Connection]) -> list[str]:
    """Follow a conversation with the Python client until it ends."""
    events = client.watch(conversation_id).events(live=False, on_connection=changes.append)
    return [row(to_official(event.entry)) async for event in events if event.entry is not None]


async def exported_rows(client: Client, conversation_id: str) -> list[str]:
    """Return the rows of the exported transcript."""
    exported = await client.export(conversation_id, conversation.TranscriptFormat.JSON)
    return [row(json_format.ParseDict(entry, Entry())) for entry in json.loads(exported)["entries"]]


async def rest_of(program: Process, lines: Sequence[str]) -> list[str]:
    """Wait until a program ends. Return its rows, of which `lines` have been read."""
    async with asyncio.timeout(60):
        rest, log = await program.communicate()
    assert program.returncode == 0, log
    assert log.decode() == f"{RESUMED}\n"
    everything = [*lines, *rest.decode().removesuffix("\n").split("\n")]
    rows = [each for each in everything if not each.startswith("flight ")]
    assert len(rows) < len(everything), "no flights"
    return rows


async def test_all_languages_follow_a_call_across_a_kill_with_the_lines_of_the_export(
    mesh: Mesh, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    async with flights(mesh, tmp_path / "flights") as flightdata, AsyncExitStack() as stack:
        where = Addresses(mesh.identity_address, f"127.0.0.1:{port}", flightdata)
        first = stack.enter_context(ExitStack())
        first.enter_context(conversation_process(mesh, port))
        file = CredentialsFile.in_folder(tmp_path / "readback", where.identity)
        client = await stack.enter_async_context(Client(where, store=file))
        await client.register(EMAIL, PASSWORD, "Ana")
        await answered(client)
        call = await started_call(client)
        changes: list[Connection] = []
        python = asyncio.create_task(python_rows(client, call.conversation_id, changes))
        programs = [
            await stack.enter_async_context(
                started(Home(where, tmp_path / name), command, "--entries", call.conversation_id)
            )
            for name, command in PROGRAMS.items()
        ]
        await said(mesh, client, call.call_id, *TEXTS[:2])
        seen = [await read_until(program.stdout, TEXTS[1]) for program in programs]
        first.close()
        for program in programs:
            assert await read_until(program.stderr, LOST) == [LOST]
        with conversation_process(mesh, port):
            await answered(client)
            await said(mesh, client, call.call_id, *TEXTS[2:])
            await client.conversation.end_conversation(
                conversation.EndConversationRequest(call.conversation_id)
            )
            printed = [await rest_of(program, lines) for program, lines in zip(programs, seen, strict=True)]
            expected = await exported_rows(client, call.conversation_id)
            followed = await asyncio.wait_for(python, 60)
    assert [line.split("\t")[3] for line in expected if "\tutterance\t" in line] == TEXTS
    assert changes == [Connection.LOST, Connection.RESUMED]
    assert dict(zip(PROGRAMS, printed, strict=True)) == dict.fromkeys(PROGRAMS, expected)
    assert followed == expected


@all_languages
async def test_the_session_of_readback_login_is_used_and_its_token_refreshed(
    mesh: Mesh, tmp_path: Path, program: Sequence[str]
) -> None:
    file = CredentialsFile.in_folder(tmp_path / "readback", mesh.identity_address)
    async with flights(mesh, tmp_path / "flights") as flightdata, mesh.conversation() as address:
        where = Addresses(mesh.identity_address, address, flightdata)
        async with Client(where, store=file) as client:
            await client.register(EMAIL, PASSWORD, "Ana")
            first = file.read()
            assert first
            file.save(dataclasses.replace(first, access_expires=time.time()))
            async with started(Home(where, tmp_path, signs_in=False), program, str(uuid4())) as process:
                _, log = await asyncio.wait_for(process.communicate(), 60)
            refreshed = file.read()
            assert refreshed
            assert refreshed.refresh_token != first.refresh_token, log
            assert (await client.identity.get_customer(identity.GetCustomerRequest())).customer
    (path,) = (tmp_path / "readback").glob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@all_languages
async def test_errors_of_a_program_name_the_reason(
    mesh: Mesh, tmp_path: Path, program: Sequence[str]
) -> None:
    async with flights(mesh, tmp_path / "flights") as flightdata, mesh.conversation() as address:
        where = Addresses(mesh.identity_address, address, flightdata)
        async with started(Home(where, tmp_path), program, str(uuid4())) as process:
            _, log = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"CONVERSATION_NOT_FOUND" in log
