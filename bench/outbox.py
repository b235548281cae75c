"""Benchmark of the recorder's outbox: time of one `put` during an outage, when every draft stays on disk.

A `put` blocks the event loop that also produces the agent's speech.

    python -m bench.outbox [--json] [--drafts N] [--folder DIRECTORY]

It measures on a quiet disk, then while another process syncs 200 kB blocks on the same file system. Aim: a
p99 of at most 1 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from cli.supervisor.child_processes import child_process, ended_by_signals
from mesh.clock import SystemClock
from services.conversation.client.draft_builder import DraftBuilder
from services.conversation.client.outbox import Outbox
from services.conversation.client.outbox_file import OutboxFile

AIM_MS = 1.0
WORDS = (
    "There are three flights from Chennai to Delhi tomorrow morning. The first leaves at six ten with IndiGo."
)
REVISIONS = 20
"""Revisions of each utterance."""


SYNC_FOREVER = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
while True:
    os.write(file, bytes(200_000))
    os.fdatasync(file)
"""


@contextmanager
def busy_disk(folder: Path) -> Iterator[None]:
    """Keep the disk busy with another process until the block ends."""
    with child_process([sys.executable, "-c", SYNC_FOREVER, str(folder / "ballast")]):
        yield


async def measure_puts(folder: Path, drafts: int) -> list[float]:
    """Return the duration of each put in milliseconds, sorted. No draft is acknowledged during this time."""
    opening = call_record.RecordOpen(call_id=str(uuid4()), epoch=1, writer_id=str(uuid4()))
    outbox = Outbox(file := OutboxFile(folder, opening))
    drafts_of, took = DraftBuilder(SystemClock()), []
    syncing = asyncio.create_task(file.keep_synced())
    try:
        for index in range(drafts):
            utterance = f"utterance {index // REVISIONS}"
            draft = drafts_of.revision(utterance, entry_pb2.SPEAKER_AGENT, WORDS, entry_pb2.MODALITY_VOICE)
            began = time.perf_counter()
            outbox.put(draft)
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.002)  # real words follow more slowly
    finally:
        syncing.cancel()
        await asyncio.gather(syncing, return_exceptions=True)
        file.close(keep=False)
    return sorted(took)


def percentiles(took: list[float]) -> dict[str, float]:
    """Return p50, p99 and maximum of sorted milliseconds."""
    return {
        name: round(took[min(len(took) - 1, int(len(took) * part))], 3)
        for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


@ended_by_signals()
def main() -> None:
    """Measure and print; exit with 1 if p99 on a quiet disk misses the aim."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--drafts", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="folder to write to (default: a temporary one)")
    given = parser.parse_args()
    with TemporaryDirectory(dir=given.folder) as folder:
        quiet = percentiles(asyncio.run(measure_puts(Path(folder), given.drafts)))
        with busy_disk(Path(folder)):
            busy = percentiles(asyncio.run(measure_puts(Path(folder), given.drafts)))
    if given.json:
        print(json.dumps({"outbox_put_ms": quiet, "outbox_put_busy_ms": busy, "aim_p99_ms": AIM_MS}))
    else:
        for name, values in (("quiet disk", quiet), ("busy disk", busy)):
            print(f"{name}: " + ", ".join(f"{key} {value:.3f} ms" for key, value in values.items()))
    raise SystemExit(quiet["p99"] > AIM_MS)


if __name__ == "__main__":
    main()
