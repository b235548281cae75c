"""Beam search over the texts of an utterance, which leans towards names (shallow fusion with a trie).

Texts inside a name and outside of names have separate places in the beam. Otherwise likelier plain words
would displace a name before its bonus is paid in full: "Hyderabad" is 5 behind "tighter of hand" until then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agent.language.en.data import load
from agent.speech.known_names import Kind, Name
from agent.speech.moonshine_networks import Floats, Networks, max_tokens
from agent.speech.moonshine_tokenizer import END, START, Tokenizer
from agent.speech.name_trie import OUTSIDE, NameTrie, Root

_WORDS = load("around_names")
_BEFORE = {Kind(kind): frozenset(words.split()) for kind, words in _WORDS["before"].items()}
"""Words after which a name may begin. Others than answers also begin after punctuation and at the start."""
_PUNCTUATION = ",.?!;:"
_LOOK_BACK = 8
_WORST = float("-inf")
MAX_PAID = 3
"""Maximum number of paid names of one kind in an utterance. Without it, "from Pune to Pune" repeats."""


@dataclass(frozen=True)
class Width:
    """Limits of the search. `outside` and `inside` are the numbers of texts outside of and inside names.

    `likeliest` is the number of tokens tried after each text. `prune_outside` and `prune_inside` are the log
    probabilities by which a text may be behind the best finished one.
    """

    outside: int = 3
    inside: int = 4
    likeliest: int = 5
    prune_outside: float = 5.0
    prune_inside: float = 10.0


class Ended(NamedTuple):
    """A whole name in a text: `tokens[start:end]` of the text."""

    name: Name
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A text and its score.

    `log_probabilities` has the model's value for each token. `own` is their sum, with the end of the text.
    `kept` is the bonus of the whole names in `ended`. `total` also has the bonus of the unfinished name at
    trie node `node`.
    """

    tokens: tuple[int, ...] = ()
    log_probabilities: tuple[float, ...] = ()
    own: float = 0.0
    kept: float = 0.0
    node: int = OUTSIDE
    ended: tuple[Ended, ...] = ()
    total: float = 0.0


class _Candidate(NamedTuple):
    total: float
    token: int
    node: int
    base: Hypothesis
    """The text before the token, with the bonus and the names that it keeps if this token follows."""
    parent: int


class BeamSearch:
    """Search for the best texts of an utterance."""

    def __init__(self, networks: Networks, tokenizer: Tokenizer, width: Width | None = None) -> None:
        self._networks, self._tokenizer, self._width = networks, tokenizer, width or Width()
        starts = {tokenizer.encode(word)[0] for word in (*_WORDS["digits"].split(), "1")}
        self._begins_number = tokenizer.is_digit.copy()
        self._begins_number[list(starts)] = True

    def n_best(self, frames: Floats, trie: NameTrie) -> list[Hypothesis]:
        """Return the finished texts of encoded audio, best first; never an empty list."""
        log_ps, cache = self._networks.begin([[START]], frames)
        live, done = [Hypothesis()], list[Hypothesis]()
        for _ in range(max_tokens(frames)):
            rows = log_ps[:, -1]
            candidates = sorted(
                chain.from_iterable(
                    self._continuations(text, rows[at], trie, at) for at, text in enumerate(live)
                ),
                key=lambda candidate: -candidate.total,
            )
            done += [_finished(one, rows[one.parent]) for one in candidates if one.token == END]
            best_done = max((text.total for text in done), default=_WORST)
            chosen = list(self._chosen(candidates, best_done))
            if not chosen or chosen[0].total < best_done - self._width.prune_outside:
                break
            live = [_extended(one, rows[one.parent]) for one in chosen]
            parents = [one.parent for one in chosen]
            log_ps, cache = self._networks.extend(
                [[one.token] for one in chosen], frames, cache.rows(parents)
            )
        return sorted(done or live, key=lambda text: -text.total)

    def _chosen(self, candidates: Sequence[_Candidate], best_done: float) -> Iterator[_Candidate]:
        """Yield the best continuations that fit into the beam, without duplicates."""
        width = self._width
        room = {False: width.outside, True: width.inside}
        prune = {False: width.prune_outside, True: width.prune_inside}
        seen: set[tuple[tuple[int, ...], int, bool]] = set()
        for one in candidates:
            inside = one.node != OUTSIDE
            same = (one.base.tokens, one.token, inside)
            if one.token == END or same in seen or not room[inside] or one.total < best_done - prune[inside]:
                continue
            seen.add(same)
            room[inside] -= 1
            yield one

    def _continuations(self, text: Hypothesis, row: Floats, trie: NameTrie, at: int) -> Iterator[_Candidate]:
        """Yield the tokens that may follow: the likeliest ones, and those of names."""
        children = trie.children[text.node] if text.node != OUTSIDE else {}
        for token, node in children.items():
            yield _candidate(text, row, token, node, trie, at)
        left = replace(text, node=OUTSIDE)
        kept = self._with_ended_name(text, trie)
        roots = self._open_roots(kept or left, trie) if kept or text.node == OUTSIDE else ()
        likeliest = np.argpartition(-row, self._width.likeliest)[: self._width.likeliest]
        for token in map(int, likeliest):
            base = kept if kept and self._ends(kept, token) else left
            if base is kept or token not in children:
                yield _candidate(base, row, token, OUTSIDE, trie, at)
        for root in roots:
            base = kept or left
            for token, node in self._best_beginnings(root, row, likeliest):
                if base is not kept or self._ends(base, token):
                    yield _candidate(base, row, token, node, trie, at)

    def _with_ended_name(self, text: Hypothesis, trie: NameTrie) -> Hypothesis | None:
        """Return the text with the bonus of the whole name at its end, or None if there is none."""
        ended = trie.ended[text.node]
        if ended is None:
            return None
        bonus, name = ended
        before = [one.name for one in text.ended if one.name.kind is name.kind]
        pays = len(before) < MAX_PAID and name.code not in {other.code for other in before}
        end = len(text.tokens)
        whole = Ended(name, end - len(name.tokens), end)
        kept = text.kept + (bonus if pays else 0.0)
        return replace(text, kept=kept, node=OUTSIDE, ended=(*text.ended, whole))

    def _ends(self, text: Hypothesis, token: int) -> bool:
        """Return whether `token` may follow the name at the end of a text."""
        if text.ended[-1].name.kind is Kind.FLIGHT_CODE:
            return bool(self._begins_number[token])
        return bool(self._tokenizer.ends_word[token])

    def _open_roots(self, text: Hypothesis, trie: NameTrie) -> list[Root]:
        """Return the roots of the kinds of names that may begin after a text."""
        words = self._tokenizer.decode(text.tokens[-_LOOK_BACK:]).lower().split()
        if not words:
            return list(trie.roots.values())
        if words[-1][-1] in _PUNCTUATION:
            return [root for kind, root in trie.roots.items() if kind is not Kind.YES_NO]
        return [root for kind, root in trie.roots.items() if words[-1] in _BEFORE.get(kind, ())]

    def _best_beginnings(
        self, root: Root, row: Floats, likeliest: npt.NDArray[np.intp]
    ) -> Iterator[tuple[int, int]]:
        """Yield first tokens of names and their nodes: the best paid ones, and all that are likely anyway."""
        worth = row[root.tokens] + root.bonuses
        count = min(self._width.inside, len(worth))
        best = np.argpartition(-worth, count - 1)[:count]
        for index in {*map(int, best), *map(int, np.flatnonzero(np.isin(root.tokens, likeliest)))}:
            yield int(root.tokens[index]), int(root.nodes[index])


def _candidate(
    base: Hypothesis, row: Floats, token: int, node: int, trie: NameTrie, parent: int
) -> _Candidate:
    total = base.own + float(row[token]) + base.kept + trie.bonuses[node]
    return _Candidate(total, token, node, base, parent)


def _extended(one: _Candidate, row: Floats) -> Hypothesis:
    log_p = float(row[one.token])
    return replace(
        one.base,
        tokens=(*one.base.tokens, one.token),
        log_probabilities=(*one.base.log_probabilities, log_p),
        own=one.base.own + log_p,
        node=one.node,
        total=one.total,
    )


def _finished(one: _Candidate, row: Floats) -> Hypothesis:
    return replace(one.base, own=one.base.own + float(row[END]), node=OUTSIDE, total=one.total)
