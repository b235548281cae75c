"""Build `agent/speech/data/names.tsv`: the names that the recogniser leans towards.

    python -m tools.build_names    # a minute of one core, without network

The names come from the tables of `services/flightdata/places` and from the airlines of `agent/language/en`.
Each has its tokens, and the log probability of each token by the decoder of Moonshine after a few words such
as "Flights to" and without any speech: the decoder's internal language model.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.language.en.airlines import AIRLINES
from agent.language.en.ordinary_words import is_ordinary
from agent.speech.known_names import Kind
from agent.speech.moonshine_engine import MODEL
from agent.speech.moonshine_networks import Floats, Networks
from agent.speech.moonshine_tokenizer import START, Tokenizer
from services.flightdata.data_files import rows
from services.flightdata.places import lexicon

TARGET = Path("agent/speech/data/names.tsv")
PREFIXES: Mapping[Kind, str] = {
    Kind.PLACE: "Flights to",
    Kind.SPELLED: "Flights to",
    Kind.AIRLINE: "Flights with",
    Kind.FLIGHT_CODE: "The flight",
    Kind.YES_NO: "",
}
ANSWERS = {"yes": ("Yes", "Yeah", "Yep", "Yes please", "Okay", "Sure"), "no": ("No", "Nope", "No thanks")}
MAX_TOKENS = 9
BATCH = 48
_NAME = re.compile(r"[A-Za-z][A-Za-z' .-]{2,}")
_LETTERS = str.maketrans("ıøØłŁ", "ioOlL")


@dataclass(frozen=True)
class Row:
    """A name of the table, without its tokens."""

    kind: Kind
    text: str
    code: str
    country: str = ""
    popularity: float = 1.0


def ascii_letters(text: str) -> str:
    """Return the text without accents."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def places() -> Iterator[Row]:
    """Yield the names of cities with traffic, each for the busiest city of that name, and their codes."""
    known, best = lexicon.load(), dict[str, Row]()
    for file in ("metros.tsv", "airports.tsv"):
        for row in rows(lexicon.DATA / file):
            rank = float(row["rank"])
            if rank <= lexicon.UNRANKED or row["code"] not in known.places:
                continue
            city = known.metro_of(known.places[row["code"]])
            popularity = round(lexicon.prior(rank), 2)
            for name in spoken_names(row):
                if name not in best or best[name].popularity < popularity:
                    best[name] = Row(Kind.PLACE, name, city, row["country"], popularity)
            if rank >= lexicon.LEAST_RANK:
                yield Row(Kind.SPELLED, " ".join(row["code"]), city, row["country"], popularity)
    yield from best.values()


def spoken_names(row: Mapping[str, str]) -> set[str]:
    """Return the city and its other names; other names of ordinary words would let in false ones."""
    others = (name for name in row["spoken"].split("|") if not all(map(is_ordinary, name.split())))
    names = {ascii_letters(row["city"]), *(title(name) for name in others)}
    return {name for name in names if _NAME.fullmatch(name)}


def title(name: str) -> str:
    """Return the name with a capital at the start of each word."""
    return " ".join(word[:1].upper() + word[1:] for word in name.split())


def airlines() -> Iterator[Row]:
    """Yield the names of airlines, and their codes as they stand before the digits of a flight number."""
    for code, name in AIRLINES.items():
        for text in {name, title(name.lower())}:
            yield Row(Kind.AIRLINE, text, code)
        for text in {code, " ".join(code)}:
            yield Row(Kind.FLIGHT_CODE, text, code)


def answers() -> Iterator[Row]:
    """Yield the first words of answers to a question that expects a yes or a no."""
    for meaning, texts in ANSWERS.items():
        yield from (Row(Kind.YES_NO, text, meaning) for text in texts)


class InternalModel:
    """The decoder of Moonshine as a language model: it decodes faint noise instead of speech."""

    def __init__(self) -> None:
        self._networks, self.tokenizer = Networks(MODEL), Tokenizer(MODEL / "tokenizer.bin")
        noise = np.random.default_rng(0).standard_normal(32_000) * 32
        self._frames: Floats = self._networks.encode(noise.astype(np.int16))

    def log_probabilities(self, prefix: str, names: Sequence[Sequence[int]]) -> list[list[float]]:
        """Return the log probability of each token of names of equal length, after the words `prefix`."""
        head = [START, *(self.tokenizer.encode(prefix) if prefix else [])]
        log_ps, _ = self._networks.begin([[*head, *name[:-1]] for name in names], self._frames)
        of_name = log_ps[:, len(head) - 1 :]
        return [
            [float(of_name[row, at, token]) for at, token in enumerate(name)]
            for row, name in enumerate(names)
        ]


def lines() -> Iterator[str]:
    """Yield the rows of the table, sorted."""
    model = InternalModel()
    groups: dict[tuple[Kind, int], list[tuple[Row, list[int]]]] = defaultdict(list)
    for row in sorted({*places(), *airlines(), *answers()}, key=lambda row: (row.kind, row.text, row.code)):
        tokens = model.tokenizer.encode(row.text)
        if len(tokens) <= MAX_TOKENS:
            groups[row.kind, len(tokens)].append((row, tokens))
    for (kind, _), group in groups.items():
        for start in range(0, len(group), BATCH):
            batch = group[start : start + BATCH]
            log_ps = model.log_probabilities(PREFIXES[kind], [tokens for _, tokens in batch])
            for (row, tokens), values in zip(batch, log_ps, strict=True):
                numbers = " ".join(map(str, tokens)), " ".join(f"{value:.2f}" for value in values)
                yield "\t".join((row.kind, row.text, row.code, row.country, str(row.popularity), *numbers))


def main() -> None:
    """Write the table."""
    found = sorted(lines())
    header = "kind\ttext\tcode\tcountry\tpopularity\ttokens\tlog_probabilities"
    TARGET.write_text("\n".join([header, *found]) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(found)} names\n")


if __name__ == "__main__":
    main()
