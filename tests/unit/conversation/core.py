"""The core on a SQLite file, with a simulated clock and doubles of its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.clock import timestamp
from mesh.contracts.tool_arguments import enum_word
from mesh.ids import uuid7
from services.conversation.calls import conversations
from services.conversation.calls.calls import Calls
from services.conversation.calls.cleanup import CallCleanup
from services.conversation.calls.customer_limits import CustomerLimits
from services.conversation.calls.grants import GrantCipher
from services.conversation.calls.holds import Holds
from services.conversation.calls.ports import Access, GrantsUnavailable, Participant, RoomsUnavailable
from services.conversation.calls.replica_leases import LiveReplicas, ReplicaLease, new_replica_id
from services.conversation.calls.supervision import CallSupervisor
from services.conversation.log.transcript_log import Refused, Stored, TranscriptLog
from services.conversation.log.writer_fence import Writer
from services.conversation.model.entries import entry_message
from services.conversation.model.records import Call
from services.conversation.store import Store
from services.conversation.watch.follower import Followers
from services.conversation.watch.wakeups import LocalBus
from tests.simulated_clock import SimulatedClock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class DoubledRooms:
    """Double of the room server."""

    clock: SimulatedClock
    up: bool = True
    people: list[Participant] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    """Epochs for which an agent was dispatched."""
    removed: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def admit(self, call: Call) -> Access:
        return Access(
            "ws://livekit.test", f"token for {call.caller_identity}", self.clock.now() + timedelta(minutes=10)
        )

    async def create(self, call: Call) -> None:
        self._answer()
        self.created.append(call.room)

    async def participants(self, room: str) -> Sequence[Participant]:
        self._answer()
        return list(self.people)

    async def dispatch_agent(self, call: Call) -> None:
        self._answer()
        self.asked.append(call.epoch)

    async def remove(self, room: str, identity: str) -> None:
        self._answer()
        self.removed.append(identity)

    async def close(self, room: str) -> None:
        self._answer()
        self.closed.append(room)

    def caller_joins(self) -> None:
        self.people.append(Participant("caller", is_agent=False))

    def all_leave(self) -> None:
        self.people.clear()

    def _answer(self) -> None:
        if not self.up:
            raise RoomsUnavailable("down")


@dataclass
class DoubledGrants:
    """Double of the identity service's grants."""

    up: bool = True
    revoked: list[str] = field(default_factory=list)

    async def grant(self, customer_token: str, conversation_id: str, call_id: str) -> str:
        return f"grant of {customer_token} for {call_id}"

    async def revoke(self, call_id: str) -> None:
        if not self.up:
            raise GrantsUnavailable("down")
        self.revoked.append(call_id)


def _change_words(change: entry_pb2.StateChange) -> Iterator[str]:
    yield enum_word(change, "kind")
    if change.HasField("epoch"):
        yield str(change.epoch)
    if reason := change.WhichOneof("reason"):
        yield enum_word(change, reason)


class Core:
    """The assembled domain core, with shortcuts for tests."""

    def __init__(self, store: Store, *, sibling: Core | None = None) -> None:
        self.store = store
        self.clock: SimulatedClock = sibling.clock if sibling else SimulatedClock(NOON)
        self.rooms: DoubledRooms = sibling.rooms if sibling else DoubledRooms(self.clock)
        self.grants: DoubledGrants = sibling.grants if sibling else DoubledGrants()
        self.bus, self.replica_id, self.hinted = LocalBus(), new_replica_id(), list[str]()
        self.holds = Holds(self.hinted.append)
        self.lease, self.replicas = (
            ReplicaLease(self.replica_id, store, self.holds, self.clock),
            LiveReplicas(self.replica_id, self.clock),
        )
        self.log = TranscriptLog(store, self.bus, self.clock)
        self.followers = Followers(store, self.bus, self.clock)
        self.calls = Calls(
            self.log,
            store,
            self.rooms,
            self.grants,
            GrantCipher("key"),
            self.holds,
            self.replica_id,
            self.clock,
            CustomerLimits(running_calls=1000, starts_per_minute=100_000),
        )
        self.supervisor = CallSupervisor(self.log, store, self.rooms, self.holds, self.replicas, self.clock)
        self.cleanup = CallCleanup(store, self.rooms, self.grants, self.clock)
        self.customer_id: str = sibling.customer_id if sibling else str(uuid4())

    def another(self) -> Core:
        """Return another replica with the same store, clock and rooms. The two exchange no hints."""
        return Core(self.store, sibling=self)

    async def scan(self) -> None:
        """Renew the lease and supervise all calls once."""
        await self.lease.renew()
        await self.supervisor.scan()
        await self.supervisor.settled()

    async def conversation(self) -> str:
        """Begin a conversation; return its id."""
        async with self.log.commit() as commit:
            return (await conversations.begin(commit, self.customer_id, "")).conversation_id

    async def call(self, conversation_id: str | None = None) -> Call:
        """Start a call, in a new conversation if none is given."""
        request = pb.StartCallRequest(conversation_id=conversation_id or await self.conversation())
        call, _ = await self.calls.start(self.customer_id, "token", request)
        return call

    async def held_call(self) -> tuple[Call, Writer]:
        """Start a call and open it for a writer. Its stream is not simulated; see `holds`."""
        call = await self.call()
        writer = Writer(call.call_id, 1, str(uuid4()))
        await self.calls.open(writer)
        return call, writer

    async def append(self, writer: Writer, drafts: Sequence[call_record.Draft]) -> list[Stored | Refused]:
        """Append drafts and wait for the outcomes."""
        return await (await self.log.submit(writer, drafts))

    async def now(self, call: Call) -> Call:
        """Return the current state of a call."""
        async with self.store.reading() as transaction:
            found = await transaction.call(call.call_id)
        assert found is not None
        return found

    async def entries(self, conversation_id: str) -> list[entry_pb2.Entry]:
        """Return the whole log."""
        async with self.store.reading() as transaction:
            conversation = await transaction.conversation(conversation_id)
            assert conversation is not None
            stored = await transaction.entries_after(conversation.key, 0, limit=10_000)
        return [entry_message(conversation_id, entry) for entry in stored]

    async def utterances(self, conversation_id: str) -> list[tuple[str, str]]:
        """Return text and sealing of each utterance in the log."""
        found = [
            entry.utterance for entry in await self.entries(conversation_id) if entry.HasField("utterance")
        ]
        return [
            (utterance.text, entry_pb2.Sealing.Name(utterance.sealing).removeprefix("SEALING_"))
            for utterance in found
        ]

    async def changes(self, conversation_id: str) -> list[str]:
        """Return each state change in the log."""
        found = [
            entry.state_change
            for entry in await self.entries(conversation_id)
            if entry.HasField("state_change")
        ]
        return [" ".join(_change_words(change)) for change in found]

    async def end(
        self,
        call: Call,
        reason: entry_pb2.CallEndReason.ValueType = entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP,
    ) -> None:
        """End a call as `EndCall` does."""
        from services.conversation.calls import calls

        async with self.log.commit() as commit:
            await calls.end(commit, await commit.call(call.call_id), reason)
        self.calls.hang_up(call.call_id)

    async def finish(self, conversation_id: str) -> None:
        """End a conversation without a running call."""
        async with self.log.commit() as commit:
            conversation = await conversations.owned(commit.transaction, self.customer_id, conversation_id)
            await conversations.finish(commit, conversation, commit.now)

    def said(
        self,
        text: str,
        *,
        entry_id: str | None = None,
        speaker: entry_pb2.Speaker.ValueType = entry_pb2.SPEAKER_AGENT,
    ) -> call_record.Draft:
        """Return a draft of a sealed utterance."""
        entry_id = entry_id or uuid7()
        utterance = entry_pb2.Utterance(
            utterance_id=entry_id,
            speaker=speaker,
            modality=entry_pb2.MODALITY_VOICE,
            text=text,
            sealing=entry_pb2.SEALING_FINAL,
        )
        now = timestamp(self.clock.now())
        return call_record.Draft(
            client_sequence=1, entry_id=entry_id, start_time=now, end_time=now, utterance=utterance
        )

    def saying(self, text: str, revision: int, *, entry_id: str) -> call_record.Draft:
        """Return a draft of an open utterance."""
        speech = call_record.OpenUtterance(
            utterance_id=entry_id,
            speaker=entry_pb2.SPEAKER_AGENT,
            modality=entry_pb2.MODALITY_VOICE,
            text=text,
            revision=revision,
        )
        return call_record.Draft(
            client_sequence=1,
            entry_id=entry_id,
            start_time=timestamp(self.clock.now()),
            open_utterance=speech,
        )
