"""Transcript entries as lines."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from rich.console import Console

from cli.rendering.entry_lines import end_line, entry_line, heading, live_line

pytestmark = pytest.mark.unit

LATER_FIELD = b"\xa2\x06\x00"
"""Field 100, a message."""


def entry(**content: Any) -> entry_pb2.Entry:
    start = Timestamp()
    start.FromDatetime(datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))
    return entry_pb2.Entry(number=7, start_time=start, **content)


def shown(markup: str) -> str:
    output = io.StringIO()
    Console(file=output, width=300).print(markup, highlight=False)
    return output.getvalue().rstrip("\n")


def test_words_are_shown_as_they_were_said_even_when_they_look_like_markup() -> None:
    said = entry_pb2.Utterance(
        speaker=entry_pb2.SPEAKER_CUSTOMER, text="seat [bold]12A[/]", sealing=entry_pb2.SEALING_FINAL
    )
    line = shown(entry_line(entry(utterance=said)))
    assert line.startswith("   7  ")
    assert line.endswith("customer  seat [bold]12A[/]")


@pytest.mark.parametrize(
    ("sealing", "words"),
    [(entry_pb2.SEALING_INTERRUPTED, "(interrupted)"), (entry_pb2.SEALING_TRUNCATED, "(cut off)")],
)
def test_an_interrupted_utterance_is_marked(sealing: entry_pb2.Sealing.ValueType, words: str) -> None:
    said = entry_pb2.Utterance(speaker=entry_pb2.SPEAKER_AGENT, text="There are", sealing=sealing)
    assert shown(entry_line(entry(utterance=said))).endswith(f"agent  There are {words}")


def test_typed_words_and_late_entries_are_marked() -> None:
    said = entry_pb2.Utterance(
        speaker=entry_pb2.SPEAKER_CUSTOMER, modality=entry_pb2.MODALITY_TEXT, text="hi"
    )
    assert shown(entry_line(entry(utterance=said, late=True))).endswith("customer  hi (typed) (late)")


def test_tools_show_arguments_and_outcome() -> None:
    call = entry_pb2.ToolCall(name="search_flights")
    call.search_flights.legs.add(origin="MAA", departure_date=Date(year=2026, month=12, day=1))
    line = shown(entry_line(entry(tool_call=call)))
    assert line.endswith("tool  search_flights departure_date=2026-12-01, origin=MAA")
    result = entry_pb2.ToolResult(name="search_flights", outcome=entry_pb2.TOOL_OUTCOME_EMPTY)
    assert shown(entry_line(entry(tool_result=result))).endswith("tool  search_flights: EMPTY")


def test_a_tool_of_a_later_release_is_shown_by_its_name() -> None:
    call = entry_pb2.ToolCall.FromString(entry_pb2.ToolCall(name="book").SerializeToString() + LATER_FIELD)
    assert shown(entry_line(entry(tool_call=call))).rstrip().endswith("tool  book")
    call.other.update({"offer": "x"})
    assert shown(entry_line(entry(tool_call=call))).endswith("tool  book offer=x")
    result = entry_pb2.ToolResult.FromString(
        entry_pb2.ToolResult(name="book", outcome=99).SerializeToString() + LATER_FIELD  # type: ignore[arg-type]
    )
    assert shown(entry_line(entry(tool_result=result))).endswith("tool  book: 99")


def test_state_changes_are_shown_in_words() -> None:
    change = entry_pb2.StateChange(
        kind=entry_pb2.STATE_CHANGE_KIND_CALL_ENDED,
        call_end_reason=entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP,
    )
    assert shown(entry_line(entry(state_change=change))).endswith("call ended (customer hung up)")


def test_words_still_being_spoken_have_no_number() -> None:
    speaking = conversation.LiveText(speaker=entry_pb2.SPEAKER_AGENT, tail="There [are]")
    assert shown(live_line(speaking)).strip().startswith("…")
    assert shown(live_line(speaking)).endswith("agent  There [are]")


def test_an_utterance_that_completes_another_is_marked() -> None:
    said = entry_pb2.Utterance(
        speaker=entry_pb2.SPEAKER_AGENT, text="There are two.", completes_utterance_id="cut"
    )
    assert shown(entry_line(entry(utterance=said, late=True))).endswith(
        "There are two. (full text of the one cut off above) (late)"
    )


def test_a_heading_names_the_conversation_so_that_it_can_be_copied() -> None:
    at = Timestamp()
    at.FromDatetime(datetime(2027, 1, 2, 12, 0, tzinfo=UTC))
    line = shown(heading(entry_pb2.Entry(conversation_id="01936d1c", start_time=at)))
    assert line.split()[1] == "01936d1c"
    assert line.endswith("January 2027")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (conversation.WATCH_END_REASON_CONVERSATION_ENDED, "has ended"),
        (conversation.WATCH_END_REASON_CONVERSATION_DELETED, "was deleted"),
    ],
)
def test_an_end_says_why(reason: conversation.WatchEndReason.ValueType, words: str) -> None:
    assert words in shown(end_line(conversation.WatchEnd(reason=reason)))
