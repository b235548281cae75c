"""Learns what the offline ears make of the names of places: speaks each well-known one and writes down what is heard instead.

    python -m tools.hear_places [VOICE…]    # adds to services/flightdata/places/data/heard.tsv, in some minutes a voice

Voices: `hibari` (the default, from its wheel) and `flite:rms`, `flite:slt`… (Debian's `flite`); ears: Moonshine tiny-en, from its wheel.
Only mishearings are kept, with how often each came. The corpus in `bench/` has other sentences, speeds and voices nobody learnt from, so
that the bench doesn't grade its own teacher: keep it so.
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

from services.flightdata.places import carrier_words, lexicon
from services.flightdata.places.place import Place
from services.flightdata.places.text_keys import key

TARGET = lexicon.DATA / "heard.tsv"
EAR_RATE = 16_000
KNOWN_RANK = 0.055
FRAMES = (
    (
        "I want to fly to {}.",
        re.compile(r"i (?:want|wanted|wanna|won't) (?:to )?(?:fly|flight|flyt)(?: to)? (.+)", re.I),
    ),
    ("{}.", re.compile(r"(.+)")),
    ("Flights from {}.", re.compile(r"(?:flights?|flight's) (?:from|for|form) (.+)", re.I)),
)
"""Sentences, and how the name is cut out of what was heard of them."""
SPEEDS = (0.95, 1.05)
LONGEST_WORDS = 5
OTHER_NAMES = (
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
)
"""Former names of renamed cities, still said."""


class Ears:
    """Moonshine without its own voice detection: one sentence in, its text out."""

    def __init__(self) -> None:
        model = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
        options = {
            "vad_threshold": "0",
            "return_audio_data": "false",
            "identify_speakers": "false",
            "word_timestamps": "false",
        }
        self._transcriber = Transcriber(str(model), ModelArch.TINY, options=options)

    def hear(self, audio: NDArray[np.float32]) -> str:
        """The text of mono audio at `EAR_RATE`."""
        transcript = self._transcriber.transcribe_without_streaming(audio.tolist(), EAR_RATE)
        return " ".join(line.text for line in transcript.lines).strip()


Voice = Callable[[str, float], NDArray[np.float32]]
"""Speaks a text at a speed (1 is the voice's own): mono audio at `EAR_RATE`."""


def voice_named(name: str) -> Voice:
    """`hibari`, or a voice of flite's as `flite:rms`."""
    engine, _, variant = name.partition(":")
    if engine == "hibari":
        hibari = Hibari()
        return lambda text, speed: _for_ears(np.asarray(hibari(text, speed=speed), np.float32), SAMPLE_RATE)
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
            audio = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(
                np.float32
            ) / np.float32(32768)
            return _for_ears(audio, file.getframerate())


def _for_ears(audio: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """At `EAR_RATE`, with a little silence around it."""
    count = int(len(audio) * EAR_RATE / rate)
    resampled = np.interp(np.arange(count) * rate / EAR_RATE, np.arange(len(audio)), audio)
    silence = np.zeros(EAR_RATE // 5)
    return np.concatenate([silence, resampled, silence]).astype(np.float32)


def known_names() -> Iterator[tuple[str, Place]]:
    """Names of well-known places as travellers say them: the city's, and English aliases of the overlay's renamed cities."""
    words = lexicon.load()
    least = lexicon.prior(KNOWN_RANK)
    for code, place in sorted(words.places.items()):
        if code == place.code and place.prior >= least and words.metro_of(place) == code:
            yield place.city, place
    for joined in OTHER_NAMES:
        yield joined, words.exact[key(joined)][0].place


def tellable(said: str, names: set[str]) -> bool:
    """Whether a hearing can be told from ordinary speech: no name of a place or country, no everyday word, not a whole sentence."""
    everyday = carrier_words.load().common | lexicon.load().countries | names
    return len(key(said)) > 2 and key(said) not in everyday and len(said.split()) <= LONGEST_WORDS


def mishearings(voice: Voice) -> Counter[tuple[str, str]]:
    """(what was heard, code of what was said) with how often."""
    ears = Ears()
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
                match = cut.fullmatch(ears.hear(voice(frame.format(name), speed)).strip(" .,?!"))
                said = re.sub(r"[^a-z' -]", "", match[1].casefold()).strip() if match else ""
                if tellable(said, names):
                    found[said, place.code] += 1
    return found


def remembered() -> Counter[tuple[str, str]]:
    """What the table holds already: hearings of other voices and days stay true."""
    with TARGET.open(encoding="utf-8", newline="") as table:
        return Counter(
            {(row["heard"], row["place"]): int(row["times"]) for row in csv.DictReader(table, delimiter="\t")}
        )


def main() -> None:
    """Adds to the table."""
    found = remembered()
    for name in sys.argv[1:] or ["hibari"]:
        found |= mishearings(voice_named(name))
    lines = [f"{said}\t{code}\t{count}\n" for (said, code), count in sorted(found.items())]
    TARGET.write_text("heard\tplace\ttimes\n" + "".join(lines), encoding="utf-8")
    sys.stdout.write(f"{len(lines)} mishearings of {len({code for _, code in found})} places\n")


if __name__ == "__main__":
    main()
