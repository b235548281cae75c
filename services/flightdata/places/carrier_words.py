"""The words of a travel request that are not its places, kept as data in `data/carrier_words.txt`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from services.flightdata.places.text_keys import key, phonemes

_FILE = Path(__file__).with_name("data") / "carrier_words.txt"


@dataclass(frozen=True)
class CarrierWords:
    """Folded words by what they do; `decoys` and `decoy_sounds` are parallel keys and phonemes of phrases often misheard."""

    time: frozenset[str]
    """Months, days and hours: never part of a place."""
    never: frozenset[str]
    """Words that alone are no place even after "to", times among them."""
    common: frozenset[str]
    """All words that are no place unless their setting says so."""
    slot: frozenset[str]
    travel: frozenset[str]
    filler: frozenset[str]
    decoys: tuple[str, ...]
    decoy_sounds: tuple[str, ...]


@lru_cache(maxsize=1)
def load() -> CarrierWords:
    """Reads the file; the second call returns the same words."""
    sections: dict[str, list[str]] = defaultdict(list)
    section = ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            sections[section].append(line)

    def folded(name: str) -> frozenset[str]:
        return frozenset(key(word) for line in sections[name] for word in line.split())

    decoys = tuple(key(line) for line in sections["decoy"])
    time, never = folded("time"), folded("time") | folded("never")
    return CarrierWords(
        time=time,
        never=never,
        common=never | folded("carrier"),
        slot=folded("slot"),
        travel=folded("travel"),
        filler=folded("filler"),
        decoys=decoys,
        decoy_sounds=tuple(phonemes(d) for d in decoys),
    )
