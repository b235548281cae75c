"""Output survives terminals whose encoding lacks its characters."""

from __future__ import annotations

import io
import json
import sys

import pytest

from cli.rendering.any_encoding import print_json, write_any_character

pytestmark = pytest.mark.unit


@pytest.fixture(params=["ascii", "latin-1", "utf-8"])
def stdout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.TextIOWrapper:
    """A stdout with an encoding, as `readback` sets it up."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=request.param)
    monkeypatch.setattr(sys, "stdout", stream)
    write_any_character()
    return stream


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(stream.encoding)


def test_a_character_that_the_encoding_lacks_is_replaced_by_a_similar_one(stdout: io.TextIOWrapper) -> None:
    print("MAA → DEL … “São Tomé” ✓ 日", end="")
    assert written(stdout) == {
        "ascii": 'MAA -> DEL ... "Sao Tome" + ?',
        "latin-1": 'MAA -> DEL ... "São Tomé" + ?',
        "utf-8": "MAA → DEL … “São Tomé” ✓ 日",
    }.get(stdout.encoding)


def test_half_of_a_character_from_an_argument_is_replaced_in_every_encoding(
    stdout: io.TextIOWrapper,
) -> None:
    print("Del\udcffhi", end="")
    assert written(stdout) == "Del?hi"


def test_json_loses_nothing_in_any_encoding(stdout: io.TextIOWrapper) -> None:
    print_json({"text": "MAA → São Tomé, 日"})
    assert json.loads(written(stdout)) == {"text": "MAA → São Tomé, 日"}


def test_a_closed_stdout_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    write_any_character()
