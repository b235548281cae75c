"""Speed and memory of sample searches with connections, without a server.

    python -m bench.flightdata.sample_search [--json] [--pairs 1000]

Airport pairs are drawn with a fixed seed, half of them with nonstop flights and half without. Each pair is
searched once, so that no route is cached. `start_s` is the time to load the tables, `sample_search_rss_mb`
the peak memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import time
from datetime import timedelta
from statistics import quantiles

from readback.flightdata.v1 import flights_pb2

from mesh.clock import SystemClock
from mesh.contracts.page_tokens import PageTokens
from services.flightdata import places
from services.flightdata.caching.answer_cache import AnswerCache
from services.flightdata.caching.store import MemoryCacheStore
from services.flightdata.model.queries import SearchLeg, SearchQuery
from services.flightdata.places.lexicon import Lexicon
from services.flightdata.providers.routing import ProviderRouter
from services.flightdata.sample.provider import SampleTimetable
from services.flightdata.search.flight_search import FlightSearch
from services.flightdata.search.offers import OfferService

SEED = 20261123
DAYS_AHEAD = 20


def drawn(lexicon: Lexicon, timetable: SampleTimetable, count: int) -> list[tuple[str, str]]:
    """Draw `count` ordered pairs of airports in different cities."""
    draw = random.Random(SEED)
    linked = timetable.schedule.network.services
    known = sorted({code for pair in linked for code in pair})
    pairs = draw.sample(sorted(linked), count // 2)
    while len(pairs) < count:
        a, b = sorted(draw.sample(known, 2))
        if lexicon.airports[a].metro != lexicon.airports[b].metro and (a, b) not in linked:
            pairs.append((a, b))
    return [pair if draw.random() < 0.5 else (pair[1], pair[0]) for pair in pairs]


async def measure(count: int) -> dict[str, float]:
    """Return milliseconds per search, start-up seconds and peak megabytes."""
    begun = time.perf_counter()
    lexicon, clock = places.load(), SystemClock()
    timetable = SampleTimetable(lexicon, clock, "readback")
    start = time.perf_counter() - begun
    router = ProviderRouter([timetable], clock)
    answers = AnswerCache(router, MemoryCacheStore(clock), clock)
    search = FlightSearch(
        lexicon, answers, OfferService(router, PageTokens(b"a key for benches"), clock), clock
    )
    day = clock.now().date() + timedelta(days=DAYS_AHEAD)
    milliseconds: list[float] = []
    found = 0
    for origin, destination in drawn(lexicon, timetable, count):
        begun = time.perf_counter()
        (*_, done) = [
            event async for event in search.search(SearchQuery((SearchLeg(origin, destination, day),)))
        ]
        milliseconds.append(1000 * (time.perf_counter() - begun))
        found += isinstance(done, flights_pb2.SearchDone) and done.result_count > 0
    cuts = quantiles(milliseconds, n=100)
    return {
        "searches": count,
        "with_flights": found,
        "sample_search_p50_ms": round(cuts[49], 2),
        "sample_search_p99_ms": round(cuts[98], 2),
        "start_s": round(start, 2),
        "sample_search_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--pairs", type=int, default=1000)
    options = parser.parse_args()
    figures = asyncio.run(measure(options.pairs))
    print(
        json.dumps(figures)
        if options.json
        else "\n".join(f"{name:24}{figure:>10}" for name, figure in figures.items())
    )


if __name__ == "__main__":
    main()
