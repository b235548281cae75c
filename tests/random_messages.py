"""Random messages of any type of the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

WHOLE: Mapping[int, int] = {
    FieldDescriptor.CPPTYPE_INT32: 31,
    FieldDescriptor.CPPTYPE_INT64: 63,
    FieldDescriptor.CPPTYPE_UINT32: 32,
    FieldDescriptor.CPPTYPE_UINT64: 64,
}
"""Bits of the value, without a sign."""
LETTERS = 'aÄ✈ "\\\n\0😀-'


def value(field: FieldDescriptor, dice: Random, depth: int) -> Any:
    """Draw a value of one element of a field."""
    if field.message_type is not None:
        return message(field.message_type, dice, depth - 1)
    if field.enum_type is not None:
        return dice.choice(field.enum_type.values).number
    if bits := WHOLE.get(field.cpp_type):
        return dice.choice([0, 1, 2**bits - 1, dice.getrandbits(bits)])
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return dice.random() < 0.5
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        text = "".join(dice.choices(LETTERS, k=dice.randrange(6)))
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
    return dice.choice([0.0, -1.5, 1e300, float("inf"), dice.random()])


def message(descriptor: Descriptor, dice: Random, depth: int = 4) -> Message:
    """Draw an official message of any content that the dataclasses can hold."""
    made: Any = message_factory.GetMessageClass(descriptor)()
    match descriptor.full_name:
        case "google.protobuf.Timestamp":
            made.seconds, made.nanos = dice.getrandbits(32), dice.randrange(10**6) * 1000
        case "google.protobuf.Duration":
            sign = dice.choice([1, -1])
            made.seconds, made.nanos = sign * dice.getrandbits(20), sign * dice.randrange(10**6) * 1000
        case "google.protobuf.Any":
            pass  # its JSON needs a type that both sides know
        case "google.protobuf.FieldMask":
            # In JSON a path is in lower camel case, so only snake case survives.
            made.paths.extend(dice.sample(["title", "display_name", "a.b_c"], dice.randrange(3)))
        case "google.protobuf.Struct":
            made.update({"a": dice.choice([None, True, 1.5, "x", ["y", {"b": None}]])})
        case _:
            for field in descriptor.fields:
                if dice.random() < 0.5 and not (field.message_type is not None and depth == 0):
                    _fill(made, field, dice, depth)
    return made  # type: ignore[no-any-return]


def _fill(made: Any, field: FieldDescriptor, dice: Random, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, content = field.message_type.fields
        getattr(made, field.name)[value(key, dice, depth)] = value(content, dice, depth)
    elif field.is_repeated:
        getattr(made, field.name).extend(value(field, dice, depth) for _ in range(dice.randrange(3)))
    elif field.message_type is not None:
        getattr(made, field.name).CopyFrom(value(field, dice, depth))
    else:
        setattr(made, field.name, value(field, dice, depth))
