"""Tokens, the table of names, and the bonuses in the trie."""

from __future__ import annotations

import pytest

from agent.language.hearing import Expected
from agent.language.meanings import Expectation
from agent.speech.known_names import Kind, Name, all_names, names_for
from agent.speech.moonshine_engine import MODEL
from agent.speech.moonshine_tokenizer import END, Tokenizer
from agent.speech.name_trie import BIASES, OUTSIDE, Bias, NameTrie

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(MODEL / "tokenizer.bin")


@pytest.mark.parametrize("text", ["Flights from Chennai to Delhi.", "6E 201", "Zürich", "O'Hare", "日本"])
def test_tokens_decode_to_their_text(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_only_spaces_punctuation_and_the_end_finish_a_word(tokenizer: Tokenizer) -> None:
    finishes = tokenizer.ends_word
    assert finishes[END]
    assert finishes[tokenizer.encode("Delhi")[0]]
    assert finishes[tokenizer.encode("Delhi.")[-1]]
    assert not finishes[tokenizer.encode("Delhi's")[-2]]
    assert not finishes[tokenizer.encode("Chennai")[1]]


def test_the_table_has_the_tokens_of_the_installed_model(tokenizer: Tokenizer) -> None:
    stale = [name.text for name in all_names()[::50] if list(name.tokens) != tokenizer.encode(name.text)]
    assert not stale
    assert all(len(name.tokens) == len(name.log_probabilities) for name in all_names())


def _texts(expected: Expected, kind: Kind = Kind.PLACE) -> set[str]:
    return {name.text for name in names_for(expected) if name.kind is kind}


def test_small_towns_are_known_to_callers_from_their_country_only() -> None:
    abroad, home = _texts(Expected()), _texts(Expected(country="IN"))
    assert {"London", "Chennai"} <= abroad & home
    assert "Jagdalpur" in home - abroad


def test_mentioned_places_are_known_and_the_offered_ones_alone_after_a_question() -> None:
    mentioned = frozenset({"JGB", "MAA"})
    assert {"Jagdalpur", "London"} <= _texts(Expected(mentioned=mentioned))
    assert _texts(Expected(mentioned=mentioned, only_mentioned=True)) == {"Jagdalpur", "Chennai", "Madras"}


def test_answers_are_known_only_to_a_yes_no_question() -> None:
    assert not _texts(Expected(), Kind.YES_NO)
    assert "Yes" in _texts(Expected(Expectation.YES_NO), Kind.YES_NO)


def _name(text: str, popularity: float, tokens: tuple[int, ...], log_ps: tuple[float, ...]) -> Name:
    return Name(Kind.PLACE, text, text.upper(), "IN", popularity, tokens, log_ps)


def test_a_whole_name_gets_its_share_of_the_internal_model_and_its_popularity() -> None:
    assert Bias(0.5, 2.0, 1.5).of(_name("pune", 0.75, (7, 8), (-6.0, -4.0))) == pytest.approx((3.0, 3.0))


def test_a_node_pays_as_much_as_the_best_name_below_it() -> None:
    trie = NameTrie(
        [_name("pune", 1.0, (7, 8), (-6.0, -4.0)), _name("puno", 0.0, (7, 9), (-6.0, -9.0))],
    )
    bias = BIASES[Kind.PLACE]
    root = trie.roots[Kind.PLACE]
    first = int(root.nodes[0])
    assert list(root.tokens) == [7]
    assert trie.bonuses[OUTSIDE] == 0
    assert trie.bonuses[first] == pytest.approx(6 * bias.internal)
    ended = trie.ended[trie.children[first][8]]
    assert ended is not None
    assert ended[0] == pytest.approx(10 * bias.internal - bias.threshold)
    assert trie.ended[first] is None


def test_of_two_cities_with_one_name_the_better_paid_one_is_kept() -> None:
    small, large = _name("a", 0.1, (7,), (-6.0,)), _name("b", 0.9, (7,), (-6.0,))
    for names in ([small, large], [large, small]):
        ended = NameTrie(names).ended[1]
        assert ended is not None
        assert ended[1] is large
