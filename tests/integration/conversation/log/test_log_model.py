"""Random histories: a model in memory, SQLite and PostgreSQL hold the same logs and give the same answers.

Two replicas append to each store. Each has its own cache, so that it learns of the other's changes only by
reading. `READBACK_MODEL_EXAMPLES` is the number of histories (2,000 in `make chaos`), each of up to 50 steps.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg import sql
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.database.migrations import migrated
from mesh.errors import DomainError
from services.conversation.assembly import MIGRATIONS
from services.conversation.calls import calls
from services.conversation.deletion import Deletion
from services.conversation.log.transcript_log import Refused, Stored
from services.conversation.log.writer_fence import Writer
from services.conversation.model.entries import entry_message
from services.conversation.model.feeds import RunKind
from services.conversation.model.records import Call
from services.conversation.store import Store
from tests.integration.conversation.feed_runs import feed_runs
from tests.integration.conversation.log.log_model import (
    ENDED,
    REFUSED,
    Model,
    ModelCall,
    ModelConversation,
    ModelDraft,
    ModelEntry,
    Refusal,
)
from tests.postgres_server import PostgresServer
from tests.unit.conversation.core import Core

EXAMPLES = int(os.environ.get("READBACK_MODEL_EXAMPLES", "12"))
STEPS = 50
pytestmark = [pytest.mark.integration, pytest.mark.timeout(60 + 10 * EXAMPLES)]

WRITERS = [str(uuid4()) for _ in range(3)]
ENTRY_IDS = [str(uuid4()) for _ in range(12)]
WORDS = ["There are three flights.", "The first leaves at six.", "Yes, please. " * 60, "नमस्ते"]
PREFIX = len("STATE_CHANGE_KIND_")


@dataclass
class System:
    """One store with two replicas, and the ids of the model's objects in it."""

    replicas: list[Core]
    conversation_ids: dict[int, str] = field(default_factory=dict)
    calls: dict[int, Call] = field(default_factory=dict)

    def renew(self) -> None:
        """Start a history with a new customer."""
        self.conversation_ids, self.calls = {}, {}
        customer_id = str(uuid4())
        for core in self.replicas:
            core.customer_id = customer_id

    async def log(self, conversation_id: str) -> list[ModelEntry]:
        """A whole log, read in parts."""
        core, found = self.replicas[0], list[ModelEntry]()
        async with core.store.reading() as transaction:
            conversation = await transaction.conversation(conversation_id)
            assert conversation is not None
            while stored := await transaction.entries_after(conversation.key, len(found), limit=7):
                assert [entry.number for entry in stored] == list(
                    range(len(found) + 1, len(found) + 1 + len(stored))
                )
                found += [_plain(entry_message(conversation_id, entry)) for entry in stored]
            assert conversation.last_number == len(found)
        return found

    async def feed(self) -> list[tuple[str, int]]:
        """The customer's whole feed: conversation and number of each entry, 0 for a deletion."""
        core, found = self.replicas[0], list[tuple[str, int]]()
        async with core.store.reading() as transaction:
            for run in await feed_runs(transaction, core.customer_id):
                assert run.first_position == len(found) + 1
                numbers = range(run.first_number, run.first_number + run.length)
                is_entries = run.kind is RunKind.ENTRIES
                found += [(run.conversation_id, number) for number in (numbers if is_entries else [0])]
            assert (await transaction.feed_end(core.customer_id)).last_position == len(found)
        return found


def _plain(entry: entry_pb2.Entry) -> ModelEntry:
    if entry.HasField("state_change"):
        change = entry.state_change
        return ModelEntry(f"{entry_pb2.StateChangeKind.Name(change.kind)[PREFIX:]} {change.epoch}")
    sealing = entry_pb2.Sealing.Name(entry.utterance.sealing).removeprefix("SEALING_")
    assert entry.utterance.utterance_id == entry.entry_id
    return ModelEntry(entry.utterance.text, entry.entry_id, sealing, entry.late)


class Histories(RuleBasedStateMachine):
    """The steps of a history."""

    systems: list[System]
    run: Callable[[Awaitable[object]], object]

    conversations = Bundle("conversations")
    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        for system in self.systems:
            system.renew()
        self.tick = 0

    @rule(target=conversations)
    def begin(self) -> ModelConversation:
        conversation = self.model.begin()
        for system in self.systems:
            system.conversation_ids[id(conversation)] = str(self.run(system.replicas[0].conversation()))
        return conversation

    @rule(target=calls, conversation=conversations, replica=st.integers(0, 1))
    def start(self, conversation: ModelConversation, replica: int) -> ModelCall | None:
        if conversation.state == ENDED or conversation.deleted or conversation.running:
            return None
        call = self.model.start(conversation)
        for system in self.systems:
            found = self.run(system.replicas[replica].call(system.conversation_ids[id(conversation)]))
            assert isinstance(found, Call)
            system.calls[id(call)] = found
        return call

    @rule(call=calls, behind=st.integers(-1, 1), writer=st.sampled_from(WRITERS), replica=st.integers(0, 1))
    def open(self, call: ModelCall | None, behind: int, writer: str, replica: int) -> None:
        if call is None:
            return
        epoch = max(1, call.epoch - behind)

        async def opened(system: System) -> None:
            await system.replicas[replica].calls.open(Writer(system.calls[id(call)].call_id, epoch, writer))

        self._agree(lambda: self.model.open(call, epoch, writer), opened)

    @rule(
        call=calls,
        behind=st.sampled_from([0, 0, 0, 0, 1, -1]),
        writer=st.sampled_from([None, None, None, *WRITERS]),
        drafts=st.lists(
            st.tuples(st.sampled_from(ENTRY_IDS), st.sampled_from(WORDS), st.integers(0, 3)),
            min_size=1,
            max_size=6,
        ),
        whole=st.booleans(),
        replica=st.integers(0, 1),
    )
    def append(
        self,
        call: ModelCall | None,
        behind: int,
        writer: str | None,
        drafts: list[tuple[str, str, int]],
        whole: bool,
        replica: int,
    ) -> None:
        if call is None:
            return
        epoch, writer = max(1, call.epoch - behind), writer or call.writer or WRITERS[0]
        wanted = [ModelDraft(entry_id, words, revision) for entry_id, words, revision in drafts]
        model = self.model.append_whole if whole else self.model.append

        async def appended(system: System) -> list[int]:
            core = system.replicas[replica]
            by = Writer(system.calls[id(call)].call_id, epoch, writer)
            made = [_draft(core, draft) for draft in wanted]
            outcomes = await (core.log.append_all(by, made) if whole else core.append(by, made))
            return [_number(outcome) for outcome in outcomes]

        self._agree(lambda: model(call, epoch, writer, wanted), appended)

    @rule(call=calls, replica=st.integers(0, 1))
    def take_over(self, call: ModelCall | None, replica: int) -> None:
        if call is None or call.state == ENDED or call.conversation.deleted:
            return
        self.model.take_over(call)
        for system in self.systems:

            async def taken_over(
                core: Core = system.replicas[replica], call_id: str = system.calls[id(call)].call_id
            ) -> None:
                async with core.log.commit() as commit:
                    await calls.replace_agent(
                        commit, await commit.call(call_id), entry_pb2.AGENT_LOSS_REASON_STREAM_BROKEN
                    )

            self.run(taken_over())

    @rule(call=calls, replica=st.integers(0, 1))
    def end(self, call: ModelCall | None, replica: int) -> None:
        if call is None or call.state == ENDED or call.conversation.deleted:
            return
        self.model.end(call)
        for system in self.systems:
            self.run(system.replicas[replica].end(system.calls[id(call)]))

    @rule(conversation=conversations, replica=st.integers(0, 1))
    def finish(self, conversation: ModelConversation, replica: int) -> None:
        if conversation.state == ENDED or conversation.deleted or conversation.running:
            return
        self.model.finish(conversation)
        for system in self.systems:
            self.run(system.replicas[replica].finish(system.conversation_ids[id(conversation)]))

    @precondition(lambda self: len(self.model.conversations) > 1)
    @rule(conversation=conversations, replica=st.integers(0, 1))
    def delete(self, conversation: ModelConversation, replica: int) -> None:
        if conversation.deleted:
            return
        self.model.delete(conversation)
        for system in self.systems:
            core = system.replicas[replica]
            request = pb.DeleteConversationRequest(
                conversation_id=system.conversation_ids[id(conversation)], request_id=str(uuid4())
            )
            self.run(Deletion(core.store, core.bus, core.calls, core.clock).delete(core.customer_id, request))

    @rule(seconds=st.floats(-5, 30))
    def time_passes(self, seconds: float) -> None:
        for system in self.systems:
            system.replicas[0].clock.advance(seconds)

    @invariant()
    def logs_are_the_same(self) -> None:
        self.tick += 1
        if self.tick % 8 == 0:
            self._compare()

    def teardown(self) -> None:
        self._compare()

    def _compare(self) -> None:
        for system in self.systems:
            for conversation in self.model.conversations:
                if not conversation.deleted:
                    assert (
                        self.run(system.log(system.conversation_ids[id(conversation)]))
                        == conversation.entries
                    )
            named = [
                (system.conversation_ids[id(self.model.conversations[index])], number)
                for index, number in self.model.feed
            ]
            assert self.run(system.feed()) == named

    def _agree(
        self, model: Callable[[], list[int] | None], store: Callable[[System], Awaitable[list[int] | None]]
    ) -> None:
        """Execute a step in the model and in every store; compare results and refusals."""
        try:
            expected: object = model()
        except Refusal as refusal:
            expected = str(refusal)
        for system in self.systems:
            assert self.run(_told(store(system))) == expected


async def _told(work: Awaitable[list[int] | None]) -> object:
    try:
        return await work
    except DomainError as error:
        return type(error).__name__


def _number(outcome: Stored | Refused) -> int:
    return outcome.number if isinstance(outcome, Stored) else REFUSED


def _draft(core: Core, draft: ModelDraft) -> call_record.Draft:
    made = (
        core.saying(draft.words, draft.revision, entry_id=draft.entry_id)
        if draft.revision
        else core.said(draft.words, entry_id=draft.entry_id)
    )
    # A retried draft has the same times as before.
    made.start_time.FromSeconds(1_790_000_000)
    if not draft.revision:
        made.end_time.FromSeconds(1_790_000_002)
    return made


async def _system(stack: AsyncExitStack, url: str) -> System:
    engine = await migrated(url, MIGRATIONS)
    stack.push_async_callback(engine.dispose)
    core = Core(Store(engine))
    return System([core, core.another()])


def test_memory_sqlite_and_postgresql_agree_on_every_history(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            Histories.systems = [
                runner.run(
                    _system(stack, f"sqlite+aiosqlite:///{_in_memory(stack, tmp_path) / 'log.sqlite3'}")
                ),
                runner.run(_system(stack, _hasty(postgres))),
            ]
            Histories.run = staticmethod(lambda work: runner.run(_awaited(work)))
            quiet = list(HealthCheck)
            thorough = settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                suppress_health_check=quiet,
                print_blob=True,
            )
            run_state_machine_as_test(Histories, settings=thorough)
        finally:
            runner.run(stack.aclose())


def _in_memory(stack: AsyncExitStack, otherwise: Path) -> Path:
    """A folder in memory, where there is one: nothing is killed here, and flushing takes most of the time."""
    memory = Path("/dev/shm")
    return (
        Path(stack.enter_context(tempfile.TemporaryDirectory(dir=memory))) if memory.is_dir() else otherwise
    )


def _hasty(server: PostgresServer) -> str:
    """A database that doesn't flush, for the same reason."""
    url = server.new_database()
    name = url.rpartition("/")[2]
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
        )
    return url


async def _awaited(work: Awaitable[object]) -> object:
    return await work
