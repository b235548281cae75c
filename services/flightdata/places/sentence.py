"""Cues that words are a place, for example a preceding "from" or "to", or no other words in the answer."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, cached_property
from pathlib import Path

from agent.language.en.ordinary_words import ORDINARY, frequency
from services.flightdata.places.text_keys import Word, key, phonemes

_CONTEXT_WORDS = Path(__file__).with_name("data") / "context_words.txt"
GARBLED_PREPOSITIONS = frozenset(
    ["the", "a", "an", "do", "two", "2", "too", "of", "through", "out", "are", "or", "at", "you", "de"]
)
"""Words that recognisers write in place of an unstressed "to" or "from", as in "flight a Chennai"."""
AIRPORT = frozenset({"airport", "airports"})
"""Words that can follow the name of a place, as in "Chennai airport"."""
OPENERS = frozenset({"how", "much", "is", "and", "then"})
"""Words, in addition to fillers, that may precede the first place, as in "how much is Chennai to Delhi"."""
_FLYING = "fly flying flies flight flights fare fares ticket tickets plane planes airport nonstop direct"
FLYING = frozenset(_FLYING.split())
"""Words that only a request for flights contains."""
DIRECTING = frozenset({"from", "to", "into", "towards", "toward", "via"})
"""Words directly before an origin or destination."""
ORDINARY_IN_PLACE, ORDINARY_IN_REQUEST = 4.0, 4.5
"""Frequencies from which a word isn't a garbled name after "to" or alone, and not part of one elsewhere."""
REACH = 4
"""Maximum number of words between "fly" and a "to" that announces a destination."""


@dataclass(frozen=True)
class ContextWords:
    """The words of a travel request that name no place, folded and grouped by their role.

    `decoys` are the keys of phrases that are often misheard as places. `decoy_sounds` are the phonemes of the
    decoys, in the same order.
    """

    time: frozenset[str]
    """Months, days and hours, which are never part of a place."""
    never: frozenset[str]
    """Words that never name a place on their own, even after "to". Includes `time`."""
    common: frozenset[str]
    """Everyday words, which name a place only next to a cue. Includes `never`."""
    slot: frozenset[str]
    travel: frozenset[str]
    filler: frozenset[str]
    decoys: tuple[str, ...]
    decoy_sounds: tuple[str, ...]


@cache
def context_words() -> ContextWords:
    """Return the words of `data/context_words.txt`, loaded on the first call."""
    sections: dict[str, list[str]] = defaultdict(list)
    section = ""
    for line in _CONTEXT_WORDS.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            sections[section].append(line)

    def folded(name: str) -> frozenset[str]:
        return frozenset(key(word) for line in sections[name] for word in line.split())

    decoys = tuple(key(line) for line in sections["decoy"])
    time, never = folded("time"), folded("time") | folded("never")
    return ContextWords(
        time=time,
        never=never,
        common=never | folded("everyday"),
        slot=folded("slot"),
        travel=folded("travel"),
        filler=folded("filler"),
        decoys=decoys,
        decoy_sounds=tuple(phonemes(d) for d in decoys),
    )


class Cue(IntEnum):
    """Strength of the cue that the surrounding words give for a place."""

    NONE = 0
    NEAR = 1
    SLOT = 2
    ALONE = 3


@dataclass(frozen=True)
class Sentence:
    """An utterance as words, with the grammatical cues for each position."""

    words: Sequence[Word]
    context: ContextWords

    def folded(self, start: int, end: int) -> str:
        """Return the lookup key of a window: its folded words without spaces."""
        return "".join(word.folded for word in self.words[start:end])

    def at(self, index: int) -> str:
        """Return the folded word at a position, or an empty string outside the sentence."""
        return self.words[index].folded if 0 <= index < len(self.words) else ""

    def cue(self, start: int, end: int) -> Cue:
        """Return the cue that the words around `words[start:end]` give for a place."""
        if self._alone(start, end):
            return Cue.ALONE
        before, further = self.at(start - 1), self.at(start - 2)
        if before in self.context.slot:
            return Cue.SLOT
        if before in GARBLED_PREPOSITIONS and further in self.context.travel | self.context.slot:
            return Cue.SLOT
        if (further, before) == ("out", "of") or self.at(end) in AIRPORT:
            return Cue.SLOT
        if self.opens(start, end) and self.common(start, end) < end - start:
            return Cue.SLOT
        if before in self.context.travel or self.at(end) == "to":
            return Cue.NEAR
        return Cue.NONE

    def _alone(self, start: int, end: int) -> bool:
        around = [word.folded for word in (*self.words[:start], *self.words[end:])]
        return all(word in self.context.filler for word in around)

    def opens(self, start: int, end: int) -> bool:
        """Return whether only fillers precede a window and a "to" follows it, as in "Chennai to Delhi"."""
        if self.at(end) != "to" or self.words[end].after_break:
            return False
        after = self.at(end + 1)
        if after in self.context.travel or after in self.context.never:
            return False
        return all(
            word.folded in self.context.filler or word.folded in OPENERS for word in self.words[:start]
        )

    def directional(self, index: int) -> bool:
        """Return whether a place must begin at `index`, that is, after "from", "fly to" or "fly"."""
        before = self.at(index - 1)
        if before == "from":
            return True
        earlier = {self.at(i) for i in range(index - 1 - REACH, index - 1)}
        if before in {"to", "into"}:
            return bool(earlier & self.context.travel) or "from" in earlier
        return before in {"fly", "flying"}

    def broken(self, start: int, end: int) -> bool:
        """Return whether a window contains punctuation."""
        return any(word.after_break for word in self.words[start + 1 : end])

    def common(self, start: int, end: int) -> int:
        """Count the everyday words in a window, and the words too frequent for a garbled name there."""
        words = [word.folded for word in self.words[start:end]]
        too_frequent = self._too_frequent(start, end)
        return sum(word in self.context.common or frequency(word) >= too_frequent for word in words)

    def undirected(self, start: int) -> bool:
        """Return whether "for" or "in" precedes a window, in a sentence that isn't about flights."""
        before = self.at(start - 1)
        return before in self.context.slot and before not in DIRECTING and not self.travels

    def _too_frequent(self, start: int, end: int) -> float:
        """Return the frequency from which an ordinary word of a window isn't part of a garbled name.

        It is higher, the stronger the evidence for a place. Several words after "to" may all be ordinary
        ("flights to mum by").
        """
        directed = (self.travels and self.at(start - 1) in DIRECTING) or self.opens(start, end)
        alone = self._alone(start, end)
        if end - start == 1:
            return ORDINARY_IN_PLACE if directed or alone else ORDINARY
        if directed or alone:
            return math.inf
        return ORDINARY_IN_REQUEST if self.travels else ORDINARY

    @cached_property
    def travels(self) -> bool:
        """True if the sentence speaks of flying or goes from somewhere to somewhere."""
        said = {word.folded for word in self.words}
        return bool(said & FLYING) or {"from", "to"} <= said

    def only_function_words(self, start: int, end: int) -> bool:
        """Return whether no word of a window can name a place on its own."""
        return all(word.folded in self.context.never for word in self.words[start:end])

    def barred(self, start: int, end: int) -> bool:
        """Return whether a window contains a number or a word such as "Monday"."""
        return any(
            word.folded in self.context.time or any(c.isdigit() for c in word.folded)
            for word in self.words[start:end]
        )
