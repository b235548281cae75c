"""The output of `readback watch` for people and for programs."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2 import (
    CaughtUp,
    Conversation,
    ConversationDeleted,
    LiveText,
    WatchResponse,
)
from readback_client.watcher import Connection
from rich.console import Console
from rich.text import Text

from cli.rendering.watch_output import JsonWatchOutput, TerminalWatchOutput

pytestmark = pytest.mark.unit


def said(text: str, entry_id: str = "u", conversation_id: str = "c") -> WatchResponse:
    words = entry_pb2.Utterance(speaker=entry_pb2.SPEAKER_AGENT, text=text)
    entry = entry_pb2.Entry(number=7, entry_id=entry_id, conversation_id=conversation_id, utterance=words)
    entry.start_time.FromDatetime(datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))
    return WatchResponse(cursor="after 7", entry=entry)


def speaking(text: str, utterance_id: str = "u") -> WatchResponse:
    return WatchResponse(live=LiveText(utterance_id=utterance_id, speaker=entry_pb2.SPEAKER_AGENT, tail=text))


def read(
    *events: WatchResponse | Connection, terminal: bool, show_live: bool = False, several: bool = False
) -> str:
    output = io.StringIO()
    console = Console(file=output, width=200, force_terminal=terminal)
    with TerminalWatchOutput(console, show_live=show_live, several=several) as reader:
        for event in events:
            if isinstance(event, Connection):
                reader.notice(event)
            else:
                reader.show(event)
    return output.getvalue()


def test_live_words_stay_in_the_last_line_of_a_terminal_until_their_entry_comes() -> None:
    text = read(
        speaking("There are"), said("There are two."), WatchResponse(caught_up=CaughtUp()), terminal=True
    )
    assert "There are\x1b" in text
    assert "There are two." in text


def test_both_sides_may_speak_at_once() -> None:
    text = read(
        speaking("There are", "a"), speaking("No, on", "b"), speaking("There are two", "a"), terminal=True
    )
    last = text[text.rindex("No, on") :]
    assert "There are two" in last


def test_live_lines_are_limited_and_cleared_when_the_connection_is_lost() -> None:
    reader = TerminalWatchOutput(Console(file=io.StringIO(), force_terminal=True))
    with reader:
        for index in range(50):
            reader.show(speaking("words", f"{index}"))
        assert len(reader._open) <= 4
        reader.notice(Connection.LOST)
        assert not reader._open


def test_a_file_gets_entries_alone_unless_live_words_are_asked_for() -> None:
    assert read(speaking("There are"), terminal=False) == ""
    assert "There are" in read(speaking("There are"), terminal=False, show_live=True)


def test_a_terminal_wants_live_words_and_a_file_does_not() -> None:
    assert TerminalWatchOutput(Console(file=io.StringIO(), force_terminal=True)).wants_live
    assert not TerminalWatchOutput(Console(file=io.StringIO())).wants_live
    assert not JsonWatchOutput().wants_live


def test_headings_stand_where_the_conversation_changes() -> None:
    events = [
        said("one", conversation_id="a"),
        said("two", conversation_id="a"),
        said("three", conversation_id="b"),
        said("four", conversation_id="a"),
    ]
    lines = read(*events, terminal=False, several=True).splitlines()
    assert [line.split()[1] for line in lines if line.startswith("──")] == ["a", "b", "a"]
    assert not any(line.startswith("──") for line in read(*events, terminal=False).splitlines())


def test_long_words_stay_in_their_column_of_a_terminal_and_on_one_line_of_a_file() -> None:
    words = "There are twenty flights. " * 20
    lines = [Text.from_ansi(line).plain for line in read(said(words), terminal=True).splitlines()]
    shown = [line for line in lines if "flights" in line]
    assert len(shown) > 2
    assert {line[:26].strip() for line in shown[1:]} == {""}
    assert all(len(line) <= 200 for line in shown)
    assert len(read(said(words), terminal=False).splitlines()) == 1


def test_a_deletion_is_shown() -> None:
    deleted = WatchResponse(deleted=ConversationDeleted(conversation_id="c"))
    assert read(deleted, terminal=False, several=True) == "── c was deleted\n"


@pytest.mark.parametrize("connection", list(Connection))
def test_notices_stay_out_of_stdout(connection: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    assert read(connection, terminal=False) == ""
    JsonWatchOutput().notice(connection)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 2
    assert "──" in read(connection, terminal=True)


def test_json_has_the_fields_of_the_contract_one_line_per_event(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonWatchOutput() as lines:
        lines.show(said("line\nbreak"))
    (line,) = capsys.readouterr().out.splitlines()
    event = json.loads(line)
    assert event["cursor"] == "after 7"
    assert event["entry"]["utterance"]["text"] == "line\nbreak"


def test_a_title_is_in_the_next_heading_and_a_new_one_is_shown_at_once() -> None:
    def titled(title: str, conversation_id: str = "c") -> WatchResponse:
        return WatchResponse(conversation=Conversation(conversation_id=conversation_id, title=title))

    lines = read(
        titled("Chennai [to] Delhi"),
        said("Hello"),
        titled("Chennai [to] Delhi"),
        titled("Delhi"),
        titled("elsewhere", "d"),
        terminal=False,
        several=True,
    ).splitlines()
    assert "Chennai [to] Delhi" in lines[0]
    assert [line for line in lines if line.startswith("──")][1:] == ["── Delhi"]
