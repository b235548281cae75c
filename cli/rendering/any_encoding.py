"""Output that survives any encoding of the terminal, such as Latin-1 or ASCII."""

from __future__ import annotations

import codecs
import io
import json
import sys
import unicodedata

SIMILAR = {
    "→": "->",
    "✓": "+",
    "✗": "x",
    "·": "-",
    "─": "-",
    "–": "-",
    "—": "-",
    "’": "'",
    "“": '"',
    "”": '"',
}
"""Replacements in ASCII that Unicode's decompositions don't have."""
_HANDLER = "readback.similar"


def write_any_character() -> None:
    """Let stdout and stderr write a similar character in place of one that their encoding lacks."""
    codecs.register_error(_HANDLER, _similar)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None if it was closed by the shell (`>&-`)
            stream.reconfigure(errors=_HANDLER)


def print_json(value: object) -> None:
    """Print one JSON object as a line: UTF-8, or ASCII if the encoding of stdout is another."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(json.dumps(value, ensure_ascii=codecs.lookup(encoding).name != "utf-8"), flush=True)


def _similar(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_in_ascii, error.object[error.start : error.end])), error.end


def _in_ascii(character: str) -> str:
    decomposed = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return SIMILAR.get(character) or decomposed or "?"
