"""What people do with words besides asking for flights: greet, agree, refuse, take leave, ask again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Acts:
    """The acts an utterance opens with, in order and as named in `data/cues.json`, and the words that are left."""

    names: tuple[str, ...]
    rest: str

    def __contains__(self, name: str) -> bool:
        """Whether the utterance opens with this act."""
        return name in self.names


def plain_words(text: str) -> str:
    """Lower-case `text` as words with single spaces: no punctuation but apostrophes and hyphens."""
    return " ".join(re.findall(r"[a-z0-9]+(?:['-][a-z0-9]+)*", text))


@cache
def _cues() -> Mapping[str, tuple[re.Pattern[str], ...]]:
    """The ways to say each act, from `data/cues.json`."""
    listed = json.loads(
        resources.files("agent.language.en").joinpath("data/cues.json").read_text(encoding="utf-8")
    )
    return {
        name: tuple(re.compile(rf"(?:{words})(?= |$)") for words in alternatives)
        for name, alternatives in listed.items()
    }


def _taken(name: str, words: str) -> int:
    """How many characters of the beginning of `words` the cue takes at most; 0 for none."""
    return max((match.end() for cue in _cues()[name] if (match := cue.match(words))), default=0)


_ACTS = ("goodbye", "repeat", "help", "deny", "affirm", "greeting", "thanks", "more", "way_back")
_ONLY_ALONE = frozenset({"repeat", "help", "more", "way_back"})
"""Acts that are meant only when nothing else follows: "more expensive seats" is not a wish for more."""


def acts_of(text: str) -> Acts:
    """Peels acts and fillers off the beginning of lower-case `text`."""
    names: list[str] = []
    words = plain_words(text)
    while words:
        name, length = max(((name, _taken(name, words)) for name in _ACTS), key=lambda taken: taken[1])
        filler = _taken("fillers", words)
        if length >= max(filler, 1) and not (name in _ONLY_ALONE and _more_follows(words[length:])):
            names.append(name)
        elif filler:
            length = filler
        else:
            break
        words = words[length:].strip()
    return Acts(tuple(names), words)


def _more_follows(words: str) -> bool:
    """Whether something of substance comes after an act."""
    return bool(acts_of(words).rest)


def opens_with(name: str, text: str) -> bool:
    """Whether lower-case `text` opens with this cue, politeness aside."""
    words = plain_words(text)
    while words and not _taken(name, words):
        politeness = _taken("fillers", words) or _taken("affirm", words)
        if not politeness:
            return False
        words = words[politeness:].strip()
    return bool(words)
