"""How much goes into one answer: as many messages as were asked for, but never more than everybody's gRPC takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

PAGE_BYTES = 1024 * 1024
"""Messages on one page, serialized, beyond the first. gRPC takes 4 MiB unless a client asks for more, and none has to."""


def page_of(messages: Sequence[M], size: int) -> Sequence[M]:
    """The page that some messages begin with: as many of them as it may hold, the first whatever its size."""
    return messages[: fitting((message.ByteSize() for message in messages), size)]


def fitting(sizes: Iterable[int], most: int) -> int:
    """How many of some messages of these sizes, in bytes, go on a page of so many at most."""
    count = taken = 0
    for size in islice(sizes, most):
        taken += size
        if count and taken > PAGE_BYTES:
            break
        count += 1
    return count
