"""Places and flight numbers in spoken requests: our own decoding next to the library's, in the same run.

    python -m bench.places.spoken [--requests 20] [--seed 0] [--json] [VOICE…]

The bench speaks requests of `corpus.jsonl`, sentences without places (`no_places.txt`) and questions about
flight numbers. It needs `flite` and `espeak-ng`. Voices are `hibari`, `flite:NAME` and `espeak:NAME`, also
with `+phone` for the telephone band (mu-law) or `+noise` for noise at 10 dB.

`right` is the share of places whose city is the first candidate, `after_question` also counts a city that the
agent offers in its question, `wrong_and_sure` is the share of places on which the agent would act wrongly.
`inserted` is the share of sentences without places in which a place was found and is sure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
import wave
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from readback.flightdata.v1 import places_pb2

from agent.dialogue.unsure_places import with_alternatives
from agent.language import ENGLISH
from agent.language.en.airlines import AIRLINES
from agent.language.en.flight_numbers import find_flight_numbers
from agent.language.hearing import Expected, Transcript
from agent.speech.audio import Samples
from agent.speech.moonshine_engine import MODEL, UtteranceDecoder
from agent.speech.moonshine_library import LibraryDecoder
from agent.speech.own_decoder import OwnDecoder
from bench.places.__main__ import CORPUS, city
from bench.understanding import LexiconPlaces
from cli.supervisor.child_processes import run
from tools.hear_places import RECOGNISER_RATE, resampled, voice_named

NO_PLACES = Path(__file__).with_name("no_places.txt")
VOICES = (
    "hibari",
    "hibari+phone",
    "flite:rms",
    "flite:slt",
    "flite:slt+phone",
    "flite:awb+noise",
    "flite:kal16",
    "espeak:en-us",
)
NOISE_DB = 10
"""Level of the voice above the noise, in decibels."""
OFFERED = 2
"""Number of places that a question of the agent names."""
QUESTIONS = ("What's the status of flight {}?", "Is {} on time?", "Flight {}, please.")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Request:
    """A sentence, and the codes of its places or its flight number."""

    said: str
    places: Sequence[str] = ()
    flight_number: str = ""


@dataclass
class Score:
    """Counts over the decoded requests of one decoder and one voice."""

    places: int = 0
    right: int = 0
    after_question: int = 0
    wrong_and_sure: int = 0
    placeless: int = 0
    inserted: int = 0
    numbers: int = 0
    numbers_right: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def add(self, request: Request, heard: Transcript) -> None:
        """Compare the places and the flight number in a transcript with those of its request."""
        if request.flight_number:
            found = find_flight_numbers(heard.text.lower(), heard.text)
            self.numbers += 1
            self.numbers_right += [one.value for one in found] == [request.flight_number]
            return
        annotations = asyncio.run(_annotated(heard))
        meant = {city(code) for code in request.places}
        first = {city(one.candidates[0].place.code) for one in annotations}
        asked = [one.candidates[:OFFERED] for one in annotations if not one.confident]
        offered = {city(candidate.place.code) for candidates in asked for candidate in candidates}
        sure = {city(one.candidates[0].place.code) for one in annotations if one.confident}
        self.places += len(meant)
        self.right += len(meant & first)
        self.after_question += len(meant & (sure | offered))
        self.wrong_and_sure += len(sure - meant) if meant else 0
        self.placeless += not meant
        self.inserted += bool(sure) and not meant

    def report(self) -> Mapping[str, float]:
        """Return the shares, and the 95th percentile of the decode time."""
        return {
            "places": self.places,
            "right": _share(self.right, self.places),
            "after_question": _share(self.after_question, self.places),
            "wrong_and_sure": _share(self.wrong_and_sure, self.places),
            "inserted": _share(self.inserted, self.placeless),
            "flight_numbers": _share(self.numbers_right, self.numbers),
            "p50_ms": round(float(np.percentile(self.milliseconds, 50))),
            "p95_ms": round(float(np.percentile(self.milliseconds, 95))),
        }


async def _annotated(heard: Transcript) -> Sequence[places_pb2.PlaceAnnotation]:
    """Return the places of a transcript as the dialogue understands them."""
    annotator = LexiconPlaces()
    found = await annotator.annotate(heard.text, home_country="")
    return await with_alternatives(found, heard.places, annotator, ENGLISH, "")


def _share(part: int, whole: int) -> float:
    return round(part / max(1, whole), 3)


def requests(count: int, choice: random.Random) -> Iterator[Request]:
    """Yield `count` requests with places, and half as many without places and with flight numbers."""
    rows = {row["said"]: row["places"] for row in map(json.loads, CORPUS.read_text("utf-8").splitlines())}
    for said in choice.sample(sorted(rows), count):
        yield Request(said, rows[said])
    placeless = NO_PLACES.read_text("utf-8").splitlines()
    yield from (Request(said) for said in choice.sample(placeless, min(len(placeless), count // 2)))
    for _ in range(count // 2):
        code, digits = choice.choice(sorted(AIRLINES)), [choice.randrange(1, 10) for _ in range(3)]
        spoken = " ".join((*code, *(DIGITS[digit] for digit in digits)))
        yield Request(choice.choice(QUESTIONS).format(spoken), flight_number=code + "".join(map(str, digits)))


def spoken(voice: str, text: str, choice: random.Random) -> Samples:
    """Return a text as spoken by a voice, at 16 kHz."""
    name, _, condition = voice.partition("+")
    engine, _, variant = name.partition(":")
    audio = _espeak(variant, text) if engine == "espeak" else voice_named(name)(text, 1.0)
    if condition == "phone":
        audio = telephone(audio)
    elif condition == "noise":
        level = float(np.sqrt(np.mean(np.square(audio)))) * 10 ** (-NOISE_DB / 20)
        noise = np.random.default_rng(choice.randrange(2**32)).standard_normal(len(audio)) * level
        audio = audio + noise.astype(np.float32)
    return (np.clip(audio, -1, 1) * 32767).astype(np.int16)


def _espeak(variant: str, text: str) -> NDArray[np.float32]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "speech.wav")
        spoken = run(["/usr/bin/env", "espeak-ng", "-v", variant, "-w", path, text])
        assert spoken.returncode == 0, spoken.stderr
        data = path.read_bytes()
    with wave.open(BytesIO(data)) as file:
        samples = np.frombuffer(file.readframes(-1), np.int16)[: file.getnframes()]
        return resampled(samples.astype(np.float32) / np.float32(32768), file.getframerate())


def telephone(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return audio as a telephone carries it: 300 to 3400 Hz, 8-bit mu-law."""
    spectrum, hertz = np.fft.rfft(audio), np.fft.rfftfreq(len(audio), 1 / RECOGNISER_RATE)
    band = np.fft.irfft(np.where((hertz > 300) & (hertz < 3400), spectrum, 0), len(audio))
    compressed = np.sign(band) * np.log1p(255 * np.abs(band)) / np.log(256)
    coded = np.round(compressed * 127) / 127
    decoded = np.sign(coded) * (256 ** np.abs(coded) - 1) / 255
    return np.asarray(decoded, np.float32)


def measure(voices: Sequence[str], count: int, seed: int) -> Mapping[str, Mapping[str, float]]:
    """Return a report for each decoder, over all voices and for each."""
    decoders: Mapping[str, UtteranceDecoder] = {"library": LibraryDecoder(MODEL), "own": OwnDecoder(MODEL)}
    scores: dict[str, Score] = defaultdict(Score)
    for voice in voices:
        choice = random.Random(f"{seed} {voice}")
        for request in requests(count, choice):
            samples = spoken(voice, request.said, choice)
            for name, decoder in decoders.items():
                begun = time.perf_counter()
                heard = decoder.decode(samples, Expected())
                milliseconds = 1000 * (time.perf_counter() - begun)
                for score in (scores[f"{name}, all"], scores[f"{name}, {voice}"]):
                    score.milliseconds.append(milliseconds)
                    score.add(request, heard)
    for decoder in decoders.values():
        decoder.close()
    return {name: score.report() for name, score in scores.items()}


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("voices", nargs="*", default=list(VOICES), metavar="VOICE")
    parser.add_argument("--requests", type=int, default=20, help="requests with places, for each voice")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    reports = measure(options.voices, options.requests, options.seed)
    if options.json:
        print(json.dumps(reports))
        return
    columns = list(next(iter(reports.values())))
    print(f"{'':26}" + "".join(f"{column:>16}" for column in columns))
    for name, report in reports.items():
        print(f"{name:26}" + "".join(f"{report[column]:>16}" for column in columns))


if __name__ == "__main__":
    main()
