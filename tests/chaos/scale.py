"""How much chaos: a slice that fits into a check, or all of it (`READBACK_CHAOS=full`, which `make chaos` sets)."""

from __future__ import annotations

import os
import random
import zlib

FULL = os.environ.get("READBACK_CHAOS") == "full"
"""Whether everything is run, and times are judged: only on a quiet machine do they mean anything."""
SEED = int(os.environ.get("READBACK_CHAOS_SEED") or random.SystemRandom().randrange(2**32))
"""Decides which faults come when; printed, and to be set to replay a run."""


def amount(*, slice: int, full: int) -> int:  # noqa: A002  # the word for it
    """So many in the slice, so many in all."""
    return full if FULL else slice


def dice_for(test: str) -> random.Random:
    """A test's own dice, the same whichever tests run beside it."""
    return random.Random(SEED ^ zlib.crc32(test.encode()))


SECONDS = amount(slice=60, full=900)
"""How long one scenario may take before it counts as hanging."""
