"""Arrays in PostgreSQL's binary protocol.

psycopg chooses the type of an array by its values, so a statement would have to be prepared again for each
group. It also converts each element in Python, which is slow.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_BYTEA, _INT8, _TEXT = 17, 20, 25
_EMPTY = struct.Struct(">iiI")
_HEADER = struct.Struct(">iiIii")
_LENGTH = struct.Struct(">i")


class WireArray:
    """A serialized array. There is a subclass for each type, because psycopg selects the type by class."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire


class _ByteaArray(WireArray):
    pass


class _BigintArray(WireArray):
    pass


class _TextArray(WireArray):
    pass


def byteas(values: Collection[bytes]) -> WireArray:
    """Return a `bytea[]`."""
    return _ByteaArray(_wire(_BYTEA, values))


def texts(values: Collection[str]) -> WireArray:
    """Return a `text[]`."""
    return _TextArray(_wire(_TEXT, [value.encode() for value in values]))


def bigints(values: Collection[int]) -> WireArray:
    """Return a `bigint[]`."""
    if not values:
        return _BigintArray(_EMPTY.pack(0, 0, _INT8))
    elements = [part for value in values for part in (8, value)]
    header = _HEADER.pack(1, 0, _INT8, len(values), 1)
    return _BigintArray(header + struct.pack(f">{'iq' * len(values)}", *elements))


def _wire(element: int, values: Collection[bytes]) -> bytes:
    if not values:
        return _EMPTY.pack(0, 0, element)
    parts = [_HEADER.pack(1, 0, element, len(values), 1)]
    for value in values:
        parts += (_LENGTH.pack(len(value)), value)
    return b"".join(parts)


class _WireDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: WireArray) -> bytes:
        return obj.wire


for _kind, _oid in ((_ByteaArray, 1001), (_BigintArray, 1016), (_TextArray, 1009)):
    psycopg.adapters.register_dumper(_kind, type(f"{_kind.__name__}Dumper", (_WireDumper,), {"oid": _oid}))
