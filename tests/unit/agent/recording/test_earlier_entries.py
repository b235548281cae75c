"""Restoring a call from the log."""

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from agent.recording.earlier_entries import agent_has_spoken, finished_tools, read_entries, unanswered_words

pytestmark = pytest.mark.unit

FINAL, INTERRUPTED, TRUNCATED = (
    entry_pb2.SEALING_FINAL,
    entry_pb2.SEALING_INTERRUPTED,
    entry_pb2.SEALING_TRUNCATED,
)


def _said(
    speaker: entry_pb2.Speaker.ValueType,
    text: str,
    sealing: entry_pb2.Sealing.ValueType = FINAL,
    call: str = "now",
) -> entry_pb2.Entry:
    return entry_pb2.Entry(
        call_id=call, utterance=entry_pb2.Utterance(speaker=speaker, text=text, sealing=sealing)
    )


def _customer(text: str, sealing: entry_pb2.Sealing.ValueType = FINAL, call: str = "now") -> entry_pb2.Entry:
    return _said(entry_pb2.SPEAKER_CUSTOMER, text, sealing, call)


def _agent(text: str) -> entry_pb2.Entry:
    return _said(entry_pb2.SPEAKER_AGENT, text)


CALL = entry_pb2.Entry(tool_call=entry_pb2.ToolCall(tool_call_id="1", name="search_flights"))
RESULT = entry_pb2.Entry(
    tool_result=entry_pb2.ToolResult(tool_call_id="1", outcome=entry_pb2.TOOL_OUTCOME_FOUND)
)


def test_a_tool_call_and_its_result_are_returned_together() -> None:
    entries = [_customer("flights"), CALL, RESULT, _agent("six")]
    assert finished_tools(entries) == [(CALL.tool_call, RESULT.tool_result)]


def test_a_tool_call_without_answer_is_none() -> None:
    assert finished_tools([CALL]) == []
    assert finished_tools([RESULT]) == []


def test_unanswered_words_are_returned() -> None:
    assert unanswered_words([_agent("Hello"), _customer("flights to Delhi")], "now") == "flights to Delhi"


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [_customer("flights"), _agent("There are")],
        [_customer("flights to", TRUNCATED)],
        [_customer("flights", call="yesterday")],
    ],
    ids=["nothing said", "the answer had begun", "the words broke off", "another call"],
)
def test_everything_else_is_let_go(entries: list[entry_pb2.Entry]) -> None:
    assert unanswered_words(entries, "now") == ""


@pytest.mark.parametrize(
    ("entries", "spoken"),
    [
        ([], False),
        ([_customer("flights")], False),
        ([_agent("Hello"), _customer("flights")], True),
    ],
)
def test_an_agent_has_spoken_if_its_words_are_in_the_log(
    entries: list[entry_pb2.Entry], *, spoken: bool
) -> None:
    assert agent_has_spoken(entries, "now") is spoken
    assert not agent_has_spoken(entries, "tomorrow")


class Pages:
    """A conversation service with a log of two pages."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def ListEntries(self, request: pb.ListEntriesRequest) -> pb.ListEntriesResponse:
        self.asked.append(request.page_token)
        first = not request.page_token
        return pb.ListEntriesResponse(
            entries=[CALL if first else RESULT], next_page_token="second" if first else ""
        )


async def test_every_page_of_the_log_is_read() -> None:
    pages = Pages()
    entries = await read_entries(pages, "conversation")  # type: ignore[arg-type]
    assert pages.asked == ["", "second"]
    assert len(finished_tools(entries)) == 1
