"""What a caller is going to say, in the order in which it was given on the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["say", "wav", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of the caller."""

    kind: Kind
    """Spoken by a synthetic voice, played from a file, or typed."""
    value: str
    """The words, or the file."""


def in_given_order(arguments: Sequence[str]) -> list[Line]:
    """The lines in a command's arguments, across kinds: option parsers group by option and lose that order.

    `arguments` are ones that the parser has accepted, so every option here has its value.
    """
    return list(_lines(arguments))


def _lines(arguments: Sequence[str]) -> Iterator[Line]:
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            return
        name, equals, value = argument.partition("=")
        kind = name.removeprefix("--")
        if name.startswith("--") and kind in KINDS:
            yield Line(kind, value if equals else next(waiting, ""))
        elif argument in WITH_VALUES:
            next(waiting, None)


WITH_VALUES = frozenset({"--out", "--conversation"})
"""The other options of `call` that take a value, which may look like an option."""
