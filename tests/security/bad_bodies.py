"""Bodies that are no good encoding of a request, or that decode into much more than they are."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor

from tests.security.contracts import Rpc
from tests.security.requests import fields_of, valid_request

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)


def varint(value: int) -> bytes:
    """Return the encoding of an unsigned number."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def tag(number: int, wire_type: int) -> bytes:
    """Return the encoding of a field's number and wire type."""
    return varint(number << 3 | wire_type)


def delimited(number: int, content: bytes) -> bytes:
    """Return a field of wire type 2: text, bytes or a message."""
    return tag(number, BYTES) + varint(len(content)) + content


def bad_bodies(rpc: Rpc) -> Iterator[tuple[str, bytes]]:
    """Yield bodies for an RPC, by a name for what is wrong with them."""
    valid = valid_request(rpc).SerializeToString()
    yield "nothing", b""
    yield from ((f"cut after {cut} of {len(valid)} bytes", valid[:cut]) for cut in _cuts(len(valid)))
    yield from _broken()
    yield from ((f"valid, then {name}", valid + body) for name, body in _broken())
    yield "twice", valid * 2
    yield "a thousand times", valid * 1000
    for path in fields_of(rpc.method.input_type, depth=1):
        yield from _wrong_types(path[0])
    for size in (rpc.max_bytes - len(valid) - 8, rpc.max_bytes, rpc.max_bytes + 1, 4_000_000):
        yield f"an unknown field of {size} bytes", valid + delimited(1999, b"x" * size)


def _cuts(length: int) -> list[int]:
    return sorted({1, 2, length // 3, length // 2, length - 2, length - 1} & set(range(length)))


def _broken() -> Iterator[tuple[str, bytes]]:
    yield "three bytes of ones", b"\xff\xff\xff"
    yield "an endless varint", b"\x08" + b"\xff" * 20
    yield "a varint of eleven bytes", b"\x08" + b"\x80" * 10 + b"\x01"
    yield "field number 0", tag(0, VARINT) + b"\x01"
    yield "the largest field number", tag(2**29 - 1, VARINT) + b"\x01"
    yield "wire type 6", tag(1, 6) + b"\x01"
    yield "wire type 7", tag(1, 7) + b"\x01"
    yield "a length beyond the end", tag(1, BYTES) + varint(1000) + b"x"
    yield "a length of 2 GiB", tag(1, BYTES) + varint(2**31) + b"x"
    yield "a length of 16 EiB", tag(1, BYTES) + varint(2**64 - 1) + b"x"
    yield "an open group", tag(1999, GROUP)
    yield "an end of no group", tag(1999, END_GROUP)
    yield "99 nested groups", tag(1999, GROUP) * 99 + tag(1999, END_GROUP) * 99
    yield "10,000 nested groups", tag(1999, GROUP) * 10_000 + tag(1999, END_GROUP) * 10_000
    yield "random bytes", bytes((index * 167 + 13) % 256 for index in range(500))
    yield "JSON", b'{"conversation_id": "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11"}'
    yield "HTTP", b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
    yield "a message in a message", struct.pack(">BI", 0, 5) + b"\x0a\x03abc"


def _wrong_types(field: FieldDescriptor) -> Iterator[tuple[str, bytes]]:
    number, name = field.number, field.name
    yield f"{name} as a number", tag(number, VARINT) + b"\x07"
    yield f"{name} as eight bytes", tag(number, FIXED64) + b"\xff" * 8
    yield f"{name} as four bytes", tag(number, FIXED32) + b"\xff" * 4
    yield f"{name} as bytes", delimited(number, b"\xff\xfe\xc0\x80")
    yield f"{name} as a lone surrogate", delimited(number, b"\xed\xa0\x80")
    yield f"{name} as an overlong NUL", delimited(number, b"\xc0\x80")
    yield f"{name} as a group", tag(number, GROUP) + tag(number, END_GROUP)
    yield f"{name} a thousand times, empty", delimited(number, b"") * 1000
    yield f"{name} nested 5,000 times", _nested(number, 5000)
    yield f"{name} as a varint of ten bytes", tag(number, VARINT) + b"\xff" * 9 + b"\x01"


def _nested(number: int, depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = delimited(number, body)
        if len(body) > 60_000:
            break
    return body
