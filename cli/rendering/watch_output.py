"""Who shows what is followed: lines for a person, or JSON for a program."""

from __future__ import annotations

import json
import sys
from typing import Protocol, Self

from google.protobuf.json_format import MessageToDict
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2 import WatchResponse
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from cli.rendering.entry_lines import INDENT, deleted_line, end_line, heading, line_of, live_line
from services.conversation.client.watcher import Connection

_NOTICES = {
    Connection.LOST: "[yellow]──[/] [dim]connection lost, trying again …[/]",
    Connection.RESUMED: "[green]──[/] [dim]connected again, going on where it was[/]",
    Connection.REWOUND: "[yellow]──[/] [dim]the log is not the one it was; from its earliest entry[/]",
}
_SPEAKING_AT_ONCE = 4
"""Utterances that move at the foot of a terminal."""


class EventReader(Protocol):
    """Shows events as they come; a context manager."""

    wants_live: bool
    """Whether to be given words that are still being spoken."""

    def __enter__(self) -> Self:
        """Gets ready."""

    def __exit__(self, *_: object) -> None:
        """Leaves the terminal as it was."""

    def show(self, event: WatchResponse) -> None:
        """Shows one event."""

    def notice(self, connection: Connection) -> None:
        """Says what became of the line to the service."""


class JsonLines:
    """Each event as the contract has it, one object a line; the last cursor that came is where to go on. Notices go to stderr."""

    def __init__(self, *, live: bool = False) -> None:
        self.wants_live = live
        self._notices = Console(stderr=True, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put away."""

    def show(self, event: WatchResponse) -> None:
        """Prints it."""
        sys.stdout.write(
            json.dumps(MessageToDict(event, preserving_proto_field_name=True), ensure_ascii=False) + "\n"
        )
        sys.stdout.flush()

    def notice(self, connection: Connection) -> None:
        """Says it where no program reads."""
        self._notices.print(_NOTICES[connection], highlight=False)


class Reader:
    """Entries line by line; on a terminal, words still being spoken move at its foot until their entry replaces them.

    With `several` conversations, a heading says whose entries follow.
    """

    def __init__(self, console: Console, *, show_live: bool = False, several: bool = False) -> None:
        self._console, self._several = console, several
        self._print_live = show_live and not console.is_terminal
        self._notices = console if console.is_terminal else Console(stderr=True, soft_wrap=True)
        self._live = Live(console=console, transient=True, auto_refresh=False)
        self._speaking: dict[str, entry_pb2.OpenUtterance] = {}
        self._conversation = ""
        self.wants_live = console.is_terminal or show_live

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: WatchResponse) -> None:
        """Shows entries, deletions, the end and live words; nothing of the rest."""
        match event.WhichOneof("event"):
            case "entry":
                self._sealed(event.entry.entry_id)
                self._head(event.entry)
                self._entry(line_of(event.entry))
            case "live" if self._print_live:
                self._line(live_line(event.live))
            case "live":
                self._spoken(event.live)
            case "deleted":
                self._line(deleted_line(event.conversation_id))
            case "end":
                self._line(end_line(event.end))
            case _:
                pass

    def notice(self, connection: Connection) -> None:
        """Says it between the lines of a terminal, else on stderr."""
        self._speaking.clear()
        self._draw()
        self._notices.print(_NOTICES[connection], highlight=False, soft_wrap=True)

    def _head(self, entry: entry_pb2.Entry) -> None:
        if self._several and entry.conversation_id != self._conversation:
            self._conversation = entry.conversation_id
            self._line(heading(entry))

    def _spoken(self, utterance: entry_pb2.OpenUtterance) -> None:
        self._speaking.pop(utterance.utterance_id, None)
        self._speaking[utterance.utterance_id] = utterance
        while len(self._speaking) > _SPEAKING_AT_ONCE:
            del self._speaking[next(iter(self._speaking))]
        self._draw()

    def _sealed(self, entry_id: str) -> None:
        if self._speaking.pop(entry_id, None) is not None:
            self._draw()

    def _draw(self) -> None:
        lines = (Text.from_markup(live_line(utterance)) for utterance in self._speaking.values())
        self._live.update(Group(*lines), refresh=self._live.is_started)

    def _entry(self, markup: str) -> None:
        """One entry; on a terminal its words stay in a column of their own."""
        if self._console.is_terminal and self._console.width > 2 * INDENT:
            line = Text.from_markup(markup)
            head, words = line[:INDENT], line[INDENT:]
            for piece in words.wrap(self._console, self._console.width - INDENT):
                self._console.print(head + piece, highlight=False)
                head = Text(" " * INDENT)
        else:
            self._line(markup)

    def _line(self, markup: str) -> None:
        self._console.print(markup, highlight=False, soft_wrap=True)
