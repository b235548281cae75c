"""Search for places in an utterance by comparing every part of it with the lexicon.

A search for the words after "fly to" would fail on real transcripts ("I want to flight a Chennai"). So every
window of a few words is scored by its likeness to a name, its number of everyday words and the cues around
it. Phrases that recognisers often get wrong ("to Mara morning" for "tomorrow morning") compete as decoys. The
result is the non-overlapping set of windows with the highest total score.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from services.flightdata.places.lexicon import Lexicon
from services.flightdata.places.matching import (
    PRIOR_WEIGHT,
    certain,
    code_or_name,
    match,
    similarities,
)
from services.flightdata.places.place import Annotation, Resolution
from services.flightdata.places.qualifiers import Window, qualified
from services.flightdata.places.sentence import Cue, Sentence, context_words
from services.flightdata.places.spelled_codes import LETTERS, spelled_code, spelled_pair
from services.flightdata.places.text_keys import phonemes, words

LONGEST, LONGEST_GARBLED = 5, 4
"""Maximum words of a window: for an exact name (`Las Palmas de Gran Canaria`) and for a garbled name."""
MOST_WORDS = 120
"""Maximum number of words searched in a text. It limits the work; no spoken request is longer."""
LEAST = {Cue.NONE: 0.84, Cue.NEAR: 0.68, Cue.SLOT: 0.6, Cue.ALONE: 0.56}
"""Minimum likeness of a garbled name, by the cue around it."""
KNOWN_PRIOR, LONG_NAME = 0.28, 8
"""A name without a cue needs at least this prior or at least this number of letters."""
COMMON_PENALTY = 0.07
"""Penalty on the likeness for each everyday word inside a garbled name."""
DECOY_LIKENESS = 0.7
"""Minimum likeness of a decoy."""
DIRECTIONS = frozenset({"from", "to", "for", "and", "on", "with", "of", "it"})
"""Words that can't be the end of a garbled name."""
GUESS_LIKENESS = 0.5
"""Minimum likeness of a guess at a position where a place must begin."""
RUN_TOGETHER_LIKENESS = 0.68
"""Minimum likeness of a name if a "to" was recognised as its beginning ("Delhi-tupuna": Delhi to Pune)."""
TO_WITHIN = re.compile(r"[td][aeiou]\w{3}")


@dataclass(frozen=True, slots=True)
class Guess:
    """`words[start:end]` as a possible place: the key to look up, and the `least` likeness to accept."""

    start: int
    end: int
    key: str
    least: float


def annotate(lexicon: Lexicon, text: str, *, home_country: str = "") -> list[Annotation]:
    """Return the places in a text, in the order of the text and without overlap."""
    sentence = Sentence(words(text)[:MOST_WORDS], context_words())
    named = _named(lexicon, sentence, home_country)
    windows = [*_codes(lexicon, sentence), *_decoys(lexicon, sentence), *named]
    chosen = _best_set(windows, len(sentence.words))
    chosen += _guesses(lexicon, sentence, chosen, home_country)
    annotations = []
    for window in qualified(lexicon, sentence, chosen):
        if window.resolution:
            start, end = sentence.words[window.start].start, sentence.words[window.end - 1].end
            annotations.append(Annotation(start, end, text[start:end], window.resolution))
    return annotations


def _score(quality: float, letters: int) -> float:
    return (quality - 0.45) * (letters + 3)


def _codes(lexicon: Lexicon, sentence: Sentence) -> Iterator[Window]:
    """Yield windows with codes that are spelled out, in capitals, or typed in lower case next to a cue."""
    typed = not any(word.written.istitle() or word.written.isupper() for word in sentence.words)
    shouted = all(word.written.isupper() for word in sentence.words)
    for i, word in enumerate(sentence.words):
        code = spelled_code(sentence.words[i : i + LETTERS])
        if code and code in lexicon.places:
            yield Window(i, i + LETTERS, _score(1.1, 8), certain(lexicon, code))
            continue
        pair = spelled_pair(sentence.words[i : i + LETTERS - 1])
        popular = pair and pair in lexicon.places and lexicon.places[pair].prior > KNOWN_PRIOR
        if pair and popular and sentence.cue(i, i + LETTERS - 1) is not Cue.NONE:
            yield Window(i, i + LETTERS - 1, _score(1.05, 5), certain(lexicon, pair))
        code = word.written.upper()
        place = lexicon.places.get(code) if len(code) == LETTERS else None
        if place is None or word.folded in sentence.context.common:
            continue
        is_name = word.folded in lexicon.exact
        cue = sentence.cue(i, i + 1)
        in_capitals = word.written.isupper() and not (shouted and (is_name or not cue))
        if in_capitals or (typed and cue and not is_name and place.prior > KNOWN_PRIOR):
            yield Window(i, i + 1, _score(1.05, 4), code_or_name(lexicon, code))


def _spans(sentence: Sentence, longest: int) -> Iterator[tuple[int, int]]:
    count = len(sentence.words)
    yield from ((i, j) for i in range(count) for j in range(i + 1, min(i + longest, count) + 1))


def _decoys(lexicon: Lexicon, sentence: Sentence) -> Iterator[Window]:
    """Yield countries and decoys. A decoy must be at least as similar as without its first or last word."""
    spans = list(_spans(sentence, LONGEST_GARBLED))
    if not spans:
        return
    keys = [sentence.folded(i, j) for i, j in spans]
    letters = similarities(keys, sentence.context.decoys)
    sounds = similarities([phonemes(k) for k in keys], sentence.context.decoy_sounds)
    likeness = dict(zip(spans, ((letters + sounds) / 2).max(axis=1).tolist(), strict=True))
    for (i, j), like in likeness.items():
        joined, everyday = sentence.folded(i, j), sentence.common(i, j) == j - i
        if joined in lexicon.countries and not everyday:
            yield Window(i, j, _score(1.15, len(joined)), None)
            continue
        least = max(DECOY_LIKENESS, likeness.get((i + 1, j), 0.0), likeness.get((i, j - 1), 0.0))
        if like >= least and not everyday and not sentence.broken(i, j):
            yield Window(i, j, _score(like + 0.15, len(joined)), None)


def _named(lexicon: Lexicon, sentence: Sentence, home_country: str) -> Iterator[Window]:
    spans = [(i, j) for i, j in _spans(sentence, LONGEST) if _plausible(lexicon, sentence, i, j)]
    found = match(lexicon, [sentence.folded(i, j) for i, j in spans], home_country=home_country)
    for (i, j), resolution in zip(spans, found, strict=True):
        known = sentence.folded(i, j) in lexicon.heard
        if resolution and (window := _weighed(sentence, i, j, resolution, known=known)):
            yield window


def _plausible(lexicon: Lexicon, sentence: Sentence, start: int, end: int) -> bool:
    joined = sentence.folded(start, end)
    heard = joined in lexicon.heard and sentence.cue(start, end) >= Cue.SLOT
    if joined in lexicon.exact or (heard and not sentence.only_function_words(start, end)):
        return True
    return not (
        end - start > LONGEST_GARBLED
        or len(joined) < 3
        or sentence.common(start, end) == end - start
        or sentence.barred(start, end)
        or sentence.broken(start, end)
        or sentence.at(start) in sentence.context.slot
        or sentence.at(end - 1) in DIRECTIONS | sentence.context.filler
    )


def _weighed(
    sentence: Sentence, start: int, end: int, resolution: Resolution, *, known: bool
) -> Window | None:
    """Return the window as a place if its likeness is high enough for its cue, else None.

    `known` marks a known mishearing, which may contain everyday words.
    """
    best = resolution.candidates[0]
    cue, common = sentence.cue(start, end), 0 if known else sentence.common(start, end)
    letters = len(sentence.folded(start, end))
    if best.likeness == 1.0:
        # Longer names score higher, so that `Palm Springs` wins over Palma and Alice Springs.
        score = _score(1.1 if best.score == 1.0 else best.score, letters + 3 * (end - start - 1))
        meant = _exact_is_meant(sentence, start, end, best.place.prior, cue)
        return Window(start, end, score, resolution) if meant else None
    if cue is Cue.SLOT and sentence.undirected(start):
        cue = Cue.NONE
    if known and cue is Cue.NONE:
        return None
    quality = best.likeness - COMMON_PENALTY * common
    if quality < LEAST[cue] or (cue < Cue.SLOT and best.place.prior < KNOWN_PRIOR):
        return None
    sure = resolution.confident and common == 0 and cue >= Cue.SLOT
    score = _score(quality + PRIOR_WEIGHT * best.place.prior / 2, letters)
    return Window(start, end, score, replace(resolution, confident=sure))


def _exact_is_meant(sentence: Sentence, start: int, end: int, prior: float, cue: Cue) -> bool:
    """Return whether an exact name is meant as a place.

    `Nice` is a place after "to", and `New York` everywhere. `May` and `Goto` ("go to") never are.
    """
    known = prior >= KNOWN_PRIOR
    if sentence.only_function_words(start, end):
        return False
    if sentence.common(start, end) == end - start:
        return known and (cue >= Cue.SLOT or end - start > 1)
    return known or cue >= Cue.SLOT or len(sentence.folded(start, end)) >= LONG_NAME


def _best_set(windows: Sequence[Window], count: int) -> list[Window]:
    """Return the non-overlapping windows with the highest total score (weighted interval scheduling)."""
    ending: dict[int, list[Window]] = {}
    for window in windows:
        ending.setdefault(window.end, []).append(window)
    best: list[tuple[float, Window | None]] = [(0.0, None)]
    for end in range(1, count + 1):
        best.append((best[-1][0], None))
        for window in ending.get(end, []):
            total = best[window.start][0] + window.score
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
    lexicon: Lexicon, sentence: Sentence, chosen: Sequence[Window], home_country: str
) -> list[Window]:
    """Return guesses for positions where a place must begin ("fly to call caught up": Kolkata).

    Guesses are never confident.
    """
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
        guess = _likeliest(lexicon, spans, home_country)
        if guess:
            guesses.append(guess)
            taken |= set(range(guess.start, guess.end))
    return guesses


def _likeliest(lexicon: Lexicon, spans: Sequence[Guess], home_country: str) -> Window | None:
    found = match(lexicon, [span.key for span in spans], home_country=home_country)
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
    """Yield windows that end before a "to" that is followed by a found place.

    Skip windows that contain a travel verb or only everyday words.
    """
    end = place - 1
    for start in range(max(0, end - LONGEST), end):
        if (
            not sentence.opens(start, end)
            or taken & set(range(start, end))
            or sentence.barred(start, end)
            or sentence.broken(start, end)
        ):
            continue
        travels = any(word.folded in sentence.context.travel for word in sentence.words[start:end])
        if not travels and sentence.common(start, end) < end - start:
            yield Guess(start, end, sentence.folded(start, end), GUESS_LIKENESS)


def _run_together(sentence: Sentence, start: int, taken: set[int]) -> Iterator[Guess]:
    """Yield the word after a found place if it may begin with a "to" ("Sharjah Terome": to Rome)."""
    word = sentence.at(start)
    if start - 1 in taken and TO_WITHIN.match(word) and sentence.common(start, start + 1) == 0:
        yield Guess(start, start + 1, word[2:], RUN_TOGETHER_LIKENESS)


def _destinations(sentence: Sentence, start: int, taken: set[int], *, enough: bool) -> Iterator[Guess]:
    """Yield windows from a position where a place must begin, up to punctuation, a found place or a number.

    Skip function words and single everyday words. If `enough` places are found already, skip every single
    word.
    """
    if sentence.at(start) in sentence.context.slot or not sentence.directional(start):
        return
    for end in range(start + 1, min(start + LONGEST, len(sentence.words)) + 1):
        if end - 1 in taken or sentence.broken(start, end) or sentence.barred(start, end):
            return
        function_words = sentence.only_function_words(start, end)
        alone = end - start == 1 and (enough or sentence.common(start, end) == 1)
        if not alone and not function_words and sentence.at(end - 1) not in DIRECTIONS:
            yield Guess(start, end, sentence.folded(start, end), GUESS_LIKENESS)
