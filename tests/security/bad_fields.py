"""Values that a field of a kind may not hold, or may hold and must do no harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from tests.security.contracts import Rpc
from tests.security.requests import fields_of, valid_request, with_value

TEXTS = {
    "empty": "",
    "a space": " ",
    "NUL": "\0",
    "a uuid and NUL": "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11\0",
    "a uuid and a line break": "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11\n",
    "the nil uuid": "00000000-0000-0000-0000-000000000000",
    "the largest uuid": "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "a uuid in upper case": "01936D1C-7F5E-7A30-9D2E-0F5A6F2F9D11",
    "a uuid in braces": "{01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11}",
    "a uuid without hyphens": "01936d1c7f5e7a309d2e0f5a6f2f9d11",
    "a uuid as a URN": "urn:uuid:01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11",
    "a uuid in full-width digits": "０1936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11",
    "a uuid with a Cyrillic letter": "01936d1с-7f5e-7a30-9d2e-0f5a6f2f9d11",
    "a uuid with a soft hyphen": "01936d1c\u00ad-7f5e-7a30-9d2e-0f5a6f2f9d11",
    "two dots": "..",
    "a path": "../../../etc/passwd",
    "percent escapes": "%2e%2e%2f%00",
    "SQL": "' OR '1'='1'; DROP TABLE entries; --",
    "a LIKE pattern": "%_%",
    "search operators": '"a" & !b | (c:*) <-> NEAR/2 {d} ^e',
    "a format": "%s%n{0}{{{}",
    "markup": "<script>alert(1)</script>",
    "right to left": "\u202egnp.exe\u202c",
    "a joined family": "👩\u200d👩\u200d👧\u200d👦",
    "combining marks": "e" + "\u0301" * 200,
    "a code of confusable letters": "МАА",
    "a code in small letters": "maa",
    "control characters": "\x01\x1b[31m\x7f\x85\u2028",
    "10,000 letters": "a" * 10_000,
    "10,000 astral characters": "😀" * 10_000,
    "10,000 spaces": " " * 10_000,
}
_WHOLE = {
    FieldDescriptor.CPPTYPE_INT32: [-1, 0, 7, 2**31 - 1, -(2**31)],
    FieldDescriptor.CPPTYPE_INT64: [-1, 0, 7, 2**63 - 1, -(2**63), 253_402_300_800, -62_135_596_801],
    FieldDescriptor.CPPTYPE_UINT32: [0, 2**32 - 1],
    FieldDescriptor.CPPTYPE_UINT64: [0, 2**64 - 1],
    FieldDescriptor.CPPTYPE_ENUM: [-1, 0, 99, 2**31 - 1],
}
_FRACTIONS = [float("nan"), float("inf"), float("-inf"), 1e308, -1e308, 5e-324, -0.0]


def changed_requests(rpc: Rpc) -> Iterator[tuple[str, Message]]:
    """Yield requests in which one field has one of the values above, by a name for the change."""
    request = valid_request(rpc)
    for path in fields_of(rpc.method.input_type, depth=3):
        if path[-1].message_type is None:
            where = ".".join(field.name for field in path)
            for name, value in _values(path[-1]):
                yield f"{where}: {name}", with_value(request, path, value)


def _values(field: FieldDescriptor) -> Iterator[tuple[str, Any]]:
    if field.type == FieldDescriptor.TYPE_STRING:
        yield from TEXTS.items()
    elif field.type == FieldDescriptor.TYPE_BYTES:
        yield from (("no bytes", b""), ("all bytes", bytes(range(256))))
    elif field.cpp_type in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        yield from ((str(value), value) for value in _FRACTIONS)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        yield "true", True
    else:
        yield from ((str(value), value) for value in _WHOLE[field.cpp_type])
