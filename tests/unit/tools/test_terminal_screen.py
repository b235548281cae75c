"""The screen of a terminal after all output."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.live import Live
from rich.text import Text

from tools.terminal_screen import Screen

pytestmark = pytest.mark.unit


def plain(screen: Screen) -> list[str]:
    return [Text.from_ansi(line).plain for line in screen.lines]


def test_lines_keep_their_colours() -> None:
    screen = Screen()
    screen.write("\x1b[1;36magent\x1b[0m  Hello\r\nnext")
    assert screen.lines == ["\x1b[1;36magent\x1b[0m  Hello", "next"]


def test_a_rewritten_line_appears_once() -> None:
    screen = Screen()
    screen.write("There\rThere are\r\n")
    screen.write("done\r\x1b[2K\x1b[1A\x1b[2Kabove")
    assert plain(screen) == ["above", ""]


def test_erased_lines_leave_nothing_behind() -> None:
    output, screen = io.StringIO(), Screen()
    console = Console(file=output, force_terminal=True, width=80, legacy_windows=False)
    with Live(console=console, transient=True, auto_refresh=False) as live:
        for words in ("There", "There are", "There are two\nlines of it"):
            live.update(Text(words), refresh=True)
            console.print("an entry", highlight=False)
        live.update(Text(""), refresh=True)
    screen.write(output.getvalue().replace("\n", "\r\n"))
    assert [line for line in plain(screen) if line.strip()] == ["an entry"] * 3
