"""Grammars of consent, read from `grammars/` and compiled once."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = frozenset({"en", "hi"})
"""Languages with a grammar, as BCP 47 primary tags."""
MAX_WORDS = 20
"""Most words of an utterance that a rule consumes. A longer one isn't a plain answer."""
_ALTERNATIVES = re.compile(r"\(([^()]*)\)")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "-": " ", "‑": " ", "–": " "})
_PUNCTUATION = re.compile(r"[.,!?;:\"“”…।]+")

Words = tuple[str, ...]


class Kind(StrEnum):
    """Kind of an answer to a question for consent."""

    AFFIRM = "affirm"
    """A plain yes. The only kind that consents."""
    DENY = "deny"
    CHANGE = "change"
    """Another wish, or a yes with a detail that the question doesn't have."""
    CONDITIONAL = "conditional"
    QUESTION = "question"
    BACKCHANNEL = "backchannel"
    """An acknowledgement such as "okay", or thanks. It may answer nothing."""
    UNCLEAR = "unclear"


class Subject(StrEnum):
    """Subject of a question for consent."""

    BOOK = "book"
    CANCEL = "cancel"
    CHANGE = "change"
    RIGHT = "right"
    """It only asks whether something is right. An agreement answers it, such as "that's correct"."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a rule."""

    phrases: Mapping[str, Sequence[Words]]
    """Its phrases by their first word."""
    optional: bool
    repeated: bool

    @classmethod
    def of(cls, text: str, sets: Mapping[str, Sequence[Words]]) -> Step:
        """Compile a step such as `yes|act+` from sets of phrases."""
        names = text.rstrip("?*+")
        by_first: dict[str, list[Words]] = {}
        for phrase in dict.fromkeys(phrase for name in names.split("|") for phrase in sets[name]):
            by_first.setdefault(phrase[0], []).append(phrase)
        return cls(by_first, text[-1] in "?*", text[-1] in "*+")


@dataclass(frozen=True, slots=True)
class Rule:
    """Steps that consume whole utterances of one kind."""

    kind: Kind
    subjects: frozenset[Subject]
    """Subjects of the questions for which it holds; empty for all."""
    steps: Sequence[Step]

    def consumes(self, words: Words) -> bool:
        """Return whether the steps consume all words, in time linear in their number."""
        return len(words) <= MAX_WORDS and _consume(self.steps, words)


@dataclass(frozen=True, slots=True)
class Grammar:
    """The grammar of one language."""

    version: str
    reviewed: bool
    """True if a native speaker has checked it."""
    subjects: Mapping[Subject, re.Pattern[str]]
    rules: Sequence[Rule]
    thanks: Rule
    cues: Sequence[tuple[Kind, re.Pattern[str]]]

    def subject_of(self, question: str) -> Subject:
        """Return the subject of a question, from its last two sentences; `BOOK` if no pattern is found."""
        sentences = re.split(r"(?<=[.?!।])\s+", normalised(question, keep_punctuation=True))
        asked = " ".join(sentences[-2:])
        return next((name for name, pattern in self.subjects.items() if pattern.search(asked)), Subject.BOOK)


def grammar_for(locale: str) -> Grammar | None:
    """Return the grammar of a BCP 47 tag such as "en-IN"; None if its language has none."""
    language = locale.partition("-")[0].lower()
    return _grammar(language) if language in LANGUAGES else None


@cache
def _grammar(language: str) -> Grammar:
    file = resources.files("consent.grammars").joinpath(f"{language}.json")
    return _compiled(json.loads(file.read_text("utf-8")))


def normalised(text: str, *, keep_punctuation: bool = False) -> str:
    """Return text in lower case with plain apostrophes, single spaces and no punctuation."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_QUOTES)
    return " ".join((plain if keep_punctuation else _PUNCTUATION.sub(" ", plain)).split())


def _compiled(data: Mapping[str, Any]) -> Grammar:
    sets = {name: [*_expanded(phrases)] for name, phrases in data["phrases"].items()}

    def steps(texts: Sequence[str]) -> Sequence[Step]:
        return [Step.of(text, sets) for text in texts]

    return Grammar(
        version=data["version"],
        reviewed=data["reviewed"],
        subjects={Subject(name): re.compile(pattern) for name, pattern in data["subjects"].items()},
        rules=[
            Rule(Kind(rule["kind"]), frozenset(map(Subject, rule.get("asks", ()))), steps(rule["steps"]))
            for rule in data["rules"]
        ],
        thanks=Rule(Kind.BACKCHANNEL, frozenset(), steps(data["thanks"])),
        cues=[(Kind(cue["kind"]), re.compile(cue["pattern"])) for cue in data["cues"]],
    )


def _expanded(phrases: Sequence[str]) -> Iterator[Words]:
    """Yield the words of every phrase that the notation `(a|b|)` stands for."""
    for phrase in phrases:
        if innermost := _ALTERNATIVES.search(phrase):
            before, after = phrase[: innermost.start()], phrase[innermost.end() :]
            yield from _expanded([before + choice + after for choice in innermost[1].split("|")])
        else:
            yield tuple(normalised(phrase).split())


def _consume(steps: Sequence[Step], words: Words) -> bool:
    """Follow every way through the steps; each state is visited once."""
    states, visited = [(0, 0, False)], set[tuple[int, int, bool]]()
    while states:
        state = states.pop()
        if state in visited:
            continue
        visited.add(state)
        place, index, taken = state
        if index == len(steps):
            if place == len(words):
                return True
            continue
        step = steps[index]
        if step.optional or taken:
            states.append((place, index + 1, False))
        if place < len(words) and (step.repeated or not taken):
            states += [
                (place + len(phrase), index, True)
                for phrase in step.phrases.get(words[place], ())
                if words[place : place + len(phrase)] == phrase
            ]
    return False
