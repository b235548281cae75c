"""Places are found in transcripts, and only where one was named."""

from __future__ import annotations

from itertools import pairwise

import pytest

from services.flightdata.places import annotate

pytestmark = pytest.mark.unit

HEARINGS = {
    "Show me flights from chinai to deli to Mara morning": ["MAA", "DEL"],
    "I want to fly the cochi": ["COK"],
    "I want to flight a Chennai": ["MAA"],
    "I want to flight a lookno": ["LKO"],
    "I want to fly to Bangaloreo": ["BLR"],
    "I want to fly to Bangaloreu": ["BLR"],
    "I want to fly to mum by": ["BOM"],
    "I want to fly to Lumbai": ["BOM"],
    "I want to fly through the ninth a-pan": ["TRV"],
    "mum by": ["BOM"],
    "no, mum by": ["BOM"],
    "flights to chinna on Friday": ["MAA"],
    "I want to fly to go hotty": ["GAU"],
    "I want to fly to call caught up": ["CCU"],
    "You flights from deli to Lumbai": ["DEL", "BOM"],
    "Book me a flight to luck now for two people": ["LKO"],
    "I want to fly to Udayport": ["UDR"],
    "from Birmingham to Vishaka Putnam please": ["BHX", "VTZ"],
    "I'd like to go from Paris to Lyon next week.": ["PAR", "LYS"],
    "Show me flights from Manchester to Kuwait tomorrow morning.": ["MAN", "KWI"],
    "What flights are there to Bali tomorrow?": ["DPS"],
    "You'd aye for to Athens, please.": ["UDR", "ATH"],
    "You captioned Berg to Nantucket.": ["SVX", "ACK"],
    "Sharjah Terome, please.": ["SHJ", "ROM"],
    "Any flights out of Kewiabah this evening.": ["CGB"],
    "Where is Kagashima Airport?": ["KOJ"],
    "Show me flights from Vedotera to Rio de Janeiro tomorrow morning": ["BDQ", "RIO"],
}
"""Transcripts of the offline recogniser, with the places meant."""

NAMED = {
    "M A A": ["MAA"],
    "from mike alpha alpha to D E L": ["MAA", "DEL"],
    "maa to del": ["MAA", "DEL"],
    "FLIGHTS FROM MAA TO DEL": ["MAA", "DEL"],
    "flights from LHR to JFK on the ninth": ["LHR", "JFK"],
    "no, Mumbai": ["BOM"],
    "what about New Delhi": ["DEL"],
    "flights to Nice in May": ["NCE"],
    "Nice": ["NCE"],
    "to Split": ["SPU"],
    "a flight from Cork to Bath": ["ORK"],
    "London": ["LON"],
    "Zürich nach München": ["ZRH", "MUC"],
    "from Bombay to Calcutta via Madras": ["BOM", "CCU", "MAA"],
    "Ho Chi Minh City to Kuala Lumpur": ["SGN", "KUL"],
    "from Heathrow to Charles de Gaulle": ["LHR", "CDG"],
    "does Pondicherry have an airport": ["PNY"],
    "from Singapore to Kuwait": ["SIN", "KWI"],
    "is there anything to New York or Washington DC": ["NYC", "WAS"],
    "I said Palm Springs": ["PSP"],
    "to Las Palmas de Gran Canaria": ["LPA"],
}

NO_PLACE = [
    "is AI 542 on time",
    "Is I five for two on time?",
    "yes please",
    "the second one",
    "what about the evening",
    "no, nonstop only",
    "thank you, bye",
    "may I",
    "book it",
    "cheapest",
    "can you hear me",
    "I want to book a flight",
    "I want to call you back",
    "what can you do",
    "for two people",
    "in May",
    "the first one please",
    "show me the cheapest",
    "tomorrow morning",
    "to Mara morning",
    "I need a moment",
    "how long does it take",
    "that's nice",
    "can you repeat that",
    "What is the status of flight AI 542?",
    "I would like to fly in the morning",
    "I want to go home",
    "on the ninth of May",
    "make it nonstop",
    "I'm traveling with my wife",
    "reading is hard",
    "can I bring a bag",
    "You",
    "never mind",
    "tell me a joke",
    "what's the weather like",
    "the big one",
    "how much luggage can I carry",
    "do I need a visa for Thailand",
    "are there flights to India",
    "I would rather have a pizza",
    "merry christmas",
    "",
    "?!",
    "12345 678",
    "दिल्ली",
]


def _codes(text: str, **context: str) -> list[str]:
    return [found.resolution.candidates[0].place.code for found in annotate(text, **context)]


@pytest.mark.parametrize(("heard", "meant"), HEARINGS.items())
def test_garbled_names_are_found_in_real_transcripts(heard: str, meant: list[str]) -> None:
    assert _codes(heard) == meant


@pytest.mark.parametrize(("said", "meant"), NAMED.items())
def test_names_codes_and_aliases_are_found_as_they_stand(said: str, meant: list[str]) -> None:
    found = _codes(said)
    assert [code for code in found if code in meant] == meant


@pytest.mark.parametrize("text", NO_PLACE)
def test_nothing_is_found_where_no_place_is_named(text: str) -> None:
    assert _codes(text) == []


@pytest.mark.parametrize(
    "heard",
    ["I want to fly to Tyrone and to Purim", "fly to hoe-kind men's city", "flights from a crot to Delhi"],
)
def test_a_name_garbled_beyond_recognition_is_not_confident(heard: str) -> None:
    assert not annotate(heard)[0].resolution.confident


@pytest.mark.parametrize(
    "text",
    [
        "change it to Delhi",
        "let's go to Delhi",
        "take me to Delhi",
        "I prefer to fly to Delhi",
        "a direct one to Delhi",
        "is there a bus to Delhi",
    ],
)
def test_everyday_words_before_a_destination_are_no_origin(text: str) -> None:
    assert _codes(text) == ["DEL"]


@pytest.mark.parametrize("text", ["You'd aye for to Athens, please", "Sharjah Terome, please"])
def test_a_place_from_grammar_alone_is_not_confident(text: str) -> None:
    assert sorted(found.resolution.confident for found in annotate(text)) == [False, True]


def test_a_code_that_is_also_a_citys_name_has_both_as_candidates() -> None:
    first, second = annotate("flights from GOA to FCO")
    assert [candidate.place.code for candidate in first.resolution.candidates] == ["GOA", "GOI"]
    assert not first.resolution.confident
    assert second.resolution.confident


def test_spans_count_code_points_of_the_text_as_it_was_given() -> None:
    text = "😀 show me flights from Zürich to deli, please"
    spans = annotate(text)
    assert [text[found.start : found.end] for found in spans] == ["Zürich", "deli"]
    assert [found.text for found in spans] == ["Zürich", "deli"]


def test_annotations_stand_in_order_and_do_not_overlap() -> None:
    found = annotate(
        "from Delhi to Mumbai or New York or San Francisco to Salt Lake City and Ho Chi Minh City"
    )
    assert [a.end <= b.start for a, b in pairwise(found)] == [True] * (len(found) - 1)
    assert len(found) == 6


def test_a_longer_name_beats_the_shorter_one_inside_it() -> None:
    assert _codes("flights to New York") == ["NYC"]
    assert _codes("flights to York Newcastle") != ["NYC"]


def test_ten_thousand_characters_take_no_longer_than_a_breath() -> None:
    found = annotate("fly from chinai to deli and then " * 300)
    assert 0 < len(found) <= 120


def test_places_of_the_callers_own_country_are_likelier() -> None:
    assert _codes("I want to fly to Birmingham") == ["BHX"]
    assert _codes("I want to fly to Birmingham", home_country="US") == ["BHM"]
