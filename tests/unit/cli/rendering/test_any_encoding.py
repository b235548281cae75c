"""Output survives terminals whose encoding lacks its characters."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cli.rendering.any_encoding import print_json, write_any_character

pytestmark = pytest.mark.unit


every_encoding = pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])


@contextmanager
def capturing(encoding: str) -> Iterator[Callable[[], str]]:
    """Give stdout an encoding during the block; yield a function that returns what was written."""
    output = io.BytesIO()
    stream = io.TextIOWrapper(output, encoding=encoding, write_through=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        write_any_character()
        yield lambda: output.getvalue().decode(encoding)


@every_encoding
def test_a_character_that_the_encoding_lacks_is_replaced_by_a_similar_one(encoding: str) -> None:
    with capturing(encoding) as read:
        print("MAA → DEL … “São Tomé” ✓ 日", end="")
        assert read() == {
            "ascii": 'MAA -> DEL ... "Sao Tome" + ?',
            "latin-1": 'MAA -> DEL ... "São Tomé" + ?',
            "utf-8": "MAA → DEL … “São Tomé” ✓ 日",
        }.get(encoding)


@every_encoding
def test_half_of_a_character_from_an_argument_is_replaced(encoding: str) -> None:
    with capturing(encoding) as read:
        print("Del\udcffhi", end="")
        assert read() == "Del?hi"


@every_encoding
def test_json_loses_nothing_in_any_encoding(encoding: str) -> None:
    with capturing(encoding) as read:
        print_json({"text": "MAA → São Tomé, 日"})
        assert json.loads(read()) == {"text": "MAA → São Tomé, 日"}


def test_a_closed_stdout_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    write_any_character()
