"""A real call continues while parts of the product are killed, and a watch of it misses nothing."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import psutil
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2 as identity
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from readback_client.live_texts import LiveTexts

from cli.supervisor import child_processes
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from tests.product import READBACK, Product

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

PASSWORD = "a long walk in the park"
QUESTION = "show flights from Chennai to Delhi tomorrow"


@dataclass
class Customer:
    """Customer who is logged in on the command line, with one conversation."""

    product: Product
    token: str
    conversation_id: str
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """Start another `readback` process."""
        process = child_processes.start(
            [*READBACK, *arguments],
            env=self.product.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.running.append(process)
        return process

    def call(self) -> subprocess.Popen[str]:
        """Start a call that asks for flights and chooses one."""
        texts = ("--text", QUESTION, "--text", "the second one")
        return self.command("call", "--json", "--conversation", self.conversation_id, *texts)

    def entries(self) -> list[entry_pb2.Entry]:
        """Return the stored log."""
        request = pb.ListEntriesRequest(conversation_id=self.conversation_id, page_size=500)
        with grpc.insecure_channel(self.product.address("conversation")) as channel:
            return list(
                ConversationServiceStub(channel)
                .ListEntries(request, metadata=bearer(self.token), wait_for_ready=True)
                .entries
            )

    def wait_until_the_agent_says(self, words: str) -> str:
        """Wait until the agent is saying these words; return the id of the utterance."""
        request = pb.WatchRequest(conversation_id=self.conversation_id, include_live=True)
        with grpc.insecure_channel(self.product.address("conversation")) as channel:
            call = ConversationServiceStub(channel).Watch(request, metadata=bearer(self.token), timeout=90)
            texts = LiveTexts()
            for response in call:
                live = response.live
                if texts.complete(live) and live.speaker == entry_pb2.SPEAKER_AGENT and words in live.tail:
                    call.cancel()
                    return live.utterance_id
        raise AssertionError(f"the agent never said {words!r}")


@pytest.fixture
def customer(product: Product) -> Iterator[Customer]:
    """New account, logged in on the command line."""
    email = f"{uuid7()}@example.com"
    with grpc.insecure_channel(product.address("identity")) as channel:
        request = identity.RegisterRequest(email=email, password=PASSWORD, display_name="Asha")
        token = IdentityServiceStub(channel).Register(request).tokens.access_token
    with grpc.insecure_channel(product.address("conversation")) as channel:
        start = pb.StartConversationRequest(request_id=uuid7())
        started = ConversationServiceStub(channel).StartConversation(start, metadata=bearer(token))
    login = product.readback("login", email, "--password-stdin", input=PASSWORD + "\n")
    assert login.returncode == 0, login.stderr
    made = Customer(product, token, started.conversation.conversation_id)
    yield made
    for process in made.running:
        child_processes.kill(process)
        process.communicate()
    product.readback("logout")


def _turns(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    output, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    return [event for event in map(json.loads, output.splitlines()) if event["event"] == "turn"]


def _watched(process: subprocess.Popen[str], until: int) -> list[int]:
    """Return the entry numbers that a watch prints, up to this one."""
    numbers: list[int] = []
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if "entry" in event:
            numbers.append(int(event["entry"]["number"]))
            if numbers[-1] >= until:
                return numbers
    raise AssertionError(f"the watch ended after {numbers}")


def test_a_watch_misses_and_doubles_nothing_though_the_service_is_killed_in_mid_utterance(
    customer: Customer,
) -> None:
    watch = customer.command("watch", customer.conversation_id, "--json")
    call = customer.call()
    utterance_id = customer.wait_until_the_agent_says("There are")
    customer.product.process_of("conversation").kill()

    turns = _turns(call)
    assert [tool["name"] for turn in turns for tool in turn["tools"]][:1] == ["search_flights"]
    entries = customer.entries()
    spoken = next(entry.utterance for entry in entries if entry.entry_id == utterance_id)
    assert spoken.sealing == entry_pb2.SEALING_FINAL, "the agent lived, so its utterance is complete"
    assert spoken.text.startswith("There are")
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert _watched(watch, len(entries)) == [entry.number for entry in entries]


def _process_in_call(product: Product) -> psutil.Process:
    """Return the agent's process that holds a call: the one connected to the conversation service."""
    port = int(product.environment["READBACK_CONVERSATION_PORT"])
    for process in product.process_of("agent").children(recursive=True):
        if any(
            connection.raddr and connection.raddr.port == port
            for connection in process.net_connections("tcp")
        ):
            return process
    raise AssertionError("no process of the agent holds a call")


def test_another_agent_takes_over_when_one_is_killed_in_mid_utterance(customer: Customer) -> None:
    call = customer.call()
    utterance_id = customer.wait_until_the_agent_says("There are")
    _process_in_call(customer.product).kill()
    _turns(call)

    deadline = time.monotonic() + 20
    while not any(e.state_change.kind == entry_pb2.STATE_CHANGE_KIND_CALL_ENDED for e in customer.entries()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    entries = customer.entries()
    changes = [entry.state_change.kind for entry in entries if entry.HasField("state_change")]
    assert changes.count(entry_pb2.STATE_CHANGE_KIND_AGENT_LOST) >= 1
    cut = next(entry.utterance for entry in entries if entry.entry_id == utterance_id)
    assert cut.sealing == entry_pb2.SEALING_TRUNCATED
    lost_at = next(
        entry.number for entry in entries if entry.state_change.kind == entry_pb2.STATE_CHANGE_KIND_AGENT_LOST
    )
    afterwards = [
        e.utterance.text
        for e in entries
        if e.number > lost_at and e.utterance.speaker == entry_pb2.SPEAKER_AGENT and not e.late
    ]
    assert afterwards, "no agent spoke again"
    assert "sorry" in afterwards[0].lower()
