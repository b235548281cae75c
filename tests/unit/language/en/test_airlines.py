"""Wanted airlines are distinguished from rejected ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.language.en.airlines import alliance_of, find_airlines
from agent.language.meanings import AirlineWish

pytestmark = pytest.mark.unit


def wish(text: str) -> AirlineWish:
    return find_airlines(text)[0]


@pytest.mark.parametrize(
    "words",
    [
        "no air india",
        "not air india",
        "not with air india",
        "not the air india one",
        "anything but air india",
        "anything except air india",
        "except air india",
        "excluding air india",
        "without air india",
        "avoid air india",
        "other than air india",
        "a different airline than air india",
        "i don't want air india",
        "i do not want to fly with air india",
        "i'd rather not fly air india",
        "please don't show me air india flights",
        "no more air india",
        "no flights with air india",
        "never air india",
        "i hate air india",
        "i don't like air india",
        "show me non-air india flights",
        "nothing on air india",
        "can you remove air india",
        "everything except for air india",
    ],
)
def test_a_rejected_airline_is_not_wanted(words: str) -> None:
    assert wish(words) == AirlineWish(unwanted=("AI",))


@pytest.mark.parametrize(
    "words",
    ["air india", "only air india", "with air india", "no, air india", "why not air india", "hasn't the "
    "air india flight landed",
     "is the air india flight not on time", "no problem with air india"],
)  # fmt: skip
def test_an_airline_named_is_wanted(words: str) -> None:
    assert wish(words) == AirlineWish(wanted=("AI",))


@pytest.mark.parametrize(
    ("words", "wanted", "unwanted"),
    [
        ("indigo or vistara", ("6E", "UK"), ()),
        ("either with indigo or with vistara", ("6E", "UK"), ()),
        ("indigo, vistara or air india", ("6E", "UK", "AI"), ()),
        ("only indigo and vistara", ("6E", "UK"), ()),
        ("neither indigo nor air india", (), ("6E", "AI")),
        ("no indigo or air india", (), ("6E", "AI")),
        ("without indigo, vistara or air india", (), ("6E", "UK", "AI")),
        ("not indigo, vistara", ("UK",), ()),
        ("not indigo but vistara", ("UK",), ()),
        ("vistara instead of indigo", ("UK",), ()),
        ("instead of indigo, vistara", ("UK",), ()),
        ("indigo, but no air india", ("6E",), ("AI",)),
        ("indigo no sorry not indigo", (), ("6E",)),
    ],
)
def test_several_airlines_are_wanted_or_rejected(
    words: str, wanted: tuple[str, ...], unwanted: tuple[str, ...]
) -> None:
    assert wish(words) == AirlineWish(wanted, unwanted)


@pytest.mark.parametrize(
    "words",
    ["any airline", "any other airline is fine", "all airlines", "other airlines",
     "the airline doesn't matter",
     "i don't care which airline",
     "never mind the airline", "no airline preference", "not only indigo"],
)  # fmt: skip
def test_any_airline_withdraws_wishes(words: str) -> None:
    assert wish(words) == AirlineWish(any_airline=True)


def test_any_airline_but_one_is_both() -> None:
    assert (
        wish("any airline but indigo")
        == wish("any airline except indigo")
        == AirlineWish(unwanted=("6E",), any_airline=True)
    )


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["not", "no", "indigo", "air india", "or", ",", "but", "any airline", "without"]),
        max_size=12,
    )
)
def test_no_airline_is_both_wanted_and_rejected(words: list[str]) -> None:
    found = wish(" ".join(words))
    assert not set(found.wanted) & set(found.unwanted)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("with american", "AA"),
        ("on an american flight", "AA"),
        ("on british airways", "BA"),
        ("alaska airlines", "AS"),
        ("a norwegian flight", "DY"),
        ("with tap", "TP"),
        ("on lot", "LO"),
        ("frontier airlines please", "F9"),
        ("with spirit, please", "NK"),
        ("on icelandair", "FI"),
    ],
)
def test_an_airline_is_known_by_its_common_names(words: str, code: str) -> None:
    assert wish(words) == AirlineWish(wanted=(code,))


@pytest.mark.parametrize(
    "words",
    ["to alaska", "my american express card", "the american one", "with a lot of bags", "in good spirit"],
)
def test_a_short_name_with_another_meaning_is_no_airline(words: str) -> None:
    assert wish(words) == AirlineWish()


def test_an_alliance_means_its_airlines_and_is_told_by_its_name() -> None:
    wanted = wish("a star alliance flight").wanted
    assert {"AI", "LH", "UA"} <= set(wanted)
    assert alliance_of(wanted) == "Star Alliance"
    assert alliance_of(("AI", "LH")) is None
    assert set(wish("with oneworld or sky team").wanted) >= {"BA", "AF"}
