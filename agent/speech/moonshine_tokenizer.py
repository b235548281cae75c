"""Tokens of Moonshine: pieces of words as numbers, read from the `tokenizer.bin` of its package.

The file has one length byte per piece (two from 128 on), followed by the piece in UTF-8. Moonshine uses the
tokens of Llama, whose byte-pair encoding joins the pair with the earliest merge first. The numbers from 259
on stand in the order of the merges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources.abc import Traversable

import numpy as np
import numpy.typing as npt

START, END = 1, 2
"""Tokens before and after every text."""
_FIRST_BYTE, _FIRST_MERGE, _FIRST_CONTROL = 3, 259, 32_000
_SPACE = "▁"
_INSIDE_WORDS = "'’-"


class Tokenizer:
    """Conversion of text to tokens and back."""

    def __init__(self, file: Traversable) -> None:
        self._pieces = list(_pieces(file.read_bytes()))
        self._token_of: dict[str, int] = {}
        for token in range(_FIRST_MERGE, _FIRST_CONTROL):
            self._token_of.setdefault(self._pieces[token].decode(), token)
        self.ends_word: npt.NDArray[np.bool_] = np.array(
            [token == END or _ends_word(piece) for token, piece in enumerate(self._pieces)]
        )
        """For each token, whether the word before it is finished."""
        self.is_digit: npt.NDArray[np.bool_] = np.array([piece.isdigit() for piece in self._pieces])
        """For each token, whether it is a digit without a space."""

    def encode(self, text: str) -> list[int]:
        """Return the tokens of a text that follows a space."""
        parts = list(_SPACE + text.replace(" ", _SPACE))
        while pairs := list(self._joinable(parts)):
            _, at = min(pairs)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return [token for part in parts for token in self._tokens(part)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        joined = b"".join(self._pieces[token] for token in tokens if token > END)
        return joined.decode("utf-8", "ignore").replace(_SPACE, " ").strip()

    def begins_word(self, token: int) -> bool:
        """Return whether a token starts with a space."""
        return self._pieces[token].startswith(_SPACE.encode())

    def _joinable(self, parts: Sequence[str]) -> Iterator[tuple[int, int]]:
        for at in range(len(parts) - 1):
            token = self._token_of.get(parts[at] + parts[at + 1])
            if token is not None:
                yield token, at

    def _tokens(self, part: str) -> list[int]:
        token = self._token_of.get(part)
        return [token] if token is not None else [_FIRST_BYTE + byte for byte in part.encode()]


def _pieces(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        length, at = data[at], at + 1
        if length >= 128:
            length, at = length - 128 + 128 * data[at], at + 1
        yield data[at : at + length]
        at += length


def _ends_word(piece: bytes) -> bool:
    text = piece.decode("utf-8", "ignore")
    return text.startswith(_SPACE) or bool(text and not text[0].isalnum() and text[0] not in _INSIDE_WORDS)
