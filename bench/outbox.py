"""What the recorder's outbox on disk costs the loop on which the agent speaks: the time of one `put`, in an outage, when all waits.

    python -m bench.outbox [--json] [--drafts N] [--folder DIRECTORY]

Twice: on a quiet disk, and beside a process that syncs 200 kB again and again on the same file system. Aim: p99 of 1 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.clock import SystemClock
from services.conversation.client.draft_builder import DraftBuilder
from services.conversation.client.outbox import Outbox
from services.conversation.client.outbox_file import OutboxFile

AIM_MS = 1.0
WORDS = (
    "There are three flights from Chennai to Delhi tomorrow morning. The first leaves at six ten with IndiGo."
)
REVISIONS = 20
"""Of each utterance, before the next begins."""


SYNCING = "import os, sys; f = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\nwhile True: os.write(f, bytes(200_000)); os.fdatasync(f)"


@contextmanager
def syncing(folder: Path) -> Iterator[None]:
    """Another process keeps the disk busy until the block ends."""
    process = subprocess.Popen([sys.executable, "-c", SYNCING, str(folder / "ballast")])
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def puts(folder: Path, drafts: int) -> list[float]:
    """Milliseconds of each of so many puts, sorted; nothing is acknowledged meanwhile."""
    opening = pb.RecordOpen(call_id=str(uuid4()), epoch=1, writer_id=str(uuid4()))
    outbox = Outbox(file := OutboxFile(folder, opening))
    drafting, took = DraftBuilder(SystemClock()), []
    keeping = asyncio.create_task(file.keep_synced())
    try:
        for index in range(drafts):
            spoken = f"utterance {index // REVISIONS}"
            draft = drafting.revision(spoken, entry_pb2.SPEAKER_AGENT, WORDS, entry_pb2.MODALITY_VOICE)
            began = time.perf_counter()
            outbox.put(draft)
            took.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(0.002)  # words come more slowly than that
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        file.close(keep=False)
    return sorted(took)


def figures(took: list[float]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    return {
        name: round(took[min(len(took) - 1, int(len(took) * part))], 3)
        for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    }


def main() -> None:
    """Measures and prints; exits with 1 if p99 on a quiet disk misses the aim."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--drafts", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary one by default")
    given = parser.parse_args()
    with TemporaryDirectory(dir=given.folder) as folder:
        quiet = figures(asyncio.run(puts(Path(folder), given.drafts)))
        with syncing(Path(folder)):
            busy = figures(asyncio.run(puts(Path(folder), given.drafts)))
    if given.json:
        print(json.dumps({"outbox_put_ms": quiet, "outbox_put_busy_ms": busy, "aim_p99_ms": AIM_MS}))
    else:
        for name, values in (("quiet disk", quiet), ("busy disk", busy)):
            print(f"{name}: " + ", ".join(f"{key} {value:.3f} ms" for key, value in values.items()))
    raise SystemExit(quiet["p99"] > AIM_MS)


if __name__ == "__main__":
    main()
