"""Sample conversations: two sides in turn, varied, with the text length that the aims assume."""

from __future__ import annotations

import statistics
import zlib
from itertools import islice

import pytest
from readback.conversation.v1 import entry_pb2

from bench.transcript_log.load.sample_turns import TURNS, sample_turns
from bench.transcript_log.measurements.byte_sizes import text_bytes

pytestmark = pytest.mark.unit


def talk(seed: int) -> list[str]:
    return [turn.text for turn in islice(sample_turns(seed), TURNS)]


def test_a_seed_gives_the_same_conversation_again() -> None:
    assert talk(3) == talk(3)
    assert talk(3) != talk(4)


def test_sides_take_turns_and_the_customer_begins() -> None:
    speakers = [turn.speaker for turn in islice(sample_turns(0), TURNS)]
    assert speakers == [entry_pb2.SPEAKER_CUSTOMER, entry_pb2.SPEAKER_AGENT] * (TURNS // 2)


def test_a_turn_has_about_82_bytes_of_text() -> None:
    assert 78 <= statistics.fmean(len(text.encode()) for seed in range(100) for text in talk(seed)) <= 86


def test_phrases_hardly_repeat_in_a_conversation() -> None:
    assert all(len(set(talk(seed))) >= TURNS - 3 for seed in range(50))


def test_a_conversation_compresses_no_better_than_english() -> None:
    # English prose compresses to about 0.45; text from a few templates, to half of that.
    for seed in range(20):
        words = "\n".join(talk(seed)).encode()
        assert len(zlib.compress(words)) / len(words) >= 0.40


def test_no_placeholder_is_left_unfilled() -> None:
    assert not any("{" in text or "}" in text for seed in range(50) for text in talk(seed))


def test_text_is_counted_in_bytes_not_characters() -> None:
    assert text_bytes(2) == sum(len(text.encode()) for seed in (0, 1) for text in talk(seed))
