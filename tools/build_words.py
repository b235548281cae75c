"""Build the list of ordinary English words with their frequency, from the dictionary of symspellpy.

    python -m pip install --no-deps symspellpy==6.10.1
    python -m tools.build_words             # writes agent/language/en/data/ordinary_words.tsv

The frequencies are on the Zipf scale: the logarithm of a word's occurrences in a billion words. Names of
known places and countries are left out, because their frequency says nothing against a place.
"""

from __future__ import annotations

import math
import re
from importlib.resources import files
from pathlib import Path

from services.flightdata.places import lexicon
from services.flightdata.places.annotation import KNOWN_PRIOR
from services.flightdata.places.text_keys import key

TARGET = Path(__file__).parent.parent / "agent" / "language" / "en" / "data" / "ordinary_words.tsv"
LEAST_ZIPF = 3.0
"""Words that are rarer than once in a million words are not ordinary."""
CORPUS = 1_024_908_267_229
"""Words in the corpus that was counted: Google's trillion words of web text."""


def frequencies() -> dict[str, float]:
    """Return the Zipf frequency of each word of the dictionary."""
    lines = files("symspellpy").joinpath("frequency_dictionary_en_82_765.txt").read_text("utf-8-sig")
    counts = (line.split() for line in lines.splitlines())
    return {word: math.log10(int(count) / CORPUS * 1e9) for word, count in counts}


def place_names() -> set[str]:
    """Return the keys of the names of known places, of countries and of regions."""
    known = lexicon.load()
    cities = {
        name
        for name, meanings in known.exact.items()
        if any(m.tier == 0 and m.place.prior >= KNOWN_PRIOR for m in meanings)
    }
    return cities | {name for name in known.areas if len(name) > lexicon.LONGEST_CODE}


def build() -> str:
    """Return the text of the table."""
    names = place_names()
    words = {
        word: zipf
        for word, zipf in frequencies().items()
        if zipf >= LEAST_ZIPF and re.fullmatch("[a-z']{2,}", word) and key(word) not in names
    }
    return "word\tzipf\n" + "".join(f"{word}\t{zipf:.1f}\n" for word, zipf in sorted(words.items()))


if __name__ == "__main__":
    TARGET.write_text(build(), encoding="utf-8")
