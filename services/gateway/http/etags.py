"""Etags over HTTP: which messages have one, and the conditions in request headers (RFC 9110 §13.1).

The etag of a resource changes with the fields that an update can change. An entity tag of HTTP must change
with every field, for caches. So a response has the resource's etag, a point, and a digest of the whole
resource; a request may name both or only the first.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from google.protobuf.message import Message

from mesh.contracts.updates import strong_etag
from mesh.errors import FieldViolation

_FIELD = "etag"
_WITH_DIGEST = re.compile(r'("[^".]*)\.[^"]*"')


def has_etag(message: Any) -> bool:
    """Return whether messages with this descriptor have an etag: their own, or that of a resource in them."""
    return _FIELD in message.fields_by_name or bool(_resources(message))


def etag_of(response: Message) -> str:
    """Return the entity tag of the resource in a response; empty if it has none."""
    holder = _holder(response)
    if holder is None or not holder.etag:
        return ""
    digest = strong_etag(holder.SerializeToString(deterministic=True))
    return f"{holder.etag[:-1]}.{digest[1:]}"


def is_current(if_none_match: str, etag: str) -> bool:
    """Return whether `If-None-Match` names an etag. A proxy may have made it weak."""
    given = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return etag in given or "*" in given


def set_etag(request: Message, if_match: str) -> FieldViolation | None:
    """Set the etag of a request from `If-Match`; return a violation if the request takes none.

    The service refuses an etag that isn't the present one, so a list of etags or other text never matches.
    """
    etag, holder = if_match.strip().removeprefix("W/"), _holder(request)
    if etag == "*":
        return None  # every RPC needs the resource to exist
    if holder is None:
        return FieldViolation("if-match", "isn't supported by this path")
    match = _WITH_DIGEST.fullmatch(etag)
    holder.etag = f'{match[1]}"' if match else etag
    return None


def _holder(message: Message) -> Any:
    """Return the message with the etag: a request or response, or the resource in it."""
    if _FIELD in message.DESCRIPTOR.fields_by_name:
        return message
    resources = _resources(message.DESCRIPTOR)
    return getattr(message, resources[0]) if resources else None


@cache
def _resources(message: Any) -> list[str]:
    return [
        field.name
        for field in message.fields
        if field.message_type and not field.is_repeated and _FIELD in field.message_type.fields_by_name
    ]
