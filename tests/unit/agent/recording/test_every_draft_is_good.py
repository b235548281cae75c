"""Whatever happens in a call, each draft that comes of it keeps the contract's rules: a draft that is refused is words lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import entry_pb2

from agent.recording.utterances import Actions, AgentSpeech, CustomerSpeech
from services.conversation.client.late_append import completion, sealed_at
from services.conversation.client.recorder import Recorder
from services.conversation.model.drafts import checked

pytestmark = pytest.mark.unit

NOW = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
WORDS = st.text(max_size=30) | st.sampled_from(["x" * 30_000, "   ", ""])
TIMES = st.timedeltas(timedelta(hours=-1), timedelta(hours=1)).map(lambda offset: NOW + offset)
JSON = st.dictionaries(
    st.text(max_size=5),
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.lists(st.integers(0, 9)),
)
STEPS = st.one_of(
    st.tuples(st.just("begin"), TIMES),
    st.tuples(st.just("generate"), WORDS),
    st.tuples(st.just("word"), WORDS),
    st.tuples(st.just("end"), TIMES, st.booleans(), st.none() | WORDS),
    st.tuples(st.just("began"), TIMES),
    st.tuples(st.just("interim"), WORDS),
    st.tuples(st.just("final"), WORDS, TIMES),
    st.tuples(st.just("cut")),
    st.tuples(st.just("typed"), WORDS),
    st.tuples(st.just("called"), JSON),
    st.tuples(st.just("answered"), JSON),
    st.tuples(st.just("abandon")),
)


class NoCaptions:
    """Nobody looks."""

    def revised(self, speaker: entry_pb2.Speaker.ValueType, utterance_id: str, text: str) -> None:
        """Not shown."""

    def sealed(self, speaker: entry_pb2.Speaker.ValueType, utterance_id: str, text: str) -> None:
        """Not shown."""


class Clock:
    """Goes back and forth, as a machine's does that is set."""

    def __init__(self, times: list[datetime]) -> None:
        self._times = times or [NOW]
        self._asked = 0

    def now(self) -> datetime:
        self._asked += 1
        return self._times[self._asked % len(self._times)]

    def monotonic(self) -> float:
        return float(self._asked)

    async def sleep(self, seconds: float) -> None:
        """Never asked to."""


class Checking(Recorder):
    """Holds each draft against the rules, in every form in which it may be handed in."""

    def _put(self, draft: entry_pb2.Draft) -> None:
        super()._put(draft)
        checked(draft)
        late = sealed_at(draft, NOW)
        checked(late)
        if late.HasField("utterance"):
            checked(completion(late))


class Agent:
    """Everything that an agent records."""

    def __init__(self, recorder: Recorder) -> None:
        captions, self._running = NoCaptions(), list[str]()
        self.speech, self.customer, self.actions = (
            AgentSpeech(recorder, captions),
            CustomerSpeech(recorder, captions),
            Actions(recorder),
        )

    def do(self, name: str, *given: Any) -> None:
        match name:
            case "end":
                at, interrupted, spoken = given
                self.speech.end(at, interrupted=interrupted, spoken=spoken)
            case "called":
                self._running.append(str(uuid4()))
                self.actions.called(self._running[-1], "search_flights", *given)
            case "answered" if self._running:
                self.actions.answered(self._running.pop(), "FOUND", *given)
            case "answered":
                pass
            case "abandon":
                self._running.clear()
                self.actions.abandon()
            case _:
                doer = self.speech if hasattr(self.speech, name) else self.customer
                getattr(doer, name)(*given)


@given(st.lists(STEPS, max_size=40), st.lists(TIMES, max_size=5))
async def test_every_draft_keeps_the_rules_however_the_call_goes(
    steps: list[tuple[Any, ...]], times: list[datetime]
) -> None:
    recorder = Checking(cast("Any", None), str(uuid4()), 1, clock=Clock(times))
    agent = Agent(recorder)
    for step in steps:
        agent.do(*step)
    sequences = [draft.client_sequence for draft in recorder._outbox.drain()]
    assert sequences == sorted(set(sequences))
    assert all(sequence > 0 for sequence in sequences)
