"""A call as in production: real services, a real LiveKit server, a token for the call's grant."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest
from livekit import rtc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2 as identity_pb
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from agent.call.call_job import CallJob, JobRoom, run_job
from agent.call.livekit_session import SpeechEngines
from agent.clients import service_clients
from agent.settings import AgentSettings
from agent.worker import recovering_outboxes
from cli.calls.call_client import CallClient
from mesh.calling.channel import open_channel
from mesh.clock import SystemClock
from mesh.serving.grpc_server import ServerSettings, running
from mesh.serving.ports import Endpoint
from mesh.settings import MeshSettings, load
from services.conversation import app as conversation_app
from services.conversation.client.draft_builder import DraftBuilder
from services.conversation.client.outbox import Outbox
from services.conversation.client.outbox_file import OutboxFile
from services.conversation.client.recorder import Recorder
from services.conversation.settings import ConversationSettings
from services.flightdata import app as flightdata_app
from services.flightdata.settings import FlightDataSettings
from services.identity import app as identity_app
from services.identity.settings import IdentitySettings
from tests.integration.agent.livekit_rooms import LiveKit
from tests.product import free_ports

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER


class Restartable:
    """The conversation service, which the test can stop and start."""

    def __init__(self, settings: ConversationSettings, port: int) -> None:
        self._settings, self._port = settings, port
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        service = await self._stack.enter_async_context(conversation_app.grpc_service(self._settings))
        briefly = ServerSettings(drain_seconds=1)
        await self._stack.enter_async_context(
            running(service, endpoint=Endpoint(port=self._port), settings=briefly)
        )

    async def stop(self) -> None:
        await self._stack.aclose()


@dataclass
class Placed:
    """A call that a customer has started and no agent holds yet."""

    livekit: LiveKit
    settings: AgentSettings
    engines: SpeechEngines
    conversation: "ConversationServiceAsyncStub"
    service: Restartable
    call: pb.Call
    access: pb.CallAccess

    @property
    def room(self) -> str:
        claims = jwt.decode(self.access.livekit_token, options={"verify_signature": False})
        return str(claims["video"]["room"])

    @asynccontextmanager
    async def held(self, epoch: int, *, joins: bool = True) -> AsyncIterator["Held"]:
        """Hold the call in this epoch, then leave it to another agent."""
        room, leave = rtc.Room(), asyncio.Event()

        async def join() -> None:
            if not joins:
                await asyncio.Event().wait()
            await room.connect(self.livekit.url, self.livekit.token(f"agent-{epoch}", self.room, agent=True))

        job_room = JobRoom(room, join, leave)
        task = asyncio.create_task(
            run_job(CallJob(self.call.call_id, epoch), job_room, self.engines, self.settings)
        )
        try:
            yield Held(room, leave, task)
        finally:
            leave.set()
            await task
            await room.disconnect()

    async def entries(self) -> list[entry_pb2.Entry]:
        request = pb.ListEntriesRequest(conversation_id=self.call.conversation_id)
        return list((await self.conversation.ListEntries(request)).entries)

    async def until(self, reached: Callable[[list[entry_pb2.Entry]], bool]) -> None:
        """Wait until the log satisfies a condition."""
        async with asyncio.timeout(20):
            while True:
                if reached(await self.entries()):
                    return
                await asyncio.sleep(0.1)

    async def until_found(self, searches: int) -> None:
        """Wait until the log has this number of search results."""
        await self.until(lambda log: sum(entry.HasField("tool_result") for entry in log) == searches)

    async def said(self, speaker: int) -> list[str]:
        return [entry.utterance.text for entry in await self.entries() if entry.utterance.speaker == speaker]

    async def dispatched_again(self) -> int:
        """Wait for the next agent's epoch and return it."""
        async with asyncio.timeout(15):
            while True:
                request = pb.GetConversationRequest(conversation_id=self.call.conversation_id)
                answer = await self.conversation.GetConversation(request)
                if answer.conversation.running_call.epoch > 1:
                    return answer.conversation.running_call.epoch
                await asyncio.sleep(0.1)


@dataclass
class Held:
    """An agent at work."""

    room: rtc.Room
    leave: asyncio.Event
    task: "asyncio.Task[None]"


@pytest.fixture
async def placed(tmp_path: Path, livekit: LiveKit, engines: SpeechEngines) -> AsyncIterator[Placed]:
    """The services, a customer, and a call of theirs."""
    identity, conversation, flightdata = free_ports(3)
    common = {
        "home": tmp_path,
        "identity_port": identity,
        "conversation_port": conversation,
        "flightdata_port": flightdata,
        "livekit_url": livekit.url,
        "livekit_api_key": livekit.key,
        "livekit_api_secret": livekit.secret,
    }
    mesh = load(MeshSettings, **common)
    mesh.secrets.create_all()
    async with AsyncExitStack() as stack:
        start, briefly = stack.enter_async_context, ServerSettings(drain_seconds=1)
        services = (
            (identity_app.grpc_service(load(IdentitySettings, **common, identity_bcrypt_cost=4)), identity),
            (flightdata_app.grpc_service(load(FlightDataSettings, **common)), flightdata),
        )
        for made, port in services:
            await start(running(await start(made), endpoint=Endpoint(port=port), settings=briefly))
        service = Restartable(load(ConversationSettings, **common), conversation)
        await service.start()
        stack.push_async_callback(service.stop)
        channel = await start(
            open_channel(
                mesh.address_of("identity"), identity_pb.DESCRIPTOR.services_by_name["IdentityService"]
            )
        )
        new = identity_pb.RegisterRequest(
            email=f"{uuid.uuid4()}@example.com", password=str(uuid.uuid4()), display_name="Asha"
        )
        token = (await IdentityServiceStub(channel).Register(new)).tokens.access_token

        async def tokens() -> str:
            return token

        descriptor = pb.DESCRIPTOR.services_by_name["ConversationService"]
        stub = ConversationServiceStub(
            await start(open_channel(mesh.address_of("conversation"), descriptor, tokens=tokens))
        )
        begun = await stub.StartConversation(pb.StartConversationRequest(request_id=str(uuid.uuid4())))
        started = await stub.StartCall(
            pb.StartCallRequest(conversation_id=begun.conversation.conversation_id)
        )
        yield Placed(
            livekit, load(AgentSettings, **common), engines, stub, service, started.call, started.access
        )


async def test_a_typed_search_is_answered_recorded_and_shown(placed: Placed) -> None:
    async with (
        CallClient.join(placed.access.livekit_url, placed.access.livekit_token, microphone=False) as caller,
        placed.held(1) as agent,
    ):
        greeting = await caller.wait_for_greeting()
        turn = await caller.type("show flights from Chennai to Delhi tomorrow morning")
        await caller.hang_up()
        await asyncio.wait_for(agent.task, 15)
    (use,) = turn.tools
    entries = await placed.entries()
    assert use.call == next(entry.tool_call for entry in entries if entry.HasField("tool_call"))
    assert use.result == next(entry.tool_result for entry in entries if entry.HasField("tool_result"))
    (leg,) = use.arguments["legs"]
    assert (leg["origin"], leg["destination"], use.outcome) == ("MAA", "DEL", "FOUND")
    assert [entry.utterance.text for entry in entries if entry.utterance.speaker == AGENT] == [
        greeting.reply,
        turn.reply,
    ]
    assert [entry.WhichOneof("content") for entry in entries if not entry.HasField("state_change")] == [
        "utterance",
        "utterance",
        "tool_call",
        "tool_result",
        "utterance",
    ]
    assert entries[-1].state_change.kind == entry_pb2.STATE_CHANGE_KIND_CALL_ENDED
    assert entries[-1].state_change.call_end_reason == entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP


def drawn(entries: list[entry_pb2.Entry]) -> list[str]:
    """Return a line for each flight in a transcript, as a client can that has only the contracts."""
    calls = {
        entry.tool_call.tool_call_id: entry.tool_call for entry in entries if entry.HasField("tool_call")
    }
    lines = []
    for result in (entry.tool_result for entry in entries if entry.tool_result.HasField("search_flights")):
        call, found = calls[result.tool_call_id], result.search_flights.results
        cities = {place.code: place.city for place in call.places}
        leg = call.search_flights.legs[0]
        title = f"{cities[leg.origin]} to {cities[leg.destination]}"
        by_id = {one.itinerary_id: one for one in found.itineraries}
        ways = [(list(journey.itinerary_ids), journey.fare) for journey in found.journeys]
        for ids, fare in ways or [([one.itinerary_id], one.fare) for one in found.itineraries]:
            numbers = [segment.flight_number for name in ids for segment in by_id[name].segments]
            price = f"{fare.total.currency_code} {fare.total.units}" if fare.HasField("total") else "sold out"
            lines.append(f"{title}: {' '.join(numbers)}, {price}")
    return lines


async def test_a_client_draws_the_flights_from_a_transcript(placed: Placed) -> None:
    async with (
        CallClient.join(placed.access.livekit_url, placed.access.livekit_token, microphone=False) as caller,
        placed.held(1),
    ):
        await caller.wait_for_greeting()
        await caller.type("flights from Chennai to Delhi tomorrow")
        one_way = drawn(await placed.entries())
        await caller.type("and back on Friday in a week")
        await placed.until_found(2)
    flight = re.compile(r"Chennai to Delhi: [A-Z0-9]{2}\d+( [A-Z0-9]{2}\d+)*, (INR [1-9]\d+|sold out)")
    assert all(map(flight.fullmatch, one_way)), one_way
    both_ways = drawn(await placed.entries())[len(one_way) :]
    assert one_way
    assert both_ways
    assert all(flight.fullmatch(line) and line.count(" ") >= 6 for line in both_ways), both_ways


async def test_two_lines_with_one_stream_id_are_both_in_the_log_before_they_are_answered(
    placed: Placed,
) -> None:
    said = ["show flights from Chennai to Delhi on Friday", "flights from Mumbai to Goa on Friday"]
    stream_id = str(uuid.uuid4())
    async with (
        CallClient.join(placed.access.livekit_url, placed.access.livekit_token, microphone=False) as caller,
        placed.held(1),
    ):
        await caller.wait_for_greeting()
        for searches, words in enumerate(said, 1):
            writer = await caller._room.local_participant.stream_text(topic="lk.chat", stream_id=stream_id)
            await writer.write(words)
            await writer.aclose()
            await placed.until_found(searches)
    entries = await placed.entries()
    typed = [entry for entry in entries if entry.utterance.modality == entry_pb2.MODALITY_TEXT]
    assert [entry.utterance.text for entry in typed] == said
    assert stream_id not in {entry.entry_id for entry in entries}
    searched = [entry.number for entry in entries if entry.HasField("tool_call")]
    assert [entry.number < number for entry, number in zip(typed, searched, strict=True)] == [True, True]


async def test_another_agent_continues_a_call_where_the_first_left_it(placed: Placed) -> None:
    async with CallClient.join(
        placed.access.livekit_url, placed.access.livekit_token, microphone=False
    ) as caller:
        async with placed.held(1) as first:
            await caller.wait_for_greeting()
            asking = asyncio.create_task(caller.type("show flights from Chennai to Delhi on Friday"))
            await placed.until(lambda entries: any(entry.HasField("tool_result") for entry in entries))
            first.leave.set()
            await asyncio.wait_for(first.task, 15)
        async with placed.held(await placed.dispatched_again()):
            await asking
            # The log is read, because on a busy machine the answer may come in two of the caller's turns.
            await caller.type("what about the evening")
            await placed.until(
                lambda log: any(
                    (leg.origin, leg.departure_time_from.hours) == ("MAA", 17)
                    for entry in log
                    for leg in entry.tool_call.search_flights.legs
                )
            )
    assert any(text.startswith("Sorry, I lost you") for text in await placed.said(AGENT))


async def test_an_agent_after_one_that_said_nothing_welcomes_the_caller(placed: Placed) -> None:
    async with CallClient.join(
        placed.access.livekit_url, placed.access.livekit_token, microphone=False
    ) as caller:
        async with placed.held(1, joins=False):
            joined = entry_pb2.STATE_CHANGE_KIND_AGENT_JOINED
            await placed.until(lambda entries: any(entry.state_change.kind == joined for entry in entries))
        async with placed.held(await placed.dispatched_again()):
            greeting = await caller.wait_for_greeting()
    assert greeting.reply.startswith("Hello, this is Readback.")
    assert await placed.said(AGENT) == [greeting.reply]


async def test_an_agent_that_comes_too_late_never_joins(placed: Placed) -> None:
    async with placed.held(1), placed.held(7) as late:
        await asyncio.wait_for(late.task, 15)
        assert not late.room.isconnected()


async def test_the_agent_talks_while_the_log_is_down_and_every_turn_is_recorded_afterwards(
    placed: Placed,
) -> None:
    async with (
        CallClient.join(placed.access.livekit_url, placed.access.livekit_token, microphone=False) as caller,
        placed.held(1) as agent,
    ):
        greeting = await caller.wait_for_greeting()
        await placed.service.stop()
        turns = [
            await caller.type("show flights from Chennai to Delhi on Friday")
        ]  # the answer takes about half a minute
        assert turns[0].reply
        assert len(list((placed.settings.home / "outbox").iterdir())) == 1
        await placed.service.start()
        turns.append(await caller.type("the first one"))
        await caller.hang_up()
        await asyncio.wait_for(agent.task, 15)
    entries = await placed.entries()
    spoken = [entry.utterance.text for entry in entries if entry.HasField("utterance")]
    assert spoken == [greeting.reply, *(text for turn in turns for text in (turn.heard, turn.reply))]
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert not any(entry.late for entry in entries)
    started = [entry.start_time.ToMicroseconds() for entry in entries if entry.HasField("utterance")]
    assert started == sorted(started), "in the order in which it was said"
    assert list((placed.settings.home / "outbox").iterdir()) == []


async def test_the_words_of_a_killed_agent_are_submitted_by_the_worker(placed: Placed) -> None:
    opening = call_record.RecordOpen(call_id=placed.call.call_id, epoch=1, writer_id=str(uuid.uuid4()))
    async with service_clients(placed.settings) as clients:
        own = await clients.call_records()
        async with Recorder(own, opening.call_id, opening.epoch, opening.writer_id) as killed:
            file = OutboxFile(placed.settings.outbox_folder, opening)
            file.opened(killed.opened)
            Outbox(file).put(
                DraftBuilder(SystemClock()).revision(
                    str(uuid.uuid4()), AGENT, "There are thr", entry_pb2.MODALITY_VOICE
                )
            )
            file.close(keep=True)
    async with recovering_outboxes(placed.settings):
        await placed.until(lambda entries: any(entry.utterance.text == "There are thr" for entry in entries))
    (cut,) = [entry.utterance for entry in await placed.entries() if entry.HasField("utterance")]
    assert cut.sealing == entry_pb2.SEALING_TRUNCATED
