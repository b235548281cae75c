"""Codes as people write them: `maa`, ` AI 542` and `ai-542` become `MAA` and `AI542`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from mesh.contracts.validation import code_form, field_rules

CODES = {"place_code", "carrier_code", "flight_number", "country_code"}
"""Rules (`readback/options/v1/rules.proto`) whose codes are in capitals and without spaces."""
_SEPARATORS = str.maketrans("", "", " -")


class _Field(NamedTuple):
    name: str
    is_list: bool
    is_code: bool
    """False for a message with codes in it."""


def normalise_codes(request: Message) -> None:
    """Write every code in a request in capitals and without spaces and hyphens.

    Messages of other packages, such as those in a transcript, stay as they are.
    """
    for field in _fields_with_codes(request.DESCRIPTOR):
        value = getattr(request, field.name)
        if field.is_code and field.is_list:
            value[:] = [_normal(code) for code in value]
        elif field.is_code:
            setattr(request, field.name, _normal(value))
        else:
            for message in value if field.is_list else [value] * request.HasField(field.name):
                normalise_codes(message)


def _normal(code: str) -> str:
    return code.translate(_SEPARATORS).upper()


@cache
def _fields_with_codes(message: Descriptor) -> Sequence[_Field]:
    found = []
    for field in message.fields:
        rules = field_rules(field)
        form, inner = code_form(rules.repeated.items if field.is_repeated else rules), field.message_type
        if form is not None and form.kind in CODES:
            found.append(_Field(field.name, field.is_repeated, is_code=True))
        elif inner is not None and inner.file.package == message.file.package and _fields_with_codes(inner):
            found.append(_Field(field.name, field.is_repeated, is_code=False))
    return tuple(found)
