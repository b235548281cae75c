"""Reading of an utterance as the answer to a question for consent.

A consent is a whole utterance that the grammar's rules consume, word by word. An unknown word, a question
mark or a break at the end makes it something else. Cues only tell the other kinds apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from consent.grammar import MAX_WORDS, Grammar, Kind, Subject, grammar_for, normalised

MAX_CUE_LENGTH = 400
"""Length in characters of the beginning of an utterance in which cues are searched."""
_BREAK = re.compile(r"(\.\.\.|…|[-–—,])\s*$")
"""The speaker stopped in the middle of a sentence."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Kind of an utterance, and the words that show it."""

    kind: Kind
    matched: str
    """The whole utterance for kinds that a rule consumed, else the cue; empty for `UNCLEAR`."""


def classify(utterance: str, locale: str, question: str, subject: Subject | None = None) -> Reading:
    """Read an utterance as the answer to a question.

    Args:
        locale: BCP 47 tag of the question's language. An answer in another language is unclear.
        question: the question that was asked, with everything read out before it.
        subject: what the question asks for; None to find it in the question.
    """
    grammar, text = grammar_for(locale), normalised(utterance)
    if grammar is None or not text or _repeats(text, question):
        return Reading(Kind.UNCLEAR, "")
    asks_back = re.search(r"[?？]", utterance) is not None
    if not asks_back:
        subject, words = subject or grammar.subject_of(question), tuple(text.split())
        for rule in grammar.rules:
            if (not rule.subjects or subject in rule.subjects) and rule.consumes(words):
                broken_off = rule.kind is Kind.AFFIRM and _BREAK.search(utterance)
                return Reading(Kind.UNCLEAR, "") if broken_off else Reading(rule.kind, text)
    return _cued(grammar, text[:MAX_CUE_LENGTH], asks_back=asks_back)


def is_thanks(utterance: str, locale: str) -> bool:
    """Return whether an utterance only thanks, perhaps with a goodbye."""
    grammar = grammar_for(locale)
    words = tuple(normalised(utterance).split())
    return grammar is not None and "?" not in utterance and grammar.thanks.consumes(words)


def consenting_phrases(text: str, locale: str) -> Iterator[str]:
    """Yield the phrases in a text that would consent if a microphone picked them up.

    A text that is read out before a question for consent must have none.
    """
    words = normalised(text).split()
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + MAX_WORDS) + 1):
            phrase = " ".join(words[start:end])
            if classify(phrase, locale, "").kind is Kind.AFFIRM:
                yield phrase


def _repeats(text: str, question: str) -> bool:
    """Return whether an utterance repeats the last sentence of the question, as an echo does."""
    sentences = [normalised(sentence) for sentence in re.split(r"[.?!।]", question)]
    last = next((sentence for sentence in reversed(sentences) if sentence), "")
    return text == last


def _cued(grammar: Grammar, text: str, *, asks_back: bool) -> Reading:
    for kind, pattern in grammar.cues:
        if found := pattern.search(text):
            return Reading(kind, found[0].strip())
    return Reading(Kind.QUESTION if asks_back else Kind.UNCLEAR, "")
