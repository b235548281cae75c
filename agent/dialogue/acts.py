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
def cues() -> Mapping[str, re.Pattern[str]]:
    """One pattern an act, from `data/cues.json`; each matches whole words at the beginning of what is left."""
    listed = json.loads(resources.files("agent.dialogue").joinpath("data/cues.json").read_text(encoding="utf-8"))
    return {name: re.compile(rf"(?:{'|'.join(patterns)})(?= |$)") for name, patterns in listed.items()}


_ACTS = ("goodbye", "repeat", "help", "deny", "affirm", "greeting", "thanks", "more", "way_back")
# "More expensive seats" is not a wish for more; these count only when nothing but politeness follows.
_ONLY_ALONE = frozenset({"repeat", "help", "more", "way_back"})


def _longest(words: str) -> tuple[str, int]:
    """The act that takes most of the beginning of `words`, and how many characters; ("", 0) for none."""
    matches = [(name, match.end()) for name in _ACTS if (match := cues()[name].match(words))]
    return max(matches, key=lambda match: match[1], default=("", 0))


def acts_of(text: str) -> Acts:
    """Peels acts and fillers off the beginning of lower-case `text`."""
    names: list[str] = []
    words = plain_words(text)
    while words:
        name, length = _longest(words)
        if length and not (name in _ONLY_ALONE and _more_follows(words[length:])):
            names.append(name)
            words = words[length:].strip()
        elif (filler := cues()["fillers"].match(words)) and filler.end() > length:
            words = words[filler.end() :].strip()
        else:
            break
    return Acts(tuple(names), words)


def _more_follows(words: str) -> bool:
    """Whether something of substance comes after an act."""
    return bool(acts_of(words).rest)


def opens_with(name: str, text: str) -> bool:
    """Whether lower-case `text` opens with this cue, politeness aside."""
    words = plain_words(text)
    while words:
        if cues()[name].match(words):
            return True
        filler = cues()["fillers"].match(words) or cues()["affirm"].match(words)
        if not filler:
            return False
        words = words[filler.end() :].strip()
    return False
