"""What stands on a terminal after a program has written to it: enough of ECMA-48 for what Rich writes."""

from __future__ import annotations

import re

_PIECE = re.compile(r"\x1b\[(?P<given>[?\d;]*)(?P<what>[A-Za-z])|(?P<control>[\r\n])|(?P<text>[^\x1b\r\n]+)")


class Screen:
    """Lines with their colours (SGR sequences) and nothing that moves. Never scrolls."""

    def __init__(self) -> None:
        self.lines = [""]
        self._row, self._returned = 0, False

    def write(self, output: str) -> None:
        """Takes in what the program wrote; escape sequences come whole."""
        for piece in _PIECE.finditer(output):
            match piece.lastgroup, piece[0]:
                case "control", "\n":
                    self._down()
                case "control", _:
                    self._returned = True
                case "text", text:
                    self._put(text)
                case _:
                    self._obey(piece["what"], piece["given"], piece[0])

    def _obey(self, what: str, given: str, sequence: str) -> None:
        match what:
            case "m":
                self._put(sequence)
            case "A":
                self._row = max(0, self._row - int(given or 1))
            case "K":
                self.lines[self._row] = ""
            case _:
                pass  # showing and hiding the cursor

    def _put(self, text: str) -> None:
        if self._returned:  # Rich rewrites whole lines
            self.lines[self._row], self._returned = "", False
        self.lines[self._row] += text

    def _down(self) -> None:
        self._row, self._returned = self._row + 1, False
        if self._row == len(self.lines):
            self.lines.append("")
