"""The recording of a call: exactly the words that were heard and spoken, also after interruptions."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from readback.conversation.v1 import entry_pb2

from agent.recording.utterances import MAX_TEXT_LENGTH, AgentSpeech, CustomerSpeech, ToolCalls

pytestmark = pytest.mark.unit

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER
FINAL, INTERRUPTED, TRUNCATED = (
    entry_pb2.SEALING_FINAL,
    entry_pb2.SEALING_INTERRUPTED,
    entry_pb2.SEALING_TRUNCATED,
)
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class RecordedLog:
    """A log that keeps all drafts in order."""

    def __init__(self) -> None:
        self.drafts: list[tuple[Any, ...]] = []
        self.ids: list[str] = []
        self.sealed: list[dict[str, Any]] = []
        self.receipts: list[asyncio.Future[bool]] = []

    def revise(
        self, utterance_id: str, speaker: int, text: str, *, modality: int = entry_pb2.MODALITY_VOICE
    ) -> None:
        self.ids.append(utterance_id)
        self.drafts.append(("revise", speaker, text))

    def seal(self, utterance_id: str, speaker: int, text: str, **details: Any) -> asyncio.Future[bool]:
        self.ids.append(utterance_id)
        self.sealed.append(details)
        self.drafts.append(("seal", speaker, text, details["sealing"]))
        self.receipts.append(asyncio.get_running_loop().create_future())
        return self.receipts[-1]

    def tool_call(self, call: entry_pb2.ToolCall) -> None:
        self.drafts.append(("call", call))

    def tool_result(self, result: entry_pb2.ToolResult) -> None:
        self.drafts.append(("result", result))


class Screen:
    """Captions as the caller's web app would get them."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, str, str, bool]] = []

    def show(self, speaker: int, utterance_id: str, text: str, *, final: bool = False) -> None:
        self.shown.append((speaker, utterance_id, text, final))


@pytest.fixture
def log() -> RecordedLog:
    return RecordedLog()


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def customer(log: RecordedLog, screen: Screen) -> CustomerSpeech:
    return CustomerSpeech(cast("Any", log), screen)


@pytest.fixture
def agent(log: RecordedLog, screen: Screen) -> AgentSpeech:
    return AgentSpeech(cast("Any", log), screen)


def _speak(agent: AgentSpeech, text: str, *, words: int | None = None) -> None:
    agent.generation_started()
    agent.generated(text)
    agent.playback_started(NOW)
    for word in text.split()[:words]:
        agent.spoken(word + " ")


async def test_the_customers_words_are_recorded_while_they_speak(
    customer: CustomerSpeech, log: RecordedLog
) -> None:
    customer.started(NOW)
    customer.interim("Show flights")
    customer.final("Show flights to Delhi.", NOW + timedelta(seconds=2))
    assert log.drafts == [
        ("revise", CUSTOMER, "Show flights"),
        ("seal", CUSTOMER, "Show flights to Delhi.", FINAL),
    ]
    assert log.sealed[0]["start_time"] == NOW
    assert log.sealed[0]["end_time"] == NOW + timedelta(seconds=2)


async def test_one_utterance_has_one_id_in_the_log_and_on_the_screen(
    customer: CustomerSpeech, log: RecordedLog, screen: Screen
) -> None:
    customer.interim("Show")
    customer.final("Show flights.", NOW)
    customer.final("To Delhi.", NOW)
    first, second = dict.fromkeys(log.ids)
    assert [shown[1] for shown in screen.shown] == [first, first, second]
    assert UUID(first) != UUID(second)


async def test_captions_get_every_revision_and_the_log_ten_a_second(
    customer: CustomerSpeech, log: RecordedLog, screen: Screen
) -> None:
    for word in range(50):
        customer.interim("word " * word)
    assert len(screen.shown) == 50
    assert len(log.drafts) == 1


async def test_a_single_word_without_an_interim_is_recorded(
    customer: CustomerSpeech, log: RecordedLog
) -> None:
    customer.started(NOW)
    customer.final("Yes.", NOW + timedelta(milliseconds=300))
    assert log.drafts == [("seal", CUSTOMER, "Yes.", FINAL)]


async def test_sound_without_words_is_not_recorded(customer: CustomerSpeech, log: RecordedLog) -> None:
    customer.started(NOW)
    customer.truncate()
    assert log.drafts == []


async def test_an_utterance_that_is_cut_off_keeps_its_words(
    customer: CustomerSpeech, log: RecordedLog
) -> None:
    customer.interim("Show flights to")
    customer.truncate()
    customer.final("Hello?", NOW)
    assert log.drafts[1:] == [
        ("seal", CUSTOMER, "Show flights to", TRUNCATED),
        ("seal", CUSTOMER, "Hello?", FINAL),
    ]


async def test_words_heard_before_the_connection_was_lost_are_recorded_once(
    customer: CustomerSpeech, log: RecordedLog
) -> None:
    customer.interim("Show flights to")
    customer.connection_lost()
    customer.final("Show flights to Delhi", NOW)
    customer.truncate()
    customer.connection_restored()
    customer.final("Hello?", NOW)
    assert log.drafts[1:] == [
        ("seal", CUSTOMER, "Show flights to Delhi", TRUNCATED),
        ("seal", CUSTOMER, "Hello?", FINAL),
    ]


async def test_a_message_typed_during_a_sentence_does_not_split_the_sentence(
    customer: CustomerSpeech, log: RecordedLog
) -> None:
    customer.interim("Show flights to")
    customer.typed("stop")
    customer.final("Show flights to Delhi", NOW)
    assert log.drafts[1:] == [
        ("seal", CUSTOMER, "stop", FINAL),
        ("seal", CUSTOMER, "Show flights to Delhi", FINAL),
    ]
    assert log.ids[0] == log.ids[2] != log.ids[1]


async def test_a_typed_message_is_text_and_has_an_id_of_the_agents_choice(
    customer: CustomerSpeech, log: RecordedLog
) -> None:
    for _ in range(2):
        customer.typed("flights to delhi")
    assert len(set(log.ids)) == 2
    assert {UUID(utterance_id).version for utterance_id in log.ids} == {7}
    assert log.sealed[0]["modality"] == entry_pb2.MODALITY_TEXT


@pytest.mark.parametrize("stored", [True, False])
async def test_words_count_as_recorded_when_the_log_has_answered(
    customer: CustomerSpeech, log: RecordedLog, *, stored: bool
) -> None:
    customer.final("flights to", NOW)
    customer.typed("delhi")
    waiting = asyncio.create_task(customer.recorded())
    await asyncio.sleep(0)
    log.receipts[1].set_result(stored)
    await asyncio.sleep(0)
    assert not waiting.done()
    log.receipts[0].set_result(True)
    assert await asyncio.wait_for(waiting, 5) is stored
    assert await customer.recorded(), "a refusal stops only its own turn"


async def test_an_interrupted_turn_leaves_its_words_to_the_next(
    customer: CustomerSpeech, log: RecordedLog
) -> None:
    customer.typed("delhi")
    interrupted = asyncio.create_task(customer.recorded())
    await asyncio.sleep(0)
    interrupted.cancel()
    await asyncio.wait({interrupted})
    log.receipts[0].set_result(False)
    assert not await customer.recorded()


async def test_while_the_log_is_down_the_turn_continues_after_a_pause(
    customer: CustomerSpeech, log: RecordedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.recording.utterances._RECORDED_WITHIN_S", 0.01)
    customer.typed("delhi")
    assert await customer.recorded()
    log.receipts[0].set_result(False)
    assert not await customer.recorded(), "the answer comes before the next turn"


async def test_a_message_longer_than_the_contract_allows_is_cut(
    customer: CustomerSpeech, log: RecordedLog
) -> None:
    customer.typed("x" * (MAX_TEXT_LENGTH + 1))
    assert len(log.drafts[0][2]) == MAX_TEXT_LENGTH


async def test_the_agents_words_are_recorded_as_they_are_spoken(agent: AgentSpeech, log: RecordedLog) -> None:
    _speak(agent, "There are six flights.")
    agent.playback_finished(NOW + timedelta(seconds=2), interrupted=False, spoken="There are six flights. ")
    assert log.drafts == [("revise", AGENT, "There"), ("seal", AGENT, "There are six flights.", FINAL)]
    assert log.sealed[0]["generated_text"] == ""
    assert log.sealed[0]["start_time"] == NOW


async def test_an_interruption_keeps_the_spoken_and_the_generated_text(
    agent: AgentSpeech, log: RecordedLog
) -> None:
    _speak(agent, "There are six flights.", words=2)
    agent.playback_finished(NOW + timedelta(seconds=1), interrupted=True, spoken="There are ")
    assert log.drafts[-1] == ("seal", AGENT, "There are", INTERRUPTED)
    assert log.sealed[0]["generated_text"] == "There are six flights."


async def test_an_answer_that_was_not_heard_is_not_recorded(
    agent: AgentSpeech, log: RecordedLog, screen: Screen
) -> None:
    agent.generation_started()
    agent.generated("There are six flights.")
    agent.playback_finished(NOW, interrupted=True, spoken="")
    assert log.drafts == []
    assert screen.shown == []


async def test_words_after_the_end_start_no_new_utterance(agent: AgentSpeech, log: RecordedLog) -> None:
    _speak(agent, "There are six flights.", words=3)
    agent.playback_finished(NOW, interrupted=False, spoken="There are six flights.")
    agent.spoken("flights. ")
    assert log.drafts[-1] == ("seal", AGENT, "There are six flights.", FINAL)


async def test_two_answers_are_two_utterances(agent: AgentSpeech, log: RecordedLog) -> None:
    for text in ("One moment.", "There are six."):
        _speak(agent, text)
        agent.playback_finished(NOW, interrupted=False, spoken=None)
    assert [entry[2] for entry in log.drafts if entry[0] == "seal"] == ["One moment.", "There are six."]
    assert len(set(log.ids)) == 2


async def test_without_a_synchronizer_the_words_so_far_are_the_spoken_text(
    agent: AgentSpeech, log: RecordedLog
) -> None:
    _speak(agent, "There are six flights.", words=2)
    agent.playback_finished(NOW, interrupted=True, spoken=None)
    assert log.drafts[-1] == ("seal", AGENT, "There are", INTERRUPTED)


async def test_an_utterance_never_ends_before_its_start(agent: AgentSpeech, log: RecordedLog) -> None:
    _speak(agent, "Hello.")
    agent.playback_finished(NOW - timedelta(seconds=5), interrupted=False, spoken=None)
    assert log.sealed[0]["end_time"] == NOW


async def test_shown_words_become_the_spoken_utterance(
    agent: AgentSpeech, log: RecordedLog, screen: Screen
) -> None:
    agent.show("There are six flights.")
    assert log.drafts == []
    _speak(agent, "There are six flights.")
    agent.playback_finished(NOW, interrupted=False, spoken="There are six flights.")
    agent.settle()
    assert [draft for draft in log.drafts if draft[0] == "seal"] == [
        ("seal", AGENT, "There are six flights.", FINAL)
    ]
    assert len({shown[1] for shown in screen.shown} | set(log.ids)) == 1


@pytest.mark.parametrize("gives_up", [True, False])
async def test_shown_words_that_are_never_heard_are_recorded_as_text(
    agent: AgentSpeech, log: RecordedLog, screen: Screen, *, gives_up: bool
) -> None:
    agent.show("There are six flights.")
    if gives_up:
        agent.write("There are six flights.")
    agent.settle()
    assert log.drafts == [("seal", AGENT, "There are six flights.", FINAL)]
    assert log.sealed[0]["modality"] == entry_pb2.MODALITY_TEXT
    assert log.ids == [screen.shown[0][1]]
    assert agent.begun


SEARCH = entry_pb2.ToolCall(tool_call_id="one", name="search_flights")


async def test_tool_calls_are_recorded_in_order(log: RecordedLog) -> None:
    tool_calls = ToolCalls(cast("Any", log))
    found = entry_pb2.ToolResult(
        tool_call_id="one", name="search_flights", outcome=entry_pb2.TOOL_OUTCOME_FOUND
    )
    tool_calls.start(SEARCH)
    assert tool_calls.finish(found) == SEARCH
    assert log.drafts == [("call", SEARCH), ("result", found)]
    tool_calls.abandon()
    assert len(log.drafts) == 2


async def test_a_tool_call_of_an_interrupted_turn_has_a_result_too(log: RecordedLog) -> None:
    tool_calls = ToolCalls(cast("Any", log))
    tool_calls.start(SEARCH)
    tool_calls.abandon()
    abandoned = entry_pb2.ToolResult(
        tool_call_id="one", name="search_flights", outcome=entry_pb2.TOOL_OUTCOME_ABANDONED
    )
    assert log.drafts[-1] == ("result", abandoned)


async def test_the_confidence_of_each_word_is_recorded(customer: CustomerSpeech, log: RecordedLog) -> None:
    customer.final("To Delhi.", NOW, (0.9, 0.4))
    customer.typed("To Delhi.")
    assert [details["word_confidences"] for details in log.sealed] == [(0.9, 0.4), ()]
