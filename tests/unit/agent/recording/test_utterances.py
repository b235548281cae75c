"""The record of a call: what was heard and what was spoken, no word more, whatever interrupts it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from readback.conversation.v1 import entry_pb2

from agent.recording.utterances import MOST_CHARACTERS, Actions, AgentSpeech, CustomerSpeech
from mesh.ids import uuid7

pytestmark = pytest.mark.unit

AGENT, CUSTOMER = entry_pb2.SPEAKER_AGENT, entry_pb2.SPEAKER_CUSTOMER
FINAL, INTERRUPTED, TRUNCATED = (
    entry_pb2.SEALING_FINAL,
    entry_pb2.SEALING_INTERRUPTED,
    entry_pb2.SEALING_TRUNCATED,
)
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class Notes:
    """A log that remembers what was handed in, in order."""

    def __init__(self) -> None:
        self.handed_in: list[tuple[Any, ...]] = []
        self.ids: list[str] = []
        self.sealed: list[dict[str, Any]] = []

    def revise(
        self, utterance_id: str, speaker: int, text: str, *, modality: int = entry_pb2.MODALITY_VOICE
    ) -> None:
        self.ids.append(utterance_id)
        self.handed_in.append(("revise", speaker, text))

    def seal(self, utterance_id: str, speaker: int, text: str, **details: Any) -> None:
        self.ids.append(utterance_id)
        self.sealed.append(details)
        self.handed_in.append(("seal", speaker, text, details["sealing"]))

    def tool_call(self, tool_call_id: str, name: str, arguments: Mapping[str, Any]) -> None:
        self.handed_in.append(("call", tool_call_id, name, arguments))

    def tool_result(self, tool_call_id: str, name: str, outcome: str, result: Mapping[str, Any]) -> None:
        self.handed_in.append(("result", tool_call_id, name, outcome))


class Screen:
    """Captions as the caller's page would get them."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, str, str, bool]] = []

    def revised(self, speaker: int, utterance_id: str, text: str) -> None:
        self.shown.append((speaker, utterance_id, text, False))

    def sealed(self, speaker: int, utterance_id: str, text: str) -> None:
        self.shown.append((speaker, utterance_id, text, True))


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def customer(notes: Notes, screen: Screen) -> CustomerSpeech:
    return CustomerSpeech(notes, screen)


@pytest.fixture
def agent(notes: Notes, screen: Screen) -> AgentSpeech:
    return AgentSpeech(notes, screen)


def _speak(agent: AgentSpeech, text: str, *, words: int | None = None) -> None:
    agent.prepare()
    agent.generate(text)
    agent.begin(NOW)
    for word in text.split()[:words]:
        agent.word(word + " ")


def test_the_customer_is_written_down_while_they_speak(customer: CustomerSpeech, notes: Notes) -> None:
    customer.began(NOW)
    customer.interim("Show flights")
    customer.final("Show flights to Delhi.", NOW + timedelta(seconds=2))
    assert notes.handed_in == [
        ("revise", CUSTOMER, "Show flights"),
        ("seal", CUSTOMER, "Show flights to Delhi.", FINAL),
    ]
    assert notes.sealed[0]["start_time"] == NOW
    assert notes.sealed[0]["end_time"] == NOW + timedelta(seconds=2)


def test_one_utterance_has_one_id_in_the_log_and_on_the_screen(
    customer: CustomerSpeech, notes: Notes, screen: Screen
) -> None:
    customer.interim("Show")
    customer.final("Show flights.", NOW)
    customer.final("To Delhi.", NOW)
    first, second = dict.fromkeys(notes.ids)
    assert [shown[1] for shown in screen.shown] == [first, first, second]
    assert UUID(first) != UUID(second)


def test_captions_get_every_change_and_the_log_ten_a_second(
    customer: CustomerSpeech, notes: Notes, screen: Screen
) -> None:
    for word in range(50):
        customer.interim("word " * word)
    assert len(screen.shown) == 50
    assert len(notes.handed_in) == 1


def test_a_word_alone_without_an_interim_is_recorded(customer: CustomerSpeech, notes: Notes) -> None:
    customer.began(NOW)
    customer.final("Yes.", NOW + timedelta(milliseconds=300))
    assert notes.handed_in == [("seal", CUSTOMER, "Yes.", FINAL)]


def test_sound_without_words_leaves_nothing(customer: CustomerSpeech, notes: Notes) -> None:
    customer.began(NOW)
    customer.cut()
    assert notes.handed_in == []


def test_a_customer_who_is_cut_off_keeps_their_words(customer: CustomerSpeech, notes: Notes) -> None:
    customer.interim("Show flights to")
    customer.cut()
    customer.final("Hello?", NOW)
    assert notes.handed_in[1:] == [
        ("seal", CUSTOMER, "Show flights to", TRUNCATED),
        ("seal", CUSTOMER, "Hello?", FINAL),
    ]


def test_a_customer_whose_line_is_lost_keeps_all_words_that_were_heard_once(
    customer: CustomerSpeech, notes: Notes
) -> None:
    customer.interim("Show flights to")
    customer.lost()
    customer.final("Show flights to Delhi", NOW)
    customer.cut()
    customer.back()
    customer.final("Hello?", NOW)
    assert notes.handed_in[1:] == [
        ("seal", CUSTOMER, "Show flights to Delhi", TRUNCATED),
        ("seal", CUSTOMER, "Hello?", FINAL),
    ]


def test_what_is_typed_in_the_midst_of_a_sentence_does_not_break_it_in_two(
    customer: CustomerSpeech, notes: Notes
) -> None:
    customer.interim("Show flights to")
    customer.typed("stop")
    customer.final("Show flights to Delhi", NOW)
    assert notes.handed_in[1:] == [
        ("seal", CUSTOMER, "stop", FINAL),
        ("seal", CUSTOMER, "Show flights to Delhi", FINAL),
    ]
    assert notes.ids[0] == notes.ids[2] != notes.ids[1]


def test_a_typed_line_is_text_and_has_the_id_that_the_page_gave_it(
    customer: CustomerSpeech, notes: Notes
) -> None:
    line = uuid7()
    customer.typed("flights to delhi", line)
    assert notes.ids == [line]
    assert notes.sealed[0]["modality"] == entry_pb2.MODALITY_TEXT


def test_a_line_longer_than_the_contract_allows_is_cut(customer: CustomerSpeech, notes: Notes) -> None:
    customer.typed("x" * (MOST_CHARACTERS + 1))
    assert len(notes.handed_in[0][2]) == MOST_CHARACTERS


def test_the_agent_is_written_down_as_it_is_spoken(agent: AgentSpeech, notes: Notes) -> None:
    _speak(agent, "There are six flights.")
    agent.end(NOW + timedelta(seconds=2), interrupted=False, spoken="There are six flights. ")
    assert notes.handed_in == [("revise", AGENT, "There"), ("seal", AGENT, "There are six flights.", FINAL)]
    assert notes.sealed[0]["generated_text"] == ""
    assert notes.sealed[0]["start_time"] == NOW


def test_a_barge_in_keeps_what_was_spoken_and_what_was_meant(agent: AgentSpeech, notes: Notes) -> None:
    _speak(agent, "There are six flights.", words=2)
    agent.end(NOW + timedelta(seconds=1), interrupted=True, spoken="There are ")
    assert notes.handed_in[-1] == ("seal", AGENT, "There are", INTERRUPTED)
    assert notes.sealed[0]["generated_text"] == "There are six flights."


def test_an_answer_that_nobody_heard_leaves_nothing(agent: AgentSpeech, notes: Notes, screen: Screen) -> None:
    agent.prepare()
    agent.generate("There are six flights.")
    agent.end(NOW, interrupted=True, spoken="")
    assert notes.handed_in == []
    assert screen.shown == []


def test_words_that_come_after_the_seal_begin_nothing_new(agent: AgentSpeech, notes: Notes) -> None:
    _speak(agent, "There are six flights.", words=3)
    agent.end(NOW, interrupted=False, spoken="There are six flights.")
    agent.word("flights. ")
    assert notes.handed_in[-1] == ("seal", AGENT, "There are six flights.", FINAL)


def test_two_answers_are_two_utterances(agent: AgentSpeech, notes: Notes) -> None:
    for text in ("One moment.", "There are six."):
        _speak(agent, text)
        agent.end(NOW, interrupted=False, spoken=None)
    assert [entry[2] for entry in notes.handed_in if entry[0] == "seal"] == ["One moment.", "There are six."]
    assert len(set(notes.ids)) == 2


def test_without_pacing_the_words_so_far_are_what_was_spoken(agent: AgentSpeech, notes: Notes) -> None:
    _speak(agent, "There are six flights.", words=2)
    agent.end(NOW, interrupted=True, spoken=None)
    assert notes.handed_in[-1] == ("seal", AGENT, "There are", INTERRUPTED)


def test_an_utterance_never_ends_before_it_began(agent: AgentSpeech, notes: Notes) -> None:
    _speak(agent, "Hello.")
    agent.end(NOW - timedelta(seconds=5), interrupted=False, spoken=None)
    assert notes.sealed[0]["end_time"] == NOW


def test_tools_are_written_down_in_order(notes: Notes) -> None:
    actions = Actions(notes)
    actions.called("one", "search_flights", {"origin": "MAA"})
    actions.answered("one", "FOUND", {"total": 6})
    assert [entry[0] for entry in notes.handed_in] == ["call", "result"]
    actions.abandon()
    assert len(notes.handed_in) == 2


def test_a_tool_whose_turn_was_broken_off_has_an_end_too(notes: Notes) -> None:
    actions = Actions(notes)
    actions.called("one", "search_flights", {"origin": "MAA"})
    actions.abandon()
    assert notes.handed_in[-1] == ("result", "one", "search_flights", "ABANDONED")
