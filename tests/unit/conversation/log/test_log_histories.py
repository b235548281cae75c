"""Random histories: the log stays numbered without gaps, with each entry once and nothing rewritten."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import uuid4

import pytest
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.errors import DomainError
from services.conversation.calls import calls
from services.conversation.log.writer_fence import Writer
from services.conversation.model.records import Call
from tests.unit.conversation.core import Core

pytestmark = pytest.mark.unit

STEPS = 120


class History:
    """A few writers in one conversation, some of which have lost the call."""

    def __init__(self, core: Core, dice: random.Random, call: Call, writer: Writer) -> None:
        self.core, self.dice, self.call = core, dice, call
        self.writers = [writer]
        self.drafts: list[call_record.Draft] = []
        self.accepted: dict[str, bytes] = {}
        """Acknowledged drafts by entry id."""

    def draft(self) -> call_record.Draft:
        """A new draft, a retry, a conflicting id, or a revision of an open utterance."""
        kind = self.dice.random()
        if self.drafts and kind < 0.25:
            return self.dice.choice(self.drafts)
        if self.drafts and kind < 0.35:
            return self.core.said(
                f"other words {self.dice.random()}", entry_id=self.dice.choice(self.drafts).entry_id
            )
        if kind < 0.55:
            open_id = self.dice.choice(self.drafts).entry_id if self.drafts and kind < 0.4 else str(uuid4())
            return self.core.saying(f"half {self.dice.random()}", self.dice.randrange(9), entry_id=open_id)
        self.drafts.append(self.core.said(f"whole {self.dice.random()}"))
        return self.drafts[-1]

    async def write(self) -> None:
        """Append through a stream."""
        drafts = [self.draft() for _ in range(self.dice.randrange(1, 4))]
        outcomes = await self.core.append(self.dice.choice(self.writers), drafts)
        for draft, outcome in zip(drafts, outcomes, strict=True):
            if getattr(outcome, "number", 0):
                self.note(draft)

    async def write_late(self) -> None:
        """Append without a stream."""
        draft = self.draft()
        (stored,) = await self.core.log.append_all(self.dice.choice(self.writers), [draft])
        if stored.number:
            self.note(draft)

    def note(self, draft: call_record.Draft) -> None:
        said = draft.utterance.SerializeToString(deterministic=True)
        assert self.accepted.setdefault(draft.entry_id, said) == said, (
            "two payloads were acknowledged for one id"
        )

    async def take_over(self) -> None:
        """Replace the agent."""
        async with self.core.log.commit() as commit:
            self.call = await calls.replace_agent(
                commit, await commit.call(self.call.call_id), entry_pb2.AGENT_LOSS_REASON_STREAM_BROKEN
            )
        self.writers.append(Writer(self.call.call_id, self.call.epoch, str(uuid4())))
        await self.core.calls.open(self.writers[-1])

    async def fail(self) -> None:
        """Roll a commit back after its work."""
        with suppress(ZeroDivisionError):
            async with self.core.log.commit() as commit:
                tail = await commit.tail(self.call.conversation_id)
                tail.seal_truncated(await commit.call(self.call.call_id))
                await commit.flush()
                raise ZeroDivisionError

    async def step(self) -> None:
        """Execute a random step."""
        steps: list[Callable[[], Awaitable[None]]] = [self.write, self.write_late, self.take_over, self.fail]
        self.core.clock.advance(self.dice.uniform(-0.5, 2))
        with suppress(DomainError):
            await self.dice.choices(steps, weights=[8, 3, 1, 1])[0]()


@pytest.mark.parametrize("run", range(3))
async def test_log_stays_complete_whatever_writers_do(core: Core, run: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    call, writer = await core.held_call()
    history = History(core, random.Random(seed), call, writer)
    before: list[entry_pb2.Entry] = []
    for _ in range(STEPS):
        await history.step()
        entries = await core.entries(call.conversation_id)
        assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
        assert entries[: len(before)] == before, "an entry was rewritten"
        before = entries
    ids = [entry.entry_id for entry in before]
    assert len(ids) == len(set(ids))
    stored = {
        entry.entry_id: entry.utterance.SerializeToString(deterministic=True)
        for entry in before
        if entry.HasField("utterance")
    }
    assert history.accepted.items() <= stored.items()
    times = [entry.commit_time.ToDatetime() for entry in before]
    assert times == sorted(times)
