"""Titles in the customer's own words."""

from __future__ import annotations

import pytest

from services.conversation.log.titles import MAX_LENGTH, title_from

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("said", "title"),
    [
        (
            "Show me flights from Chennai to Delhi tomorrow morning.",
            "Show me flights from Chennai to Delhi tomorrow morning",
        ),
        ("Hello there, is AI 542 on time?", "Is AI 542 on time"),
        ("um, can you please find me a flight to Goa", "Find me a flight to Goa"),
        ("I'd like to fly to Paris", "Fly to Paris"),
        ("hello", ""),
        ("Hi! Good morning.", ""),
        ("", ""),
        ("yes", ""),
        ("  flights   to\nGoa ", "Flights to Goa"),
        ("दिल्ली की उड़ानें दिखाओ", "दिल्ली की उड़ानें दिखाओ"),
        ("पक्\u200dकी बुकिंग", "पक्\u200dकी बुकिंग"),
        ("book\0 a flight", "Book a flight"),
        ("\0\0\0\0", ""),
        ("fly\x1b[31m to\u202e Goa\x85now", "Fly [31m to Goa now"),
    ],
)
def test_title_leaves_out_fillers(said: str, title: str) -> None:
    assert title_from(said) == title


def test_long_title_is_cut_between_words() -> None:
    title = title_from("flights " * 40)
    assert len(title) <= MAX_LENGTH
    assert title.endswith("flights…")


def test_one_endless_word_is_cut_too() -> None:
    assert len(title_from("a" * 10_000)) <= MAX_LENGTH
