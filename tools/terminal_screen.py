"""A terminal screen with a program's output. It supports the part of ECMA-48 that Rich uses."""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"\x1b\[(?P<parameters>[?\d;]*)(?P<command>[A-Za-z])|(?P<control>[\r\n])|(?P<text>[^\x1b\r\n]+)"
)


class Screen:
    """Lines with their colours (SGR sequences). It never scrolls."""

    def __init__(self) -> None:
        self.lines = [""]
        self._row, self._returned = 0, False

    def write(self, output: str) -> None:
        """Apply the program's output, in which escape sequences must be complete."""
        for piece in _PIECE.finditer(output):
            match piece.lastgroup, piece[0]:
                case "control", "\n":
                    self._down()
                case "control", _:
                    self._returned = True
                case "text", text:
                    self._put(text)
                case _:
                    self._execute(piece["command"], piece["parameters"], piece[0])

    def _execute(self, command: str, parameters: str, sequence: str) -> None:
        match command:
            case "m":
                self._put(sequence)
            case "A":
                self._row = max(0, self._row - int(parameters or 1))
            case "K":
                self.lines[self._row] = ""
            case _:
                pass  # shows and hides the cursor

    def _put(self, text: str) -> None:
        if self._returned:  # Rich rewrites whole lines
            self.lines[self._row], self._returned = "", False
        self.lines[self._row] += text

    def _down(self) -> None:
        self._row, self._returned = self._row + 1, False
        if self._row == len(self.lines):
            self.lines.append("")
