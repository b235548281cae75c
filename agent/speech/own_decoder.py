"""Decoding of Moonshine by our own search: greedy while the caller speaks, then biased towards names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib.resources.abc import Traversable

from agent.language.hearing import Expected, HeardPlace, Transcript
from agent.speech.audio import Samples
from agent.speech.beam_search import BeamSearch, Ended, Hypothesis
from agent.speech.known_names import Kind
from agent.speech.moonshine_networks import Floats, Networks, max_tokens
from agent.speech.moonshine_tokenizer import END, START, Tokenizer
from agent.speech.name_trie import OUTSIDE, trie_for

NO_RIVAL_MARGIN = 9.0
"""Margin of a place that all hypotheses contain."""
MAX_ALTERNATIVES = 3
_PLACES = frozenset({Kind.PLACE, Kind.SPELLED})


class DecodeFailed(Exception):
    """The audio of one utterance could not be decoded. Later utterances may succeed."""


class OwnDecoder:
    """Decoder whose finished texts lean towards the names that the dialogue may expect."""

    def __init__(self, folder: Traversable) -> None:
        self._networks, self._tokenizer = Networks(folder), Tokenizer(folder / "tokenizer.bin")
        self._search = BeamSearch(self._networks, self._tokenizer)
        trie_for(Expected())  # loads the table of names

    def decode(self, samples: Samples, expected: Expected | None = None) -> Transcript:
        """Return the transcript of an utterance (16 kHz). Raises `DecodeFailed`.

        Without `expected` the search is greedy: faster, and without names.
        """
        try:
            frames = self._networks.encode(samples)
            hypotheses = (
                self._search.n_best(frames, trie_for(expected)) if expected else [self._greedy(frames)]
            )
        except RuntimeError as error:  # all run-time errors of onnxruntime
            raise DecodeFailed(f"onnxruntime failed: {error}") from error
        return self._transcript(hypotheses)

    def close(self) -> None:
        """Do nothing: the networks are freed with this object."""

    def _greedy(self, frames: Floats) -> Hypothesis:
        tokens, log_probabilities = list[int](), list[float]()
        log_ps, cache = self._networks.begin([[START]], frames)
        while (token := int(log_ps[0, -1].argmax())) != END and len(tokens) < max_tokens(frames):
            tokens.append(token)
            log_probabilities.append(float(log_ps[0, -1, token]))
            log_ps, cache = self._networks.extend([[token]], frames, cache)
        return Hypothesis(tuple(tokens), tuple(log_probabilities), node=OUTSIDE)

    def _transcript(self, hypotheses: Sequence[Hypothesis]) -> Transcript:
        best = hypotheses[0]
        margins = {one: _margin(one, hypotheses) for one in best.ended}
        places = tuple(
            HeardPlace(one.name.text, margins[one], tuple(_alternatives(at, hypotheses)))
            for at, one in enumerate(best.ended)
            if one.name.kind in _PLACES
        )
        confidences = tuple(self._confidences(best, margins))
        return Transcript(self._tokenizer.decode(best.tokens), confidences, places)

    def _confidences(self, best: Hypothesis, margins: dict[Ended, float]) -> Iterator[float]:
        """Yield the confidence of each word: of its least likely token, or of the name that it belongs to.

        A name whose text is ahead by a margin is right with the logistic function of it.
        """
        of_tokens = [math.exp(log_p) for log_p in best.log_probabilities]
        for one, margin in margins.items():
            of_tokens[one.start : one.end] = [1 / (1 + math.exp(-margin))] * (one.end - one.start)
        starts = [at for at, token in enumerate(best.tokens) if self._tokenizer.begins_word(token)]
        for start, end in zip(starts, [*starts[1:], len(of_tokens)], strict=True):
            if self._tokenizer.decode(best.tokens[start:end]):
                yield round(min(of_tokens[start:end]), 3)


def _margin(one: Ended, hypotheses: Sequence[Hypothesis]) -> float:
    best = hypotheses[0].total
    rival = max(
        (text.total for text in hypotheses if not _has(text, one.name.code)), default=best - NO_RIVAL_MARGIN
    )
    return best - rival


def _has(text: Hypothesis, code: str) -> bool:
    return any(one.name.code == code for one in text.ended)


def _alternatives(at: int, hypotheses: Sequence[Hypothesis]) -> Iterator[str]:
    """Yield names at the position of the best text's name number `at`, in texts with the same other names."""
    codes = [one.name.code for one in hypotheses[0].ended]
    seen = set(codes)
    for text in hypotheses[1:]:
        others = [one.name.code for one in text.ended]
        if len(others) == len(codes) and others[:at] + others[at + 1 :] == codes[:at] + codes[at + 1 :]:
            name = text.ended[at].name
            if name.kind in _PLACES and name.code not in seen and len(seen) < len(codes) + MAX_ALTERNATIVES:
                seen.add(name.code)
                yield name.text
