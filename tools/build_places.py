"""Build the tables in `services/flightdata/places/data/` from open data and a manual overlay.

    python -m tools.build_places            # writes services/flightdata/places/data/*.tsv

Sources: airportsdata (MIT), OpenTravelData as packaged by neobase (CC-BY-4.0; see NOTICE), and
`places_overlay.toml`. The build is reproducible: the same packages and overlay give the same bytes. The
tables are committed, and a test rebuilds them.
"""

from __future__ import annotations

import csv
import re
import sys
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from services.flightdata.places import text_keys

AS_OF = "2026-11-23"
"""The tables describe this day. Later code changes and openings are ignored."""
OVERLAY = Path(__file__).with_name("places_overlay.toml")
TARGET = Path(__file__).parent.parent / "services" / "flightdata" / "places" / "data"
LEAST_RANK = 0.002
"""Rank of an airport that has no rank in OpenTravelData."""
LATIN_END, LATIN_ADDITIONAL = "\u0250", frozenset(map(chr, range(0x1E00, 0x1F00)))
"""The end of Unicode's first Latin blocks, and the block Latin Extended Additional (Vietnamese,
transliterations)."""
NEAR = 0.5
"""Minimum likeness to the main name for names without a language; many are nicknames or historical."""
CITY_RANK, CITY_SHARE = 0.05, 0.08
"""Minimum rank of a city's main airport, and minimum share of this rank for its other airports, to form one
area. This excludes aero clubs."""

AIRPORT_COLUMNS = [
    "code",
    "icao",
    "name",
    "city",
    "country",
    "zone",
    "lat",
    "lon",
    "feet",
    "metro",
    "region",
    "rank",
    "spoken",
    "spellings",
]
METRO_COLUMNS = ["code", "city", "country", "zone", "region", "rank", "members", "spoken", "spellings"]
_GENERIC = re.compile(
    r"\b(international|intl|airport|aerodrome|airfield|air ?base|air force (?:base|station)"
    r"|regional|municipal|memorial|domestic)\b",
    re.I,
)
_NOT_NAMES = frozenset(
    [
        "post",
        "link",
        "wkdt",
        "iata",
        "icao",
        "faac",
        "abbr",
        "unlc",
        "phon",
        "piny",
        "fr_1793",
        "tcid",
        "uicn",
    ]
)
"""Language codes of OpenTravelData's alternative names that mark codes and links."""


def fold(name: str) -> str:
    """Fold a name in the same way as the lexicon; return "" for scripts other than Latin."""
    latin = all(c < LATIN_END or c in LATIN_ADDITIONAL or not c.isalpha() for c in name)
    return text_keys.fold(name) if latin else ""


def short_name(name: str) -> str:
    """Remove generic words: `Indira Gandhi International Airport` → `Indira Gandhi`."""
    return re.sub(r"\s+", " ", _GENERIC.sub(" ", name)).strip(" -–/")


def plain(name: str) -> str:
    """Remove a transliteration's macrons and keep other accents: `Ghāziābād` → `Ghaziabad`."""
    kept = (c for c in unicodedata.normalize("NFD", name) if c not in "\u0304\u0323\u0331")
    return unicodedata.normalize("NFC", "".join(kept)).replace("’", "'")


@dataclass
class Row:
    """A table row under construction.

    `spoken` names are also matched by similarity, `spellings` only exactly.
    """

    code: str
    name: str
    city: str
    country: str
    zone: str
    icao: str = ""
    lat: float = 0.0
    lon: float = 0.0
    feet: int = 0
    metro: str = ""
    city_code: str = ""
    region: str = ""
    rank: float = LEAST_RANK
    members: list[str] = field(default_factory=list)
    spoken: set[str] = field(default_factory=set)
    spellings: set[str] = field(default_factory=set)


def optd_rows() -> list[dict[str, str]]:
    """Return the rows of OpenTravelData that are valid on `AS_OF`."""
    with files("neobase").joinpath("optd_por_public.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="^"))
    return [
        r for r in rows if r["iata_code"] and (r["date_from"] or "0") <= AS_OF <= (r["date_until"] or "9")
    ]


def airportsdata_rows() -> Iterator[dict[str, str]]:
    """Yield the rows of airportsdata that have an IATA code."""
    with files("airportsdata").joinpath("airports.csv").open(encoding="utf-8") as table:
        yield from (row for row in csv.DictReader(table) if row["iata"])


def city_code(row: dict[str, str]) -> str:
    """Return the code of the first city that an airport serves."""
    return row["city_code_list"].split(",")[0]


def names_of(row: dict[str, str]) -> tuple[set[str], set[str]]:
    """Return (names in English, other spellings in Latin script) from a row's alternative names."""
    english: set[str] = set()
    languages: dict[str, set[str]] = defaultdict(set)
    main = fold(row["name"])
    for entry in row["alt_name_section"].split("="):
        language, written, flags = (*entry.split("|"), "", "")[:3]
        name = fold(written)
        if (
            not 4 <= len(name) <= 30
            or language in _NOT_NAMES
            or "c" in flags
            or not re.fullmatch(r"[a-z' .-]+", name)
        ):
            continue
        if language == "en":
            english.add(name)
        elif language or Levenshtein.normalized_similarity(name, main) >= NEAR:
            languages[name].add(language)
    return english, {name for name, said_in in languages.items() if len(said_in) > 1 or "" in said_in}


def airports(rows: Iterable[dict[str, str]]) -> dict[str, Row]:
    """Merge the airports of both sources: airportsdata fills the fields that OpenTravelData lacks."""
    found: dict[str, Row] = {}
    for r in rows:
        if "A" not in r["location_type"] or r["envelope_id"]:
            continue
        city = plain(r["city_name_list"].split("=")[0])
        served = short_name(city) or city
        row = Row(r["iata_code"], plain(r["name"]), served, r["country_code"], r["timezone"], r["icao_code"])
        row.lat, row.lon = float(r["latitude"]), float(r["longitude"])
        row.feet = round(float(r["elevation"] or 0) * 3.28084)
        row.metro = row.city_code = city_code(r)
        row.region = r["iso31662"]
        row.rank = max(float(r["page_rank"] or 0), LEAST_RANK)
        english, other = names_of(r)
        row.spellings |= {fold(short_name(n)) for n in english | other | {row.name}}
        found[row.code] = row
    for a in airportsdata_rows():
        city = plain(a["city"].split(",")[0].split("(")[0].strip()) or short_name(a["name"])
        seen = found.setdefault(a["iata"], Row(a["iata"], a["name"], city, a["country"], a["tz"]))
        if not seen.metro:
            seen.lat, seen.lon = float(a["lat"]), float(a["lon"])
        seen.icao, seen.feet = seen.icao or a["icao"], seen.feet or round(float(a["elevation"]))
        seen.metro = seen.metro or seen.code
        seen.spellings |= {fold(short_name(a["name"])), fold(a["city"].split(",")[0].split("(")[0].strip())}
    return found


def correct(found: dict[str, Row], overlay: dict[str, Any]) -> None:
    """Apply the overlay's closures and corrections that are valid on `AS_OF`."""
    for entry in overlay["closed"]:
        if str(entry["since"]) <= AS_OF:
            found.pop(entry["code"], None)
    for entry in overlay["airport"]:
        if str(entry["since"]) > AS_OF:
            continue
        row = found[entry["code"]]
        row.name, row.city = entry.get("name", row.name), entry.get("city", row.city)
        row.metro = row.city_code = entry.get("metro", row.metro)
        row.region = entry.get("region", row.region)
        row.rank = min(max(row.rank, entry.get("rank", 0.0)), entry.get("rank_cap", 1.0))
        row.spoken |= {fold(a) for a in entry.get("aliases", [])}
    for tier in overlay["known"]:
        for code in tier["codes"].split():
            found[code].rank = max(found[code].rank, tier["rank"])


def regions(rows: Iterable[dict[str, str]], overlay: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
    """Return the names of each country's states and provinces, by country and ISO 3166-2 code."""
    names: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row["iso31662"] and (name := fold(row["adm1_name_ascii"])):
            names[row["country_code"], row["iso31662"]][name] += 1
    found = {code: {counts.most_common(1)[0][0]} for code, counts in names.items()}
    for entry in overlay["region"]:
        found.setdefault((entry["country"], entry["code"]), set()).update(entry["names"])
    return found


def together(rows: list[Row]) -> list[Row]:
    """Return those airports of one city that travellers use; none if the city is small."""
    best = max((row.rank for row in rows), default=0.0)
    return [row for row in rows if row.rank >= CITY_SHARE * best] if best >= CITY_RANK else []


def metros(
    found: dict[str, Row], overlay: dict[str, Any], cities: dict[str, dict[str, str]]
) -> dict[str, Row]:
    """Return the areas of cities with several airports, and correct the `metro` of every airport."""
    members: dict[str, list[Row]] = defaultdict(list)
    for row in found.values():
        if row.rank > LEAST_RANK:
            members[row.metro].append(row)
    hand = {entry["code"]: entry for entry in overlay["metro"]}
    areas: dict[str, Row] = {}
    for code in sorted({c for c, rows in members.items() if len(rows) > 1} | set(hand)):
        entry = hand.get(code, {})
        airports_ = (
            [found[c] for c in entry["airports"] if c in found]
            if "airports" in entry
            else together(members[code])
        )
        if len(airports_) < 2:
            continue
        best = max(airports_, key=lambda row: (row.rank, row.code))
        city = entry.get("city") or (plain(cities[code]["name"]) if code in cities else best.city)
        rank = max(entry.get("rank", 0.0), min(1.0, sum(row.rank for row in airports_)))
        aliases = {fold(a) for a in entry.get("aliases", [])}
        area = Row(code, city, city, best.country, best.zone, rank=rank, spoken=aliases)
        area.region = entry.get("region", best.region)
        area.members = [row.code for row in sorted(airports_, key=lambda row: (-row.rank, row.code))]
        for row in airports_:
            row.metro, row.spoken = code, row.spoken | {s for s in row.spellings if s and s != fold(city)}
        areas[code] = area
    for row in found.values():
        if row.metro not in areas or row.code not in areas[row.metro].members:
            row.metro = row.code
    return areas


def heirs(found: dict[str, Row], areas: dict[str, Row]) -> dict[str, Row]:
    """Map each city code to the row that the city's name means: its area, or else its busiest airport."""
    chosen: dict[str, Row] = {}
    for row in sorted(found.values(), key=lambda row: (-row.rank, row.code)):
        chosen.setdefault(row.city_code or row.code, row)
    return chosen | areas


def name_cities(
    found: dict[str, Row], areas: dict[str, Row], cities: dict[str, dict[str, str]]
) -> dict[str, Row]:
    """Give each city's names to its row in `heirs`, remove them from its other airports; return the heirs."""
    chosen = heirs(found, areas)
    for code, row in chosen.items():
        if code in cities and code != "REK":
            english, other = names_of(cities[code])
            row.spoken |= {n for n in english if len(n.split()) <= 3} if row.rank > LEAST_RANK else set()
            row.spellings |= other | english
        row.spoken.add(fold(row.city))
    for row in found.values():
        heir = chosen[row.city_code or row.code] if row.metro == row.code else areas[row.metro]
        if heir is row or heir.code == row.code:
            continue
        if row.metro != row.code and fold(row.city) not in fold(row.name):
            row.spoken.add(fold(f"{row.city} {short_name(row.name)}"))
        row.spoken -= {fold(heir.city)}
        row.spellings -= {fold(heir.city)}
        if row.metro == row.code and fold(row.city) != fold(heir.city):
            row.spoken.add(fold(row.city))
    return chosen


def nickname(row: Row, names: set[str], rows: Iterable[Row]) -> None:
    """Give a row nicknames, which no other place has then."""
    for other in rows:
        other.spoken -= names
        other.spellings -= names
    row.spellings |= names


def table(rows: Iterable[Row], columns: Sequence[str]) -> str:
    """Format rows as tab-separated lines below a heading, sorted by code."""

    def cell(value: object) -> str:
        if isinstance(value, set):
            return "|".join(sorted(v for v in value if v))
        if isinstance(value, list):
            return ",".join(value)
        if isinstance(value, float):
            return f"{value:.5g}" if abs(value) < 1.01 else f"{value:.4f}"
        return str(value)

    lines = ["\t".join(columns)]
    for row in sorted(rows, key=lambda r: r.code):
        row.spellings -= row.spoken
        lines.append("\t".join(cell(getattr(row, c)) for c in columns))
    return "\n".join(lines) + "\n"


def build() -> dict[str, str]:
    """Return the text of each table by file name."""
    overlay = tomllib.loads(OVERLAY.read_text(encoding="utf-8"))
    rows = optd_rows()
    cities: dict[str, dict[str, str]] = {}
    for r in sorted(
        (r for r in rows if "C" in r["location_type"]), key=lambda r: -float(r["population"] or 0)
    ):
        cities.setdefault(r["iata_code"], r)
    found = airports(rows)
    correct(found, overlay)
    areas = metros(found, overlay, cities)
    chosen = name_cities(found, areas, cities)
    for code, nicknames in overlay["nicknames"].items():
        nickname(
            areas.get(code) or found[code],
            {fold(name) for name in nicknames},
            [*found.values(), *areas.values()],
        )
    recoded = {entry["code"]: entry["now"] for entry in overlay["closed"] if "now" in entry}
    other = {
        code: row.code for code, row in chosen.items() if code not in found and code not in areas
    } | recoded
    named = regions(rows, overlay)
    countries = {r["country_code"]: (r["country_name"], r["ccy_code"]) for r in rows if r["country_code"]}
    countries |= {code: (countries[code][0], money) for code, money in overlay["currency"].items()}
    return {
        "airports.tsv": table(found.values(), AIRPORT_COLUMNS),
        "metros.tsv": table(areas.values(), METRO_COLUMNS),
        "codes.tsv": "code\tplace\n" + "".join(f"{code}\t{place}\n" for code, place in sorted(other.items())),
        "countries.tsv": "code\tname\tcurrency\n"
        + "".join(f"{c}\t{name}\t{money}\n" for c, (name, money) in sorted(countries.items())),
        "regions.tsv": "country\tcode\tnames\n"
        + "".join(f"{c}\t{code}\t{'|'.join(sorted(n))}\n" for (c, code), n in sorted(named.items())),
    }


def main() -> None:
    """Write the tables."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, text in build().items():
        (TARGET / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{name}: {text.count(chr(10)) - 1} rows, {len(text.encode()) // 1024} kB\n")


if __name__ == "__main__":
    main()
