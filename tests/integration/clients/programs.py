"""The example programs of the clients in other languages: each follows a call in the same way."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio import StreamReader
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import grpc
from readback.conversation.v1 import entry_pb2
from readback_client import Addresses, Client, ReadbackError, conversation

from cli.supervisor import child_processes
from mesh.serving.grpc_server import running
from mesh.settings import CHECKOUT, load
from services.conversation.client.recorder import Recorder
from services.flightdata.app import grpc_service as flightdata_service
from services.flightdata.settings import FlightDataSettings
from tests.integration.conversation.mesh import Mesh
from tests.product import free_ports

CLIENTS = CHECKOUT / "clients"
JAVA = ("java", "-cp", str(CLIENTS / "java/target/readback-client.jar"))
"""Command that runs a class, or a source file, with the Java client."""
PROGRAMS: Mapping[str, Sequence[str]] = {
    "go": [str(CLIENTS / "go/bin/follow")],
    "java": [*JAVA, "io.readback.client.examples.Follow"],
    "typescript": ["node", str(CLIENTS / "typescript/dist/examples/follow.js")],
}
"""Commands that follow a conversation, by language. `make clients` builds them."""
EMAIL, PASSWORD = "ana@example.com", "a long walk in the park"
WRITER = str(uuid4())
"""The agent's process. An epoch of a call has one writer."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a program finds the services, and the folder of its settings."""

    addresses: Addresses
    folder: Path
    signs_in: bool = True
    """Whether the program signs in. Otherwise it uses a saved session."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables of the program."""
        account = {"EMAIL": EMAIL, "PASSWORD": PASSWORD} if self.signs_in else {}
        return account | {
            "PATH": os.environ["PATH"],
            "XDG_CONFIG_HOME": str(self.folder),
            "READBACK_IDENTITY_ADDRESS": self.addresses.identity,
            "READBACK_CONVERSATION_ADDRESS": self.addresses.conversation,
            "READBACK_FLIGHTDATA_ADDRESS": self.addresses.flightdata,
        }


@asynccontextmanager
async def started(home: Home, command: Sequence[str], *arguments: str) -> AsyncIterator[Process]:
    """Run a command; end it after the block."""
    assert shutil.which(command[0]), f"{command[0]} is missing: run make system-packages clients"
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, env=home.environment, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def flights(mesh: Mesh, home: Path) -> AsyncIterator[str]:
    """Serve sample flights; yield the address."""
    settings = load(FlightDataSettings, home=home, identity_address=mesh.identity_address)
    async with flightdata_service(settings) as served, running(served) as server:
        yield server.address


@contextmanager
def conversation_process(mesh: Mesh, port: int) -> Iterator[None]:
    """Serve conversations in a process of its own, which is killed without warning at the end."""
    environment = {
        "PATH": os.environ["PATH"],
        "LIVEKIT_URL": "ws://127.0.0.1:9",
        "READBACK_HOME": str(mesh.home),
        "READBACK_IDENTITY_ADDRESS": mesh.identity_address,
        "READBACK_CONVERSATION_PORT": str(port),
        "READBACK_CONVERSATION_HTTP_PORT": str(free_ports(1)[0]),
    }
    command = [sys.executable, "-m", "cli", "serve", "conversation"]
    mesh.address = f"127.0.0.1:{port}"
    with child_processes.start(command, env=environment, cwd=CHECKOUT) as process:
        try:
            yield
        finally:
            child_processes.kill(process)


async def answered(client: Client) -> None:
    """Wait until the conversation service has answered a client."""
    async with asyncio.timeout(60):
        while True:
            try:
                await client.conversation.list_conversations(conversation.ListConversationsRequest())
            except ReadbackError as error:
                if error.code is not grpc.StatusCode.UNAVAILABLE:
                    raise
            else:
                return


async def started_call(client: Client) -> conversation.Call:
    """Start a conversation and a call."""
    made = (
        await client.conversation.start_conversation(conversation.StartConversationRequest())
    ).conversation
    assert made
    request = conversation.StartCallRequest(conversation_id=made.conversation_id)
    call = (await client.conversation.start_call(request)).call
    assert call
    return call


async def said(mesh: Mesh, client: Client, call_id: str, *texts: str) -> None:
    """Let the agent say these words in a call, at its current epoch: on a slow machine there is a new one."""
    call = (await client.conversation.get_call(conversation.GetCallRequest(call_id))).call
    assert call
    async with Recorder(await mesh.agent_stub(), call_id, call.epoch, WRITER) as recorder:
        for text in texts:
            recorder.seal(str(uuid4()), entry_pb2.SPEAKER_AGENT, text)
        await recorder.flushed()


async def read_until(stream: StreamReader | None, wanted: str) -> list[str]:
    """Return the lines of a program up to the one that ends with these words."""
    assert stream
    lines: list[str] = []
    async with asyncio.timeout(60):
        while not lines or not lines[-1].endswith(wanted):
            read = await stream.readline()
            assert read, lines
            lines.append(read.decode().removesuffix("\n"))
    return lines
