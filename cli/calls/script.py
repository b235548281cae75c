"""The script of a call: the caller's lines in the order of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["say", "wav", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)
OTHER_OPTIONS_WITH_VALUES = frozenset({"--out", "--conversation"})
"""Options of `call` whose value may look like an option."""


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One turn of the caller."""

    kind: Kind
    """Synthesised speech, a recording, or typed text."""
    value: str
    """The words, or the path of the recording."""


def read_script(arguments: Sequence[str]) -> list[ScriptLine]:
    """Return the script lines among a command's arguments, in order.

    Option parsers group values by option and lose the order across options. The parser has accepted
    `arguments` before, so every option has its value.
    """
    lines = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        kind = name.removeprefix("--")
        if name.startswith("--") and kind in KINDS:
            lines.append(ScriptLine(kind, value if equals else next(remaining, "")))
        elif argument in OTHER_OPTIONS_WITH_VALUES:
            next(remaining, None)
    return lines
