"""Result pages (AIP-158): limits of the results and bytes on one page of each list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

from google.protobuf.message import Message

from mesh.contracts.page_tokens import PageSize

M = TypeVar("M", bound=Message)


CONVERSATIONS = PageSize(20, 100)
ENTRIES = PageSize(100, 500)
SEARCH_RESULTS = PageSize(20, 100)

PAGE_BYTES = 1024 * 1024
"""Most bytes of the serialized results on a page; a single larger result is still returned. gRPC clients
accept messages of up to 4 MiB by default."""


def page_of(messages: Sequence[M], size: int) -> Sequence[M]:
    """Return the messages that fit on the first page. The first message is always included."""
    return messages[: fitting((message.ByteSize() for message in messages), size)]


def fitting(sizes: Iterable[int], most: int) -> int:
    """Return how many messages with these sizes (in bytes) fit on a page; at most `most`."""
    count = total = 0
    for size in islice(sizes, most):
        total += size
        if count and total > PAGE_BYTES:
            break
        count += 1
    return count
