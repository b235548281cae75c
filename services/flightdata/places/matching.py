"""Matching of a few words to places: by exact code, else by exact name, else by similar letters and sounds.

Likeness is the mean of two Levenshtein similarities: one of the letters without spaces, one of the Metaphone
codes. It is the best of the measures that need no phoneme dictionary. A name with similar sounds but mostly
different letters never matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from services.flightdata.places.lexicon import Lexicon, Meaning
from services.flightdata.places.place import Candidate, PlaceNotRecognised, Resolution
from services.flightdata.places.spelled_codes import spelled_code
from services.flightdata.places.text_keys import key, phonemes, words

PRIOR_WEIGHT = 0.25
"""Weight of popularity relative to likeness. A higher weight turns every unknown word into a capital city."""
HOME_BONUS = 0.25
"""Bonus on the prior of places in the caller's own country."""
LEAST_LIKENESS = 0.45
"""Minimum likeness of a candidate."""
LEAST_RESOLVED = 0.55
"""Minimum likeness of the best candidate for a whole query."""
LEAST_LETTERS = 0.2
"""Minimum likeness of the letters, even if the sounds are equal."""
SURE_LIKENESS, SURE_MARGIN = 0.74, 0.06
"""Minimum likeness, and lead over the next candidate, of a confident match that isn't exact.

Measured by bench/places/.
"""
SHORT = 5
"""Minimum number of letters of such a confident match. Too many names resemble a shorter text."""
TWIN_WEIGHT, TWIN_MARGIN = 0.5, 0.1
"""Weight of popularity among places with the same name, and the margin below which the agent asks.

Examples are Birmingham and San José.
"""
FAMOUS = 0.93
"""Minimum prior to ignore a namesake in the caller's country: for an American, Paris is in France."""
OBSCURE = 0.28
"""Prior below which an exact name competes with similar ones: "Tunis" is likelier than "Tunas"."""
TIER_GAP = 0.06
"""Penalty on the score of a foreign spelling or an airport's own name, relative to a city's English name."""


GENERIC_WORDS = frozenset({"airport", "airports", "city", "the", "international"})
LONGEST_KEY = 64
KEYS_AT_ONCE = 32
"""Number of keys compared in one pass. A pass holds Python's lock for some milliseconds."""


def resolve(lexicon: Lexicon, query: str, *, home_country: str = "", limit: int = 3) -> Resolution:
    """Return the candidates for a query. Raises `PlaceNotRecognised`."""
    if (code := _certain_code(query)) and code in lexicon.places:
        return certain(lexicon, code)
    written = query.strip()
    # A code that is also a name is a name unless in capitals: `Goa` is the Indian state, not GOA in Genoa.
    if written.upper() in lexicon.places and (written.isupper() or key(query) not in lexicon.exact):
        return code_or_name(lexicon, written.upper(), limit=limit)
    joined = _without_generic(lexicon, query)
    found = match(lexicon, [joined], home_country=home_country, limit=limit)[0] if joined else None
    if found is None or found.candidates[0].likeness < LEAST_RESOLVED:
        raise PlaceNotRecognised
    return found


def certain(lexicon: Lexicon, code: str) -> Resolution:
    """Return the place with a known code as the only candidate."""
    return Resolution((Candidate(lexicon.meant(code), 1.0, 1.0),), 1.0, confident=True)


def code_or_name(lexicon: Lexicon, code: str, *, limit: int = 3) -> Resolution:
    """Return the place with a known code, and the cities whose name is the same word (`GOA`: Genoa, Goa).

    It is confident if the place is much more popular than these cities, or they are obscure.
    """
    place = lexicon.meant(code)
    metro = lexicon.metro_of(place)
    named = [m.place for m in lexicon.exact.get(code.lower(), ()) if m.tier == 0]
    rivals = sorted((p for p in named if lexicon.metro_of(p) != metro), key=lambda p: (-p.prior, p.code))
    leads = [min(1.0, max(0.0, TWIN_WEIGHT * (place.prior - rival.prior))) for rival in rivals]
    candidates = [
        Candidate(place, 1.0, 1.0),
        *(Candidate(rival, 1.0 - lead, 1.0) for rival, lead in zip(rivals, leads, strict=True)),
    ]
    sure = not rivals or leads[0] >= TWIN_MARGIN or rivals[0].prior < OBSCURE
    return Resolution(tuple(candidates[:limit]), min(leads, default=1.0), confident=sure)


def _certain_code(query: str) -> str | None:
    """Return the code that a query spells, or that stands in capitals next to a word such as "airport"."""
    written = words(query)
    if code := spelled_code(written):
        return code
    named = [word.written for word in written if word.folded not in GENERIC_WORDS]
    return named[0] if len(named) == 1 < len(written) and named[0].isupper() else None


def _without_generic(lexicon: Lexicon, query: str) -> str:
    joined = key(query)
    if joined in lexicon.exact:
        return joined
    return "".join(w.folded for w in words(query) if w.folded not in GENERIC_WORDS)[:LONGEST_KEY]


def match(
    lexicon: Lexicon, keys: Sequence[str], *, home_country: str = "", limit: int = 3
) -> list[Resolution | None]:
    """Return the resolution of each key, or None if no name is similar."""
    home = np.where(lexicon.spoken.country == home_country, HOME_BONUS, 0.0) if home_country else 0.0
    weight = lexicon.spoken.prior + home
    found: list[Resolution | None] = []
    for first in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[first : first + KEYS_AT_ONCE]
        for k, row in zip(some, _likeness(lexicon, some), strict=True):
            found.append(_resolution(lexicon, k, row, weight, home_country, limit))
    return found


def similarities(keys: Sequence[str], names: Sequence[str]) -> NDArray[np.float32]:
    """Return the matrix (keys × names) of Levenshtein similarities, 0 to 1."""
    found: Any = cdist(keys, names, scorer=Levenshtein.normalized_similarity, dtype=np.float32)
    return cast("NDArray[np.float32]", found)


def _likeness(lexicon: Lexicon, keys: Sequence[str]) -> NDArray[np.float32]:
    """Return the matrix (keys × spoken names) of likeness, 0 to 1."""
    spoken = lexicon.spoken
    letters = similarities(keys, spoken.keys)
    sounds = similarities([phonemes(k) for k in keys], spoken.sounds)
    both = ((letters + sounds[:, spoken.sound_of]) / 2 * spoken.trust).astype(np.float32, copy=False)
    both[letters < LEAST_LETTERS] = 0.0
    return both


def _resolution(
    lexicon: Lexicon,
    joined: str,
    row: NDArray[np.float32],
    weight: NDArray[np.float32],
    home_country: str,
    limit: int,
) -> Resolution | None:
    exact = _exact(lexicon.exact.get(joined, ()), home_country)
    likely = np.flatnonzero(row >= LEAST_LIKENESS)
    ranking = row[likely] + PRIOR_WEIGHT * weight[likely]
    best = np.argsort(-ranking, kind="stable")[: 4 * limit]
    near = (
        Candidate(
            lexicon.by_index[lexicon.spoken.place_of[likely[i]]],
            _squash(float(ranking[i])),
            float(row[likely[i]]),
        )
        for i in best
    )
    candidates = _distinct(lexicon, [*exact, *near])[: max(limit, 2)]
    if not candidates:
        return None
    margin = candidates[0].score - candidates[1].score if len(candidates) > 1 else 1.0
    garbled = candidates[0].likeness < 1.0
    if garbled:
        sure = len(joined) >= SHORT and candidates[0].likeness >= SURE_LIKENESS and margin >= SURE_MARGIN
    else:
        sure = margin >= TWIN_MARGIN and not _twin_at_home(exact, home_country)
    return Resolution(tuple(candidates[:limit]), min(1.0, max(0.0, margin)), sure)


def _squash(ranking: float) -> float:
    """Scale a sum of likeness and prior to a score below that of an exact match."""
    return min(0.99, ranking / (1 + PRIOR_WEIGHT))


def _exact(meanings: Iterable[Meaning], home_country: str) -> list[Candidate]:
    """Return the places with exactly this name, best first.

    The most popular place scores 1, or slightly less if it is obscure. The others score less, by popularity.
    """

    def standing(meaning: Meaning) -> float:
        home = HOME_BONUS if meaning.place.country_code == home_country else 0.0
        return TWIN_WEIGHT * (meaning.place.prior + home) - TIER_GAP * meaning.tier

    ordered = sorted(meanings, key=lambda m: (-standing(m), m.place.code))
    top = (
        1.0
        if not ordered or ordered[0].place.prior >= OBSCURE
        else _squash(1.0 + PRIOR_WEIGHT * ordered[0].place.prior)
    )
    return [Candidate(m.place, max(0.5, top - (standing(ordered[0]) - standing(m))), 1.0) for m in ordered]


def _twin_at_home(exact: Sequence[Candidate], home_country: str) -> bool:
    """Return whether the caller's country has a smaller place of this name, as Pakistan has a Hyderabad."""
    if exact[0].place.prior >= FAMOUS:
        return False
    return any(twin.place.country_code == home_country != exact[0].place.country_code for twin in exact[1:])


def _distinct(lexicon: Lexicon, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the best candidate of each city, best first, so that a city and its airports don't compete."""
    seen: dict[str, Candidate] = {}
    for candidate in candidates:
        seen.setdefault(lexicon.metro_of(candidate.place), candidate)
    return sorted(seen.values(), key=lambda c: -c.score)
