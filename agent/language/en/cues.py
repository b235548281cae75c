"""Cue words: yes, no, greetings and other acts, the subject of a question, and topics out of scope.

The words are in `data/`: `yes_and_no`, `small_talk`, `refining`, `fillers`, `subjects` and `topics`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agent.language.en.data import load, patterns
from agent.language.meanings import Acts

_ACTS = ("goodbye", "repeat", "help", "deny", "affirm", "greeting", "thanks", "more", "way_back")
_ONLY_ALONE = frozenset({"repeat", "help", "more", "way_back"})
"""Acts that count only if no other words follow: "more expensive seats" doesn't ask for more flights."""


_CUES: Mapping[str, Sequence[re.Pattern[str]]] = {
    name: [re.compile(rf"(?:{words})(?= |$)") for words in alternatives]
    for group in ("yes_and_no", "small_talk", "refining", "fillers")
    for name, alternatives in load(group).items()
}


def plain_words(text: str) -> str:
    """Return the words of lower-case `text`, without punctuation except apostrophes and hyphens."""
    return " ".join(re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", text))


def _match_length(name: str, words: str) -> int:
    """Return the length of the longest match of a cue at the beginning of `words`, or 0."""
    return max((match.end() for cue in _CUES[name] if (match := cue.match(words))), default=0)


def acts_of(text: str) -> Acts:
    """Return the acts at the beginning of lower-case `text`, and the remaining words. Skip fillers."""
    names: list[str] = []
    words = plain_words(text)
    while words:
        name, length = max(((name, _match_length(name, words)) for name in _ACTS), key=lambda match: match[1])
        filler = _match_length("fillers", words)
        if length >= max(filler, 1) and not (name in _ONLY_ALONE and acts_of(words[length:]).rest):
            names.append(name)
        elif filler:
            length = filler
        else:
            break
        words = words[length:].strip()
    return Acts(tuple(names), words)


def opens_with(cue: str, text: str) -> bool:
    """Return whether lower-case `text` begins with this cue, ignoring fillers and words for yes before it."""
    words = plain_words(text)
    while words and not _match_length(cue, words):
        politeness = _match_length("fillers", words) or _match_length("affirm", words)
        if not politeness:
            return False
        words = words[politeness:].strip()
    return bool(words)


TOPICS, _SUBJECTS = patterns("topics"), patterns("subjects")


def topic_out_of_scope(text: str) -> str | None:
    """Return the name, in `data/topics.json`, of an out-of-scope topic in lower-case `text`, or None."""
    return next((name for name, pattern in TOPICS.items() if pattern.search(text)), None)


def speaks_of(subject: str, text: str) -> bool:
    """Return whether lower-case `text` contains words about a subject of `data/subjects.json`."""
    return bool(_SUBJECTS[subject].search(text))


_OTHER_COUNTRY_NAMES = load("countries")


def names_country(text: str, country: str, code: str) -> bool:
    """Return whether lower-case `text` names a country, or has another word for it: "the british one".

    `code` is ISO 3166-1.
    """
    names = [country.lower(), *_OTHER_COUNTRY_NAMES.get(code, ())]
    return any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)


_OPENINGS = re.compile(
    r"^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|namaste|ok(?:ay)?|yes|no|yeah|um+|uh+|er+|well|"
    r"so|please|(?:can|could) you(?: please)?|i(?:'d| would) like(?: you)? to|i want to|i need to|"
    r"there)\b[\s,.!?…-]*)+",
    re.IGNORECASE,
)


def without_opening(text: str) -> str:
    """Return `text`, for use as a title, without introductory words such as "hello, I'd like to"."""
    return _OPENINGS.sub("", text)
