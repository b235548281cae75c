"""Record a spoken call with `readback call` as docs/media/call.mp3, and its words as docs/media/call.txt.

    python -m tools.record_call        # takes about a minute; needs `lame`

The product runs with its own home and ports. `readback call --out` records the agent's side. Each question is
mixed in so that it ends `first_audio_ms` before its answer.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from agent.speech.audio import Samples, resampled
from agent.speech.hibari_engine import TTS_RATE, HibariEngine
from cli.calls.earpiece import RECORDING_RATE
from cli.calls.wav import write_wav
from mesh.settings import CHECKOUT
from tests.product import environment_for, started

QUESTIONS = ("Show flights from Mumbai to Delhi on Friday evening.", "And the cheapest one?")
MEDIA = CHECKOUT / "docs" / "media"
_LOUD = 600
"""A sample louder than this is speech."""


def main() -> None:
    """Record, mix and write both files."""
    voice = HibariEngine()
    asked = [resampled(voice.say(question), TTS_RATE, RECORDING_RATE) for question in QUESTIONS]
    with TemporaryDirectory() as scratch:
        turns = _call(Path(scratch))
        recording = Path(scratch) / "call.wav"
        heard = _read(recording)
        latencies = [turn["first_audio_ms"] / 1000 for turn in turns]
        write_wav(recording, mixed(heard, asked, latencies), RECORDING_RATE)
        MEDIA.mkdir(parents=True, exist_ok=True)
        subprocess.run(["lame", "--quiet", "-b", "48", str(recording), str(MEDIA / "call.mp3")], check=True)  # noqa: S607
    lines = [f"Caller: {turn['said']}\nAgent:  {turn['reply']}\n" for turn in turns]
    print(
        *(f"heard {turn['heard']!r}, answered after {turn['first_audio_ms']} ms" for turn in turns), sep="\n"
    )
    (MEDIA / "call.txt").write_text("\n".join(lines), encoding="utf-8")


def mixed(heard: Samples, asked: Sequence[Samples], latencies: Sequence[float]) -> Samples:
    """Return the agent's side with each question added before its answer.

    An answer begins after the first silence that is long enough for the question and the latency in seconds.
    """
    call = heard.astype(np.int32)
    loud = np.flatnonzero(np.abs(call) > _LOUD)
    gaps = pairwise(loud)
    for question, latency in zip(asked, latencies, strict=True):
        wait = int(latency * RECORDING_RATE)
        answer = next(end for begin, end in gaps if end - begin >= len(question) + wait)
        call[answer - wait - len(question) : answer - wait] += question
    return np.clip(call, -32768, 32767).astype(np.int16)


def _call(folder: Path) -> list[dict[str, Any]]:
    says = [word for question in QUESTIONS for word in ("--say", question)]
    with started(environment_for(folder / "home")) as product:
        product.wait_for("Ctrl-C")
        done = product.readback("call", "--json", "--out", str(folder / "call.wav"), *says)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return [event for event in events if event["event"] == "turn"]


def _read(path: Path) -> Samples:
    return np.frombuffer(path.read_bytes()[44:], np.int16)


if __name__ == "__main__":
    main()
