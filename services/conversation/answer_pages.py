"""How much goes into one answer: as many messages as were asked for, but never more than everybody's gRPC takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

PAGE_BYTES = 1024 * 1024
"""Messages on one page, serialized, beyond the first. gRPC takes 4 MiB unless a client asks for more, and none has to."""


def page_of(messages: Sequence[M], size: int) -> Sequence[M]:
    """The page that some messages begin with: as many of them as it may hold, the first whatever its size."""
    taken = 0
    for place, message in enumerate(messages[:size]):
        taken += message.ByteSize()
        if place and taken > PAGE_BYTES:
            return messages[:place]
    return messages[:size]
