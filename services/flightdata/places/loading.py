"""Reading what is kept for as long as the process lives."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector: it would look through all that has been read again and again, and find nothing to take away.

    That is a fourth of the time that the tables of places and of the sample take.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
