"""Result pages (AIP-158): limits of the results and bytes on one page of each list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from google.protobuf.message import Message

from mesh.contracts.page_tokens import PageSize

M = TypeVar("M", bound=Message)

CALLS = PageSize(20, 100)
CONVERSATIONS = PageSize(20, 100)
ENTRIES = PageSize(100, 500)
SEARCH_RESULTS = PageSize(20, 100)

PAGE_BYTES = 256 * 1024
"""Most bytes of the serialized results on a page; a single larger result is still returned. 500 entries of a
usual call fit."""


def page_of(messages: Sequence[M], size: int) -> Sequence[M]:
    """Return the messages that fit on the first page. The first message is always included."""
    total = 0
    for count, message in enumerate(messages[:size]):
        total += message.ByteSize()
        if count and total > PAGE_BYTES:
            return messages[:count]
    return messages[:size]
