"""Restoring a call from the log."""

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from agent.recording.earlier_entries import agent_has_spoken, read_entries, tool_records, unanswered_words

pytestmark = pytest.mark.unit

FINAL, INTERRUPTED, TRUNCATED = (
    entry_pb2.SEALING_FINAL,
    entry_pb2.SEALING_INTERRUPTED,
    entry_pb2.SEALING_TRUNCATED,
)


def _struct(values: dict[str, Any]) -> Struct:
    made = Struct()
    made.update(values)
    return made


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


CALL = entry_pb2.Entry(
    tool_call=entry_pb2.ToolCall(
        tool_call_id="1", name="search_flights", arguments=_struct({"origin": "MAA"})
    )
)
RESULT = entry_pb2.Entry(
    tool_result=entry_pb2.ToolResult(tool_call_id="1", outcome="FOUND", result=_struct({"total": 6}))
)


def test_a_tool_call_and_its_answer_are_one_record() -> None:
    (record,) = tool_records([_customer("flights"), CALL, RESULT, _agent("six")])
    assert (record.name, record.arguments, record.outcome, record.result) == (
        "search_flights",
        {"origin": "MAA"},
        "FOUND",
        {"total": 6},
    )


def test_a_tool_call_without_answer_is_none() -> None:
    assert tool_records([CALL]) == []
    assert tool_records([RESULT]) == []


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
    assert len(tool_records(entries)) == 1
