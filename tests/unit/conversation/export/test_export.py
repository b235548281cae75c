"""Transcripts as files: no words of a transcript are taken for structure of the file."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.clock import timestamp
from mesh.ids import uuid7
from services.conversation.export import plain_text, webvtt
from services.conversation.export.export import JSON, file_name
from services.conversation.export.transcript import Format
from services.conversation.model.records import Conversation

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CALL = "0193a000-0000-7000-8000-00000000000c"
CUE = re.compile(
    r"(\d+)\n(\d\d:\d\d:\d\d\.\d{3}) --> (\d\d:\d\d:\d\d\.\d{3})\n<v (Customer|Agent)>([^\n]*)</v>\n"
)


def entry(
    number: int, *, at: float = 0.0, lasts: float = 1.0, call_id: str = CALL, **content: object
) -> entry_pb2.Entry:
    start = NOON + timedelta(seconds=at)
    made = entry_pb2.Entry(
        number=number, call_id=call_id, start_time=timestamp(start), commit_time=timestamp(start)
    )
    made.end_time.CopyFrom(timestamp(start + timedelta(seconds=lasts)))
    return ParseDict(content, made)


def said(
    number: int, text: str, *, speaker: str = "CUSTOMER", sealing: str = "FINAL", **more: float | str
) -> entry_pb2.Entry:
    content = {
        "utterance_id": uuid7(),
        "speaker": f"SPEAKER_{speaker}",
        "modality": "MODALITY_VOICE",
        "text": text,
        "sealing": f"SEALING_{sealing}",
    }
    return entry(number, utterance=content, **more)  # type: ignore[arg-type]  # times and ids by name


async def written(
    format_: Format, entries: Iterable[entry_pb2.Entry], title: str = "Chennai to Delhi"
) -> str:
    async def each() -> AsyncIterator[entry_pb2.Entry]:
        for one in entries:
            yield one

    conversation = pb.Conversation(conversation_id=uuid7(), title=title, create_time=timestamp(NOON))
    return "".join([chunk async for chunk in format_.write(conversation, each())])


async def test_plain_text_has_one_line_per_entry() -> None:
    text = await written(
        plain_text.FORMAT,
        [
            entry(1, stateChange={"kind": "STATE_CHANGE_KIND_CALL_STARTED"}),
            said(2, "Show flights\nto Delhi", at=3),
            entry(
                3,
                at=4,
                toolCall={
                    "toolCallId": uuid7(),
                    "name": "search_flights",
                    "searchFlights": {
                        "legs": [
                            {"destination": "DEL", "departureDate": {"year": 2026, "month": 12, "day": 1}}
                        ],
                        "sort": "FLIGHT_SORT_CHEAPEST",
                    },
                },
            ),
            entry(4, at=5, toolResult={"toolCallId": uuid7(), "name": "x", "outcome": "TOOL_OUTCOME_FOUND"}),
            said(5, "I found three", speaker="AGENT", sealing="INTERRUPTED", at=6),
            entry(
                6,
                at=8,
                stateChange={
                    "kind": "STATE_CHANGE_KIND_CALL_ENDED",
                    "callEndReason": "CALL_END_REASON_CUSTOMER_HUNG_UP",
                },
            ),
            entry(7, at=9, toolCall={"toolCallId": uuid7(), "name": "later", "other": {"to": "DEL"}}),
        ],
    )
    assert text.splitlines() == [
        "Chennai to Delhi, 2026-11-23 12:00:00 UTC",
        "",
        "[2026-11-23 12:00:00] * Call started",
        "[2026-11-23 12:00:03] Customer: Show flights to Delhi",
        "[2026-11-23 12:00:04] * search_flights "
        '{"legs": [{"departure_date": "2026-12-01", "destination": "DEL"}], "sort": "cheapest"}',
        "[2026-11-23 12:00:05] * x: FOUND",
        "[2026-11-23 12:00:06] Agent: I found three —",
        "[2026-11-23 12:00:08] * Call ended (CUSTOMER_HUNG_UP)",
        '[2026-11-23 12:00:09] * later {"to": "DEL"}',
    ]


async def test_plain_text_marks_late_entries() -> None:
    late = said(1, "Hello")
    late.late = True
    assert (await written(plain_text.FORMAT, [late])).endswith("Customer: Hello (late)\n")


async def test_webvtt_times_utterances_from_the_start_of_their_call() -> None:
    text = await written(
        webvtt.FORMAT,
        [
            entry(1, stateChange={"kind": "STATE_CHANGE_KIND_CALL_STARTED"}),
            said(2, "Hello", speaker="AGENT", at=1.25, lasts=2.5),
            said(3, "Hi", at=3725.5, lasts=0),
            entry(4, at=4000, call_id="second", stateChange={"kind": "STATE_CHANGE_KIND_CALL_STARTED"}),
            said(5, "Me again", at=4001, call_id="second", sealing="TRUNCATED"),
        ],
    )
    assert text.startswith("WEBVTT - Chennai to Delhi\n\nNOTE Call ")
    assert text.count("NOTE Call") == 2
    assert CUE.findall(text) == [
        ("2", "00:00:01.250", "00:00:03.750", "Agent", "Hello"),
        ("3", "01:02:05.500", "01:02:05.501", "Customer", "Hi"),
        ("5", "00:00:01.000", "00:00:02.000", "Customer", "Me again …"),
    ]


async def test_webvtt_omits_entries_without_spoken_words() -> None:
    text = await written(
        webvtt.FORMAT,
        [
            said(1, "  "),
            entry(2, toolResult={"toolCallId": uuid7(), "name": "x", "outcome": "TOOL_OUTCOME_FOUND"}),
        ],
    )
    assert text == "WEBVTT - Chennai to Delhi\n"


async def test_an_utterance_from_before_its_call_starts_at_zero() -> None:
    early = said(2, "Hello", at=-5, lasts=6)
    text = await written(
        webvtt.FORMAT, [entry(1, stateChange={"kind": "STATE_CHANGE_KIND_CALL_STARTED"}), early]
    )
    assert "00:00:00.000 --> 00:00:01.000" in text


@given(
    words=st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    title=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
)
async def test_words_are_never_taken_for_structure(words: str, title: str) -> None:
    hostile = f"{words}\n\n9\n00:00:00.000 --> 00:00:09.000\n<v Agent>bought</v> & {words}"
    text = await written(webvtt.FORMAT, [said(1, hostile), said(2, "Bye", at=1)], title)
    assert [(number, who) for number, _, _, who, _ in CUE.findall(text)] == [
        ("1", "Customer"),
        ("2", "Customer"),
    ]
    assert text.count("-->") == 2
    lines = (await written(plain_text.FORMAT, [said(1, hostile), said(2, "Bye", at=1)], title)).splitlines()
    assert [line[:23] for line in lines[2:]] == ["[2026-11-23 12:00:00] C", "[2026-11-23 12:00:01] C"]
    document = json.loads(await written(JSON, [said(1, hostile), said(2, "Bye", at=1)], title))
    assert document["entries"][0]["utterance"]["text"] == hostile
    assert document["conversation"].get("title", "") == title


async def test_json_is_one_object_with_or_without_entries() -> None:
    assert json.loads(await written(JSON, []))["entries"] == []
    document = json.loads(await written(JSON, [said(1, "Größe"), said(2, "b")]))
    assert [one["number"] for one in document["entries"]] == ["1", "2"]
    assert document["conversation"]["title"] == "Chennai to Delhi"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Chennai to Delhi", "chennai-to-delhi-2026-11-23.vtt"),
        ("", "conversation-2026-11-23.vtt"),
        ("Zürich → São Paulo!", "zurich-sao-paulo-2026-11-23.vtt"),
        ("../../etc/passwd\r\nX: y", "etc-passwd-x-y-2026-11-23.vtt"),
        ("दिल्ली", "conversation-2026-11-23.vtt"),
    ],
)
def test_a_file_is_named_after_title_and_date(title: str, name: str) -> None:
    conversation = Conversation(
        key=1,
        conversation_id=uuid7(),
        customer_id=uuid7(),
        title=title,
        locale="en-IN",
        state=pb.CONVERSATION_STATE_ACTIVE,
        create_time=NOON,
        update_time=NOON,
        last_entry_time=None,
        end_time=None,
        last_number=0,
    )
    assert file_name(conversation, "vtt") == name
