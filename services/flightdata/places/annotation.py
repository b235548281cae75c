"""Finds the places in an utterance by aligning all of it with the lexicon.

Cutting a phrase out after "fly to" fails on real hearings ("I want to flight a Chennai"), so every window of a few words is
weighed: how like a name it is, how everyday its words are, and whether the words around it ask for a place. Phrases that recognisers
garble ("to Mara morning") compete as decoys. The best set of windows that don't overlap wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from services.flightdata.places import carrier_words
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.places.matching import PRIOR_WEIGHT, match
from services.flightdata.places.place import Annotation, Candidate, Resolution
from services.flightdata.places.sentence import Sentence, Setting
from services.flightdata.places.spelled_codes import LETTERS, spelled_code
from services.flightdata.places.text_keys import phonemes, words

LONGEST, LONGEST_GARBLED = 5, 4
"""Words in a window: of a name as it is written (`Las Palmas de Gran Canaria`), and of what only sounds like one."""
MOST_WORDS = 120
"""Words of one text that are weighed; nobody says more in a breath, and the work stays bounded."""
LEAST = {Setting.NONE: 0.84, Setting.NEAR: 0.68, Setting.SLOT: 0.6, Setting.ALONE: 0.56}
"""Likeness that a garbled name needs, by what the words around it say."""
KNOWN_PRIOR, LONG_NAME = 0.28, 8
"""Popularity, or else letters, that a name needs to be seen where nothing asks for a place."""
COMMON_PENALTY = 0.07
"""What each everyday word inside a garbled name costs."""
DECOY_LIKENESS = 0.7
"""Likeness from which a phrase that is no place takes part."""
DIRECTIONS = frozenset({"from", "to", "for", "and"})
"""Words that end no garbled name: what follows them is the next place."""
GUESS_LIKENESS = 0.5
"""Likeness that a guess needs where a place must stand and none was found."""
RUN_TOGETHER_LIKENESS = 0.68
"""The same of what follows a "to" that was heard as the beginning of the place ("Delhi-tupuna")."""
TO_WITHIN = re.compile(r"[td][aeiou]\w{3}")


@dataclass(frozen=True, slots=True)
class Window:
    """`words[start:end]` read as a place, or as a phrase that is none (`resolution` None), and what it is worth."""

    start: int
    end: int
    worth: float
    resolution: Resolution | None


@dataclass(frozen=True, slots=True)
class Guess:
    """`words[start:end]`, the key under which they may be a place, and the likeness that takes."""

    start: int
    end: int
    key: str
    least: float


def annotate(lexicon: Lexicon, text: str, *, home_country: str = "", limit: int = 3) -> list[Annotation]:
    """The places in a text, in its order and without overlap."""
    sentence = Sentence(words(text)[:MOST_WORDS], carrier_words.load())
    chosen = _best_set(
        [
            *_codes(lexicon, sentence),
            *_decoys(lexicon, sentence),
            *_named(lexicon, sentence, home_country, limit),
        ],
        len(sentence.words),
    )
    chosen += _guesses(lexicon, sentence, chosen, home_country, limit)
    return [
        _annotation(text, sentence, w, w.resolution)
        for w in sorted(chosen, key=lambda w: w.start)
        if w.resolution
    ]


def _annotation(text: str, sentence: Sentence, window: Window, resolution: Resolution) -> Annotation:
    start, end = sentence.words[window.start].start, sentence.words[window.end - 1].end
    return Annotation(start, end, text[start:end], resolution)


def _worth(quality: float, letters: int) -> float:
    return (quality - 0.45) * (letters + 3)


def _codes(lexicon: Lexicon, sentence: Sentence) -> Iterator[Window]:
    """Codes: spelled out, written in capitals, or typed in small letters where a place is asked for."""
    typed = all(word.written.islower() for word in sentence.words)
    shouted = all(word.written.isupper() for word in sentence.words)
    for i, word in enumerate(sentence.words):
        code = spelled_code(sentence.words[i : i + LETTERS])
        if code and code in lexicon.places:
            yield Window(i, i + LETTERS, _worth(1.1, 8), _certain(lexicon, code))
            continue
        place = lexicon.places.get(word.written.upper()) if len(word.written) == LETTERS else None
        if place is None or word.folded in sentence.carrier.common or word.folded in lexicon.exact:
            continue
        setting = sentence.setting(i, i + 1)
        if (word.written.isupper() and (not shouted or setting)) or (
            typed and setting and place.prior > KNOWN_PRIOR
        ):
            yield Window(i, i + 1, _worth(1.05, 4), _certain(lexicon, place.code))


def _certain(lexicon: Lexicon, code: str) -> Resolution:
    return Resolution((Candidate(lexicon.places[code], 1.0, 1.0),), 1.0, confident=True)


def _spans(sentence: Sentence, longest: int) -> Iterator[tuple[int, int]]:
    count = len(sentence.words)
    yield from ((i, j) for i in range(count) for j in range(i + 1, min(i + longest, count) + 1))


def _decoys(lexicon: Lexicon, sentence: Sentence) -> Iterator[Window]:
    """Countries, and windows that sound like a phrase which is no place, and more so than without their first or last word."""
    spans = list(_spans(sentence, LONGEST_GARBLED))
    if not spans:
        return
    keys = [sentence.folded(i, j) for i, j in spans]
    letters = cdist(keys, sentence.carrier.decoys, scorer=Levenshtein.normalized_similarity, dtype=np.float32)
    sounds = cdist(
        [phonemes(k) for k in keys],
        sentence.carrier.decoy_sounds,
        scorer=Levenshtein.normalized_similarity,
        dtype=np.float32,
    )
    likeness = dict(zip(spans, ((letters + sounds) / 2).max(axis=1).tolist(), strict=True))
    for (i, j), like in likeness.items():
        joined = sentence.folded(i, j)
        if joined in lexicon.countries and sentence.common(i, j) < j - i:
            yield Window(i, j, _worth(1.15, len(joined)), None)
            continue
        garbled = sentence.common(i, j) < j - i and not sentence.broken(i, j)
        if garbled and like >= max(
            DECOY_LIKENESS, likeness.get((i + 1, j), 0.0), likeness.get((i, j - 1), 0.0)
        ):
            yield Window(i, j, _worth(like + 0.15, len(joined)), None)


def _named(lexicon: Lexicon, sentence: Sentence, home_country: str, limit: int) -> Iterator[Window]:
    """Windows that are a name, or like one."""
    spans = [(i, j) for i, j in _spans(sentence, LONGEST) if _plausible(lexicon, sentence, i, j)]
    found = match(lexicon, [sentence.folded(i, j) for i, j in spans], home_country=home_country, limit=limit)
    for (i, j), resolution in zip(spans, found, strict=True):
        if resolution and (
            window := _weigh(sentence, i, j, resolution, known=sentence.folded(i, j) in lexicon.heard)
        ):
            yield window


def _plausible(lexicon: Lexicon, sentence: Sentence, start: int, end: int) -> bool:
    joined = sentence.folded(start, end)
    if joined in lexicon.exact:
        return True
    if joined in lexicon.heard and sentence.setting(start, end) >= Setting.SLOT:
        return True
    if (
        end - start > LONGEST_GARBLED
        or len(joined) < 3
        or sentence.common(start, end) == end - start
        or sentence.barred(start, end)
    ):
        return False
    return not (
        sentence.broken(start, end)
        or sentence.at(start) in sentence.carrier.slot
        or sentence.at(end - 1) in DIRECTIONS
    )


def _weigh(sentence: Sentence, start: int, end: int, resolution: Resolution, *, known: bool) -> Window | None:
    """A window as a place, if its setting asks for one as little like a name as it is; `known` mishearings may be everyday words."""
    best = resolution.candidates[0]
    setting, common = sentence.setting(start, end), 0 if known else sentence.common(start, end)
    letters = len(sentence.folded(start, end))
    if best.likeness == 1.0:
        exact = _exact_is_meant(sentence, start, end, best.place.prior, setting)
        # Every word of a name counts as one: `Palm Springs` is worth more than a Palma and an Alice Springs.
        worth = _worth(1.1 if best.score == 1.0 else best.score, letters + 3 * (end - start - 1))
        return Window(start, end, worth, resolution) if exact else None
    if known and setting is Setting.NONE:
        return None
    quality = best.likeness - COMMON_PENALTY * common
    if quality < LEAST[setting] or (setting < Setting.SLOT and best.place.prior < KNOWN_PRIOR):
        return None
    sure = resolution.confident and common == 0 and setting >= Setting.SLOT
    return Window(
        start,
        end,
        _worth(quality + PRIOR_WEIGHT * best.place.prior / 2, letters),
        replace(resolution, confident=sure),
    )


def _exact_is_meant(sentence: Sentence, start: int, end: int, prior: float, setting: Setting) -> bool:
    """Whether a name is meant as one: `Nice` after "to", `New York` anywhere, `May` and `Goto` (two everyday words) never."""
    known = prior >= KNOWN_PRIOR
    if all(word.folded in sentence.carrier.never for word in sentence.words[start:end]):
        return False
    if sentence.common(start, end) == end - start:
        return known and (setting >= Setting.SLOT or end - start > 1)
    return known or setting >= Setting.SLOT or len(sentence.folded(start, end)) >= LONG_NAME


def _best_set(windows: Sequence[Window], count: int) -> list[Window]:
    """The windows without overlap that are worth most together (weighted interval scheduling)."""
    ending: dict[int, list[Window]] = {}
    for window in windows:
        ending.setdefault(window.end, []).append(window)
    best: list[tuple[float, Window | None]] = [(0.0, None)]
    for end in range(1, count + 1):
        best.append((best[-1][0], None))
        for window in ending.get(end, []):
            total = best[window.start][0] + window.worth
            if total > best[end][0]:
                best[end] = (total, window)
    chosen: list[Window] = []
    end = count
    while end > 0:
        taken = best[end][1]
        chosen += [taken] if taken else []
        end = taken.start if taken else end - 1
    return chosen


def _guesses(
    lexicon: Lexicon, sentence: Sentence, chosen: Sequence[Window], home_country: str, limit: int
) -> list[Window]:
    """What everyday words may stand for where a place must ("fly to call caught up", "they wrote to Krakow"): never confident."""
    taken = {i for window in chosen for i in range(window.start, window.end)}
    found_places = {window.start: window for window in chosen if window.resolution}
    guesses: list[Window] = []
    for index in range(len(sentence.words)):
        spans: list[Guess] = []
        if index in found_places:
            spans = list(_openings(sentence, index, taken))
        elif index not in taken:
            spans = [
                *_destinations(sentence, index, taken, enough=len(found_places) > 1),
                *_run_together(sentence, index, taken),
            ]
        guess = _likeliest(lexicon, spans, home_country, limit)
        if guess:
            guesses.append(guess)
            taken |= set(range(guess.start, guess.end))
    return guesses


def _likeliest(lexicon: Lexicon, spans: Sequence[Guess], home_country: str, limit: int) -> Window | None:
    found = match(lexicon, [span.key for span in spans], home_country=home_country, limit=limit)
    likely = [
        (r.candidates[0].score, span, r)
        for span, r in zip(spans, found, strict=True)
        if r and r.candidates[0].likeness >= span.least
    ]
    if not likely:
        return None
    score, span, resolution = max(likely, key=lambda entry: entry[0])
    return Window(span.start, span.end, score, replace(resolution, confident=False))


def _openings(sentence: Sentence, place: int, taken: set[int]) -> Iterator[Guess]:
    """All that is said before a "to" that leads to a found place: no verb of travel, and not everyday words alone."""
    end = place - 1
    for start in range(max(0, end - LONGEST), end):
        if (
            not sentence.opens(start, end)
            or taken & set(range(start, end))
            or sentence.barred(start, end)
            or sentence.broken(start, end)
        ):
            continue
        travels = any(word.folded in sentence.carrier.travel for word in sentence.words[start:end])
        if not travels and sentence.common(start, end) < end - start:
            yield Guess(start, end, sentence.folded(start, end), GUESS_LIKENESS)


def _run_together(sentence: Sentence, start: int, taken: set[int]) -> Iterator[Guess]:
    """A word after a found place whose beginning may be a "to" ("Sharjah Terome")."""
    word = sentence.at(start)
    if start - 1 in taken and TO_WITHIN.match(word) and sentence.common(start, start + 1) == 0:
        yield Guess(start, start + 1, word[2:], RUN_TOGETHER_LIKENESS)


def _destinations(sentence: Sentence, start: int, taken: set[int], *, enough: bool) -> Iterator[Guess]:
    """Words where a place must begin, up to punctuation, a found place or a number; not function words, nor one everyday word alone. When
    there are places `enough`, one word alone is none: rather a "tomorrow"."""
    if sentence.at(start) in sentence.carrier.slot or not sentence.directional(start):
        return
    for end in range(start + 1, min(start + LONGEST, len(sentence.words)) + 1):
        if end - 1 in taken or sentence.broken(start, end) or sentence.barred(start, end):
            return
        functional = all(word.folded in sentence.carrier.never for word in sentence.words[start:end])
        alone = end - start == 1 and (enough or sentence.common(start, end) == 1)
        if not alone and not functional and sentence.at(end - 1) not in DIRECTIONS:
            yield Guess(start, end, sentence.folded(start, end), GUESS_LIKENESS)
