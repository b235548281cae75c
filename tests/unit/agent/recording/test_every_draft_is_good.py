"""Every draft of a call satisfies the contract, because a refused draft loses words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from agent.recording.utterances import AgentSpeech, CustomerSpeech, ToolCalls
from services.conversation.client.late_append import completion, sealed_at
from services.conversation.client.recorder import Receipt, Recorder
from services.conversation.model.drafts import check_draft

pytestmark = pytest.mark.unit

NOW = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
WORDS = st.text(max_size=30) | st.sampled_from(["x" * 30_000, "   ", ""])
TIMES = st.timedeltas(timedelta(hours=-1), timedelta(hours=1)).map(lambda offset: NOW + offset)
JSON = st.dictionaries(
    st.text(max_size=5),
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.lists(st.integers(0, 9)),
)
STEPS = st.one_of(
    st.tuples(st.just("playback_started"), TIMES),
    st.tuples(st.just("generated"), WORDS),
    st.tuples(st.just("spoken"), WORDS),
    st.tuples(st.just("playback_finished"), TIMES, st.booleans(), st.none() | WORDS),
    st.tuples(st.just("started"), TIMES),
    st.tuples(st.just("interim"), WORDS),
    st.tuples(st.just("final"), WORDS, TIMES, st.lists(st.floats(0, 1), max_size=3)),
    st.tuples(st.just("truncate")),
    st.tuples(st.just("typed"), WORDS),
    st.tuples(st.just("tool_started"), JSON),
    st.tuples(st.just("tool_finished"), JSON),
    st.tuples(st.just("abandon")),
)


class NoCaptions:
    """Captions that show nothing."""

    def show(
        self, speaker: entry_pb2.Speaker.ValueType, utterance_id: str, text: str, *, final: bool = False
    ) -> None:
        """Ignore the text."""


class Clock:
    """A clock that jumps back and forth, like one that is being set."""

    def __init__(self, times: list[datetime]) -> None:
        self._times = times or [NOW]
        self._asked = 0

    def now(self) -> datetime:
        self._asked += 1
        return self._times[self._asked % len(self._times)]

    def monotonic(self) -> float:
        return float(self._asked)

    async def sleep(self, seconds: float) -> None:
        """Return immediately; no test sleeps."""


class Checking(Recorder):
    """Recorder that checks each draft, in every form in which it may be submitted."""

    def _put(self, draft: call_record.Draft, receipt: Receipt | None = None) -> None:
        super()._put(draft, receipt)
        check_draft(draft)
        late = sealed_at(draft, NOW)
        check_draft(late)
        if late.HasField("utterance"):
            check_draft(completion(late))


class Agent:
    """All recordings of one agent."""

    def __init__(self, recorder: Recorder) -> None:
        captions, self._running = NoCaptions(), list[str]()
        self.speech, self.customer, self.tool_calls = (
            AgentSpeech(recorder, captions),
            CustomerSpeech(recorder, captions),
            ToolCalls(recorder),
        )

    def do(self, name: str, *given: Any) -> None:
        match name:
            case "playback_finished":
                at, interrupted, spoken = given
                self.speech.playback_finished(at, interrupted=interrupted, spoken=spoken)
            case "tool_started":
                self._running.append(str(uuid4()))
                call = entry_pb2.ToolCall(tool_call_id=self._running[-1], name="search_flights")
                call.other.update(*given)
                self.tool_calls.start(call)
            case "tool_finished" if self._running:
                result = entry_pb2.ToolResult(tool_call_id=self._running.pop(), name="search_flights")
                result.outcome = entry_pb2.TOOL_OUTCOME_FOUND
                result.other.update(*given)
                self.tool_calls.finish(result)
            case "tool_finished":
                pass
            case "abandon":
                self._running.clear()
                self.tool_calls.abandon()
            case _:
                doer = self.speech if hasattr(self.speech, name) else self.customer
                getattr(doer, name)(*given)


@given(st.lists(STEPS, max_size=40), st.lists(TIMES, max_size=5))
async def test_every_draft_satisfies_the_contract(
    steps: list[tuple[Any, ...]], times: list[datetime]
) -> None:
    recorder = Checking(cast("Any", None), str(uuid4()), 1, clock=Clock(times))
    agent = Agent(recorder)
    for step in steps:
        agent.do(*step)
    sequences = [draft.client_sequence for draft in recorder._outbox.drain()]
    assert sequences == sorted(set(sequences))
    assert all(sequence > 0 for sequence in sequences)
