"""Result pages (AIP-158): how many results, and how many bytes, are on one page of each list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


class PageSize(NamedTuple):
    """Limits for the results on one page."""

    default: int
    """Used when the request gives none."""
    most: int

    def of(self, requested: int) -> int:
        """Return the size for a request, whose `page_size` is 0 when absent."""
        return min(requested, self.most) if requested else self.default


CONVERSATIONS = PageSize(20, 100)
ENTRIES = PageSize(100, 500)
SEARCH_RESULTS = PageSize(20, 100)

PAGE_BYTES = 1024 * 1024
"""Most bytes on a page, serialized, after the first result. gRPC clients take 4 MiB by default."""


def page_of(messages: Sequence[M], size: int) -> Sequence[M]:
    """Return the first page of some messages; it has at least one message, whatever its size."""
    return messages[: fitting((message.ByteSize() for message in messages), size)]


def fitting(sizes: Iterable[int], most: int) -> int:
    """Return how many messages of these sizes, in bytes, fit on a page of at most `most`."""
    count = total = 0
    for size in islice(sizes, most):
        total += size
        if count and total > PAGE_BYTES:
            break
        count += 1
    return count
