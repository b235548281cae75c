"""The grammar of consent: only a whole, plain yes consents."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consent.grammar import Kind, grammar_for
from consent.reading import Reading, classify, consenting_phrases, is_thanks
from tests.unit.consent.replies import ENGLISH, HINDI, rows

pytestmark = pytest.mark.unit

QUESTION = "Chennai to Delhi on Friday the fourth, for one, in economy: five thousand rupees. Shall I?"
AFFIRMATIONS = [reply for reply, kinds in rows(ENGLISH) if kinds == {Kind.AFFIRM}]
OTHERS = [reply for reply, kinds in rows(ENGLISH) if Kind.AFFIRM not in kinds]
NEUTRAL = {"um", "er, well", "yes -"}
WORDS = sorted({word for reply, _ in rows(ENGLISH) for word in reply.lower().replace(",", "").split()})


def kind_of(reply: str, question: str = QUESTION, locale: str = "en-IN") -> Kind:
    return classify(reply, locale, question).kind


@pytest.mark.parametrize(("reply", "kinds"), rows(ENGLISH))
def test_an_english_reply_has_its_kind(reply: str, kinds: frozenset[Kind]) -> None:
    assert kind_of(reply) in kinds


@pytest.mark.parametrize(("reply", "kinds"), rows(HINDI))
def test_a_hindi_reply_has_its_kind(reply: str, kinds: frozenset[Kind]) -> None:
    assert kind_of(reply, "शुक्रवार को चेन्नई से दिल्ली। बुक करूँ?", "hi-IN") in kinds


def test_silence_and_other_languages_are_unclear() -> None:
    for reply in ("", " ", ".", "…"):
        assert classify(reply, "en", QUESTION) == Reading(Kind.UNCLEAR, "")
    for locale in ("ta-IN", "", "../en", "x" * 300):
        assert kind_of("yes", locale=locale) is Kind.UNCLEAR


def test_an_agreement_answers_only_a_question_whether_something_is_right() -> None:
    assert kind_of("that's correct", "So two people on Friday. Is that right?") is Kind.AFFIRM
    assert kind_of("that's correct", "Is that right, and shall I book it?") is Kind.BACKCHANNEL
    assert kind_of("okay", "So two people on Friday. Is that right?") is Kind.BACKCHANNEL


def test_the_name_of_an_act_only_confirms_that_act() -> None:
    cancelling, changing = "The fee is ten euros. Shall I cancel it?", "Shall I change it?"
    assert kind_of("cancel it", cancelling) is Kind.AFFIRM
    assert kind_of("yes, go ahead", cancelling) is Kind.AFFIRM
    assert kind_of("keep it", cancelling) is Kind.DENY
    assert kind_of("cancel it") is Kind.DENY
    assert kind_of("change it", changing) is Kind.AFFIRM
    for question in (cancelling, changing):
        assert kind_of("book it", question) is not Kind.AFFIRM
    assert kind_of("change it") is not Kind.AFFIRM


def test_an_echo_of_the_question_is_no_consent() -> None:
    assert kind_of("book it or no", "Please say: book it or no.") is not Kind.AFFIRM
    assert kind_of("Go ahead", "It costs ten euros. Go ahead?") is Kind.UNCLEAR


def test_phrases_that_would_consent_are_found_in_a_text() -> None:
    assert not [*consenting_phrases(QUESTION, "en")]
    assert "book it" in [*consenting_phrases("Two people. Shall I book it?", "en")]


@pytest.mark.parametrize("reply", ["thanks", "thank you so much", "okay, thank you", "thanks, bye"])
def test_thanks_are_recognised(reply: str) -> None:
    assert is_thanks(reply, "en")
    assert kind_of(reply) is Kind.BACKCHANNEL


@pytest.mark.parametrize("reply", ["thanks, but no", "thanks?", "okay", "no thanks", "yes, thank you", ""])
def test_other_words_are_no_thanks(reply: str) -> None:
    assert not is_thanks(reply, "en")


@given(st.sampled_from(AFFIRMATIONS), st.sampled_from(OTHERS), st.booleans())
def test_a_yes_with_anything_else_is_no_consent(yes: str, other: str, first: bool) -> None:
    # Acknowledgements, thanks and hesitations around a yes don't qualify it.
    if kind_of(other) is not Kind.BACKCHANNEL and other not in NEUTRAL:
        assert kind_of(f"{yes}, {other}" if first else f"{other}, {yes}") is not Kind.AFFIRM


@given(st.sampled_from(AFFIRMATIONS), st.lists(st.sampled_from(WORDS), max_size=3), st.integers(0, 8))
def test_a_word_that_the_grammar_does_not_know_is_never_skipped(
    yes: str, words: list[str], place: int
) -> None:
    said = [*yes.split(), *words]
    said.insert(place, "banana")
    assert kind_of(" ".join(said)) is not Kind.AFFIRM


@given(st.text(max_size=300))
@example("yes " * 75)
@example("no i don't " * 20)
def test_any_text_has_a_reading(text: str) -> None:
    reading = classify(text, "en", QUESTION)
    assert reading.kind in Kind
    assert reading.kind is not Kind.AFFIRM or set(reading.matched.split()) <= affirming_words()


def affirming_words() -> set[str]:
    grammar = grammar_for("en")
    assert grammar is not None
    return {
        word
        for rule in grammar.rules
        if rule.kind is Kind.AFFIRM
        for step in rule.steps
        for phrases in step.phrases.values()
        for phrase in phrases
        for word in phrase
    }


def test_the_longest_utterance_is_read_in_a_moment() -> None:
    began = perf_counter()
    for text in ("yes go ahead " * 1600, "no i don't want it " * 1000, "can you make it " * 1200):
        classify(text, "en", QUESTION)
    assert perf_counter() - began < 1


def test_the_english_grammar_is_reviewed_and_the_hindi_one_is_not() -> None:
    english, hindi = grammar_for("en-GB"), grammar_for("hi")
    assert english is not None
    assert hindi is not None
    assert (english.reviewed, hindi.reviewed) == (True, False)
    assert (english.version, hindi.version) == ("en-1", "hi-1")
