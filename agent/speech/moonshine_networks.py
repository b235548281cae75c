"""The neural networks of Moonshine tiny-en: an encoder of audio and a decoder of tokens, under onnxruntime.

The library moonshine-voice runs the same files but returns only the likeliest text. A search over several
texts needs the probabilities, so this module runs the networks itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnxruntime

from agent.speech.audio import Samples, silence

Floats: TypeAlias = npt.NDArray[np.float32]
"""Array of 32-bit floats of any shape."""

_LAYERS, _HEADS, _HEAD_SIZE = 6, 8, 36
_THREADS = 2
_CHUNK = 512
PADDING = silence(100)
"""Silence added after the audio. Without it the model drops the last word."""
_FRAMES_PER_S = 41.5
_MAX_TOKENS_PER_S = 6.5

_PAST = {
    side: [f"past_key_values.{layer}.{side}.{kind}" for layer in range(_LAYERS) for kind in ("key", "value")]
    for side in ("decoder", "encoder")
}
_PRESENT = {
    side: [name.replace("past_key_values", "present") for name in names] for side, names in _PAST.items()
}


@dataclass(frozen=True)
class Cache:
    """Keys and values of the tokens so far (`decoder`) and of the audio (`encoder`), one row per text."""

    decoder: Sequence[Floats]
    encoder: Sequence[Floats]

    def rows(self, parents: Sequence[int]) -> Cache:
        """Return the cache of texts that continue these rows. All rows have the same audio."""
        encoder = self.encoder
        if len(parents) != len(encoder[0]):
            encoder = [np.repeat(one[:1], len(parents), axis=0) for one in encoder]
        return Cache([one[parents] for one in self.decoder], encoder)


class Networks:
    """The encoder and the decoder, loaded from the folder of the model.

    Raises:
        Exception: onnxruntime can't load the files. Its errors have no common class.
    """

    def __init__(self, folder: Traversable) -> None:
        self._encoder = _session(folder / "encoder_model.ort")
        self._decoder = _session(folder / "decoder_model_merged.ort")

    def encode(self, samples: Samples) -> Floats:
        """Return the frames of an utterance (16 kHz), shape [1, frames, 288].

        Like the library it drops the last samples that don't fill a chunk, so that both give the same text.
        """
        audio = np.concatenate((samples, PADDING)).astype(np.float32)[None] / np.float32(32768)
        audio = audio[:, : audio.shape[1] // _CHUNK * _CHUNK]
        mask = np.ones(audio.shape, np.int64)
        frames: Floats = self._encoder.run(None, {"input_values": audio, "attention_mask": mask})[0]
        return frames

    def begin(self, tokens: Sequence[Sequence[int]], frames: Floats) -> tuple[Floats, Cache]:
        """Return the log probabilities after each token of each row, [rows, tokens, 32768], and the cache."""
        empty = np.zeros((len(tokens), _HEADS, 0, _HEAD_SIZE), np.float32)
        past = dict.fromkeys(_PAST["decoder"] + _PAST["encoder"], empty)
        results = self._run(tokens, frames, past, [*_PRESENT["decoder"], *_PRESENT["encoder"]], cached=False)
        layers = len(_PRESENT["decoder"])
        return _log_softmax(results[0]), Cache(results[1 : 1 + layers], results[1 + layers :])

    def extend(self, tokens: Sequence[Sequence[int]], frames: Floats, cache: Cache) -> tuple[Floats, Cache]:
        """Return the same as `begin` for the next tokens of the rows in `cache`."""
        past = dict(zip(_PAST["decoder"], cache.decoder, strict=True))
        past |= dict(zip(_PAST["encoder"], cache.encoder, strict=True))
        # Not asking for the encoder's part of the cache saves copying it.
        results = self._run(tokens, frames, past, _PRESENT["decoder"], cached=True)
        return _log_softmax(results[0]), Cache(results[1:], cache.encoder)

    def _run(
        self,
        tokens: Sequence[Sequence[int]],
        frames: Floats,
        past: Mapping[str, Floats],
        present: Sequence[str],
        *,
        cached: bool,
    ) -> list[Any]:
        frames = np.repeat(frames, len(tokens), axis=0)
        inputs = {
            "input_ids": np.array(tokens, np.int64),
            "encoder_hidden_states": frames,
            "encoder_attention_mask": np.ones(frames.shape[:2], np.int64),
            "use_cache_branch": np.array([cached]),
        }
        results: list[Any] = self._decoder.run(["logits", *present], inputs | dict(past))
        return results


def max_tokens(frames: Floats) -> int:
    """Return the maximum number of tokens of an utterance. No speech is faster; a longer text is a loop."""
    return max(8, int(frames.shape[1] / _FRAMES_PER_S * _MAX_TOKENS_PER_S) + 4)


def _session(file: Traversable) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _THREADS
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_probabilities: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_probabilities
