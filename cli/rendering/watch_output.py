"""The output of `readback watch`: lines for people, or JSON for programs."""

from __future__ import annotations

from typing import Self

from google.protobuf.json_format import MessageToDict
from readback.conversation.v1 import conversation_service_pb2, entry_pb2
from readback.conversation.v1.conversation_service_pb2 import WatchResponse
from readback_client.watcher import Connection
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from cli.rendering.any_encoding import print_json
from cli.rendering.entry_lines import (
    INDENT,
    deleted_line,
    end_line,
    entry_line,
    heading,
    live_line,
    title_line,
)

_NOTICES = {
    Connection.LOST: "[yellow]──[/] [dim]connection lost, reconnecting …[/]",
    Connection.RESUMED: "[green]──[/] [dim]connected again, nothing missed[/]",
    Connection.REWOUND: "[yellow]──[/] [dim]the cursor expired; starting again from the earliest entry[/]",
}
_MAX_TITLES = 1000
"""Most titles to remember for headings."""
_MAX_LIVE_LINES = 4
"""Most live utterances shown at the bottom of a terminal."""


class JsonWatchOutput:
    """One `WatchResponse` as JSON per line. Notices go to stderr."""

    def __init__(self, *, live: bool = False) -> None:
        self.wants_live = live
        """True if words are also shown while they are spoken."""
        self.wants_titles = True
        """True if changes of the conversations' titles and states are shown."""
        self._notices = Console(stderr=True, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing, because the terminal was not changed."""

    def show(self, event: WatchResponse) -> None:
        """Print one event."""
        print_json(MessageToDict(event, preserving_proto_field_name=True))

    def notice(self, connection: Connection) -> None:
        """Print the notice on stderr."""
        self._notices.print(_NOTICES[connection], highlight=False)


class TerminalWatchOutput:
    """Entries line by line.

    On a terminal, live words are shown at the bottom until their entry replaces them. If `several`
    conversations are followed, a heading is printed whenever the next entry is from another conversation.
    """

    def __init__(self, console: Console, *, show_live: bool = False, several: bool = False) -> None:
        self._console, self._several = console, several
        self._print_live = show_live and not console.is_terminal
        self._notices = console if console.is_terminal else Console(stderr=True, soft_wrap=True)
        self._live = Live(console=console, transient=True, auto_refresh=False)
        self._open: dict[str, conversation_service_pb2.LiveText] = {}
        self._conversation, self._titles = "", dict[str, str]()
        self.wants_live, self.wants_titles = console.is_terminal or show_live, several

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, event: WatchResponse) -> None:
        """Show entries, live words, new titles, deletions and the end; ignore other events."""
        match event.WhichOneof("event"):
            case "entry":
                self._close(event.entry.entry_id)
                self._print_heading(event.entry)
                self._print_entry(entry_line(event.entry))
            case "live" if self._print_live:
                self._print(live_line(event.live))
            case "live":
                self._show_open(event.live)
            case "conversation":
                self._show_title(event.conversation)
            case "deleted":
                self._print(deleted_line(event.deleted.conversation_id))
            case "end":
                self._print(end_line(event.end))
            case _:
                pass

    def notice(self, connection: Connection) -> None:
        """Print the notice: between the entries on a terminal, otherwise on stderr."""
        self._open.clear()
        self._draw_open()
        self._notices.print(_NOTICES[connection], highlight=False, soft_wrap=True)

    def _print_heading(self, entry: entry_pb2.Entry) -> None:
        if self._several and entry.conversation_id != self._conversation:
            self._conversation = entry.conversation_id
            self._print(heading(entry, self._titles.get(entry.conversation_id, "")))

    def _show_title(self, changed: conversation_service_pb2.Conversation) -> None:
        conversation_id, title = changed.conversation_id, changed.title
        known = self._titles.pop(conversation_id, "")
        self._titles[conversation_id] = title
        while len(self._titles) > _MAX_TITLES:
            del self._titles[next(iter(self._titles))]
        if title != known and conversation_id == self._conversation:
            self._print(title_line(title))

    def _show_open(self, utterance: conversation_service_pb2.LiveText) -> None:
        self._open.pop(utterance.utterance_id, None)
        self._open[utterance.utterance_id] = utterance
        while len(self._open) > _MAX_LIVE_LINES:
            del self._open[next(iter(self._open))]
        self._draw_open()

    def _close(self, entry_id: str) -> None:
        if self._open.pop(entry_id, None) is not None:
            self._draw_open()

    def _draw_open(self) -> None:
        lines = (Text.from_markup(live_line(utterance)) for utterance in self._open.values())
        self._live.update(Group(*lines), refresh=self._live.is_started)

    def _print_entry(self, markup: str) -> None:
        """Print an entry; on a terminal, wrap its words in their own column."""
        if self._console.is_terminal and self._console.width > 2 * INDENT:
            line = Text.from_markup(markup)
            head, words = line[:INDENT], line[INDENT:]
            for piece in words.wrap(self._console, self._console.width - INDENT):
                self._console.print(head + piece, highlight=False)
                head = Text(" " * INDENT)
        else:
            self._print(markup)

    def _print(self, markup: str) -> None:
        self._console.print(markup, highlight=False, soft_wrap=True)


WatchOutput = JsonWatchOutput | TerminalWatchOutput
