"""Where in a sentence a place is to be expected: after "from" or "to", or as the whole of a short answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from services.flightdata.places.carrier_words import CarrierWords
from services.flightdata.places.text_keys import Word

GARBLED_PREPOSITIONS = frozenset(
    {"the", "a", "an", "do", "two", "2", "too", "of", "through", "out", "are", "or", "at", "you", "de"}
)
"""What a recogniser makes of an unstressed "to" or "from": "fly the Kochi", "flight a Chennai"."""
AIRPORT = frozenset({"airport", "airports"})
"""Words before which a place is named."""
OPENERS = frozenset({"how", "much", "is", "and", "then"})
"""Words beside fillers before the first place: "how much is Chennai to Delhi"."""
REACH = 4
"""How many words back "fly" still makes a "to" one of direction."""


class Setting(IntEnum):
    """How much the words around a window speak for a place."""

    NONE = 0
    NEAR = 1
    SLOT = 2
    ALONE = 3


@dataclass(frozen=True)
class Sentence:
    """An utterance as words, with what its grammar says about each position."""

    words: Sequence[Word]
    carrier: CarrierWords

    def folded(self, start: int, end: int) -> str:
        """The words of a window run together, as keys are."""
        return "".join(word.folded for word in self.words[start:end])

    def at(self, index: int) -> str:
        """The folded word at a position; empty beyond either end."""
        return self.words[index].folded if 0 <= index < len(self.words) else ""

    def setting(self, start: int, end: int) -> Setting:
        """How much the words around `words[start:end]` speak for a place."""
        if self._alone(start, end):
            return Setting.ALONE
        before, further = self.at(start - 1), self.at(start - 2)
        if before in self.carrier.slot:
            return Setting.SLOT
        if before in GARBLED_PREPOSITIONS and (
            further in self.carrier.travel or further in self.carrier.slot
        ):
            return Setting.SLOT
        if (further, before) == ("out", "of") or self.at(end) in AIRPORT:
            return Setting.SLOT
        if self.opens(start, end) and self.common(start, end) < end - start:
            return Setting.SLOT
        if before in self.carrier.travel or self.at(end) == "to":
            return Setting.NEAR
        return Setting.NONE

    def _alone(self, start: int, end: int) -> bool:
        around = [word.folded for word in (*self.words[:start], *self.words[end:])]
        return all(word in self.carrier.filler for word in around)

    def opens(self, start: int, end: int) -> bool:
        """Whether a window is all that is said before a "to" that leads somewhere ("Chennai to Delhi"), but for fillers."""
        after = self.at(end + 1)
        if (
            self.at(end) != "to"
            or self.words[end].after_break
            or after in self.carrier.travel
            or after in self.carrier.never
        ):
            return False
        return all(
            word.folded in self.carrier.filler or word.folded in OPENERS for word in self.words[:start]
        )

    def directional(self, index: int) -> bool:
        """Whether a place must begin at `index`: after "from", after "fly to", after a garbled "to"."""
        before = self.at(index - 1)
        if before == "from":
            return True
        earlier = {self.at(i) for i in range(index - 1 - REACH, index - 1)}
        if before in {"to", "into"}:
            return bool(earlier & self.carrier.travel) or "from" in earlier
        return before in {"fly", "flying"}

    def broken(self, start: int, end: int) -> bool:
        """Whether punctuation stands inside a window."""
        return any(word.after_break for word in self.words[start + 1 : end])

    def common(self, start: int, end: int) -> int:
        """How many words of a window are everyday ones."""
        return sum(word.folded in self.carrier.common for word in self.words[start:end])

    def barred(self, start: int, end: int) -> bool:
        """Whether a window holds a number or a time."""
        return any(
            word.folded in self.carrier.time or any(c.isdigit() for c in word.folded)
            for word in self.words[start:end]
        )
