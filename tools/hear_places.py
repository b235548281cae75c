"""Collect mishearings of place names: speak each well-known name and record the recogniser's transcript.

    python -m tools.hear_places [VOICE…]    # adds to services/flightdata/places/data/heard.tsv, some minutes
    per voice

Voices: `hibari` (default, from its wheel), `flite:rms`, `flite:slt`… (Debian's `flite`). Recogniser:
Moonshine tiny-en, from its wheel. Only mishearings are recorded, with their counts. The corpus of `bench/`
has other sentences, speeds and voices, so that the bench measures with unseen data; don't mix the two.
"""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import wave
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import moonshine_voice
import numpy as np
from hibari import SAMPLE_RATE, Hibari
from moonshine_voice import ModelArch, Transcriber
from numpy.typing import NDArray

from services.flightdata.places import lexicon
from services.flightdata.places.place import Place
from services.flightdata.places.sentence import context_words
from services.flightdata.places.text_keys import key

TARGET = lexicon.DATA / "heard.tsv"
RECOGNISER_RATE = 16_000
"""Samples a second."""
KNOWN_RANK = 0.055
FRAMES = (
    (
        "I want to fly to {}.",
        re.compile(r"i (?:want|wanted|wanna|won't) (?:to )?(?:fly|flight|flyt)(?: to)? (.+)", re.I),
    ),
    ("{}.", re.compile(r"(.+)")),
    ("Flights from {}.", re.compile(r"(?:flights?|flight's) (?:from|for|form) (.+)", re.I)),
)
"""Sentences, each with a pattern that finds the name in the transcript."""
SPEEDS = (0.95, 1.05)
LONGEST_WORDS = 5
FORMER_NAMES = [
    "Bangalore",
    "Bombay",
    "Calcutta",
    "Madras",
    "Cochin",
    "Trivandrum",
    "Mangalore",
    "Mysore",
    "Calicut",
    "Vizag",
    "Saigon",
]
"""Former names of renamed cities that are still in use."""


class Recogniser:
    """Moonshine without its voice detection: transcribes one sentence at a time."""

    def __init__(self) -> None:
        model = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
        options = {
            "vad_threshold": "0",
            "return_audio_data": "false",
            "identify_speakers": "false",
            "word_timestamps": "false",
        }
        self._transcriber = Transcriber(str(model), ModelArch.TINY, options=options)

    def transcribe(self, audio: NDArray[np.float32]) -> str:
        """Return the text of mono audio at `RECOGNISER_RATE`."""
        transcript = self._transcriber.transcribe_without_streaming(audio.tolist(), RECOGNISER_RATE)
        return " ".join(line.text for line in transcript.lines).strip()


Voice = Callable[[str, float], NDArray[np.float32]]
"""Synthesises a text at a speed relative to the voice's own, as mono audio at `RECOGNISER_RATE`."""


def voice_named(name: str) -> Voice:
    """Return the voice `hibari`, or one of flite's, for example `flite:rms`."""
    engine, _, variant = name.partition(":")
    if engine == "hibari":
        hibari = Hibari()
        return lambda text, speed: resampled(np.asarray(hibari(text, speed=speed), np.float32), SAMPLE_RATE)
    return lambda text, speed: _flite(variant, text, speed)


def _flite(variant: str, text: str, speed: float) -> NDArray[np.float32]:
    with TemporaryDirectory() as folder:
        target = Path(folder) / "spoken.wav"
        stretch = f"duration_stretch={1 / speed:.3f}"
        subprocess.run(
            ["/usr/bin/env", "flite", "-voice", variant, "--setf", stretch, "-t", text, "-o", target],
            check=True,
        )
        with wave.open(str(target)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
            return resampled(samples.astype(np.float32) / np.float32(32768), file.getframerate())


def resampled(audio: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Resample to `RECOGNISER_RATE` and add 0.2 s of silence at both ends."""
    count = int(len(audio) * RECOGNISER_RATE / rate)
    resampled = np.interp(np.arange(count) * rate / RECOGNISER_RATE, np.arange(len(audio)), audio)
    silence = np.zeros(RECOGNISER_RATE // 5)
    return np.concatenate([silence, resampled, silence]).astype(np.float32)


def known_names() -> Iterator[tuple[str, Place]]:
    """Yield the names of well-known cities, and the former names of renamed ones."""
    known = lexicon.load()
    least = lexicon.prior(KNOWN_RANK)
    for code, place in sorted(known.places.items()):
        if code == place.code and place.prior >= least and known.metro_of(place) == code:
            yield place.city, place
    for name in FORMER_NAMES:
        yield name, known.exact[key(name)][0].place


def distinctive(heard: str, names: set[str]) -> bool:
    """Return True unless a text is ordinary speech: a place name, an everyday word, or a sentence."""
    everyday = context_words().common | lexicon.load().countries | names
    return len(key(heard)) > 2 and key(heard) not in everyday and len(heard.split()) <= LONGEST_WORDS


def mishearings(voice: Voice) -> Counter[tuple[str, str]]:
    """Speak every name and count the misheard pairs (heard text, code of the spoken place)."""
    recogniser = Recogniser()
    least = lexicon.prior(KNOWN_RANK)
    names = {
        joined
        for joined, meanings in lexicon.load().exact.items()
        if any(m.place.prior >= least for m in meanings)
    }
    found: Counter[tuple[str, str]] = Counter()
    for name, place in known_names():
        for frame, cut in FRAMES:
            for speed in SPEEDS:
                transcript = recogniser.transcribe(voice(frame.format(name), speed))
                match = cut.fullmatch(transcript.strip(" .,?!"))
                heard = re.sub(r"[^a-z' -]", "", match[1].casefold()).strip() if match else ""
                if distinctive(heard, names):
                    found[heard, place.code] += 1
    return found


def recorded() -> Counter[tuple[str, str]]:
    """Return the counts in the table, to which the results of more voices are added."""
    with TARGET.open(encoding="utf-8", newline="") as table:
        return Counter(
            {(row["heard"], row["place"]): int(row["times"]) for row in csv.DictReader(table, delimiter="\t")}
        )


def main() -> None:
    """Add the mishearings of each given voice to the table."""
    found = recorded()
    for name in sys.argv[1:] or ["hibari"]:
        found |= mishearings(voice_named(name))
    lines = [f"{heard}\t{code}\t{count}\n" for (heard, code), count in sorted(found.items())]
    TARGET.write_text("heard\tplace\ttimes\n" + "".join(lines), encoding="utf-8")
    sys.stdout.write(f"{len(lines)} mishearings of {len({code for _, code in found})} places\n")


if __name__ == "__main__":
    main()
