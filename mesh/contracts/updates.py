"""Updates of resources: etags (AIP-154) and update masks (AIP-134)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from mesh.errors import EtagMismatch, FieldViolation, InvalidRequest

M = TypeVar("M", bound=Message)
_ALL = "*"


def with_etag(fields: Sequence[str], resource: M) -> M:
    """Set the field `etag` of a resource to a digest of these fields, and return the resource.

    The etag includes its quotes, as in HTTP (RFC 9110 §8.8.3).

    Args:
        fields: the names of the singular scalar fields that a caller or the service can change. A change of
            other fields, such as counters, doesn't make an update outdated.
    """
    target: Any = resource
    digested: Any = type(resource)(**{name: getattr(resource, name) for name in fields})
    target.etag = strong_etag(digested.SerializeToString(deterministic=True))
    return resource


def strong_etag(data: bytes) -> str:
    """Return a strong entity tag (RFC 9110 §8.8.3) for serialized data. It contains no point."""
    return f'"{base64.urlsafe_b64encode(hashlib.sha256(data).digest()[:15]).decode()}"'


def require_etag(resource: Message, expected: str) -> None:
    """Raise EtagMismatch if the caller's etag is not the one of the resource; an empty one is not checked."""
    if expected and expected != resource.etag:  # type: ignore[attr-defined]  # every resource with an etag
        raise EtagMismatch


def fields_to_update(update: Message, mask: FieldMask, changeable: Collection[str]) -> set[str]:
    """Return the names of the fields to change: those in the mask; without a mask, those that are set.

    Fields that can't be changed are left out, so that a client can send back what it read (AIP-203).

    Raises:
        InvalidRequest: the mask names a field that the resource doesn't have.
    """
    if _ALL in mask.paths:
        return set(changeable)
    if not set(mask.paths).issubset(update.DESCRIPTOR.fields_by_name):
        names = ", ".join(changeable)
        raise InvalidRequest([FieldViolation("update_mask", f"must name fields to change: {names}")])
    named = mask.paths or [field.name for field, _ in update.ListFields()]
    return set(changeable).intersection(named)
