"""Sample searches over gRPC in a fresh process with the service's imports only.

    BENCH_BEGUN=$(date +%s.%N) python -m bench.flightdata.sample_over_grpc HOME

`bench/flightdata/__main__.py` starts it and reads the JSON that it prints.
"""

from __future__ import annotations

import json
import logging
import os
import random
import resource
import sys
import time
from pathlib import Path
from statistics import median, quantiles

import structlog
import uvloop

from bench.flightdata.service import asking, search_request
from mesh.settings import load
from services.flightdata import places
from services.flightdata.settings import FlightDataSettings

BEGUN = "BENCH_BEGUN"
"""The environment variable with the Unix time at which the process was started."""
PAIRS, BUSY = 1_000, 150


async def measure(home: Path, begun: float) -> dict[str, float]:
    """Search 1,000 pairs of busy cities; `begun` is the Unix time at which this process was started."""
    async with asking(load(FlightDataSettings, home=home)) as service:
        startup = time.time() - begun
        busy = sorted(places.load().airports.values(), key=lambda airport: -airport.rank)[:BUSY]
        dice = random.Random(1)
        pairs = [dice.sample(busy, 2) for _ in range(2 * PAIRS)]
        asked = [search_request(one.code, other.code) for one, other in pairs if one.metro != other.metro][
            :PAIRS
        ]
        times = []
        for search in asked:
            before = time.perf_counter()
            async for _ in service.SearchFlights(search):
                pass
            times.append(1000 * (time.perf_counter() - before))
    return {
        "sample_search_p50_ms": round(median(times), 2),
        "sample_search_p99_ms": round(quantiles(times, n=100)[98], 2),
        "sample_search_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "startup_seconds": round(startup, 2),
    }


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.WARNING)
    print(json.dumps(uvloop.run(measure(Path(sys.argv[1]), float(os.environ[BEGUN])))))
