"""The contracts at run time: dataclasses to and from official protobuf messages, and JSON.

betterproto2's dataclasses are pleasant to use, but its codec is hundreds of times slower than the official
one and differs from it: it accepts truncated input and two fields of a oneof, and has another JSON for
`FieldMask`. So only official protobuf encodes and decodes. It has a descriptor pool of its own here, so that
a program may also import code generated from the same contracts.

A `Timestamp` is a `datetime` and a `Duration` is a `timedelta`: both lose nanoseconds below a microsecond.
Fields that this version doesn't know are dropped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module, resources
from typing import Any, TypeVar, cast

import betterproto2
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    json_format,
    message_factory,
    timestamp_pb2,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from readback_client.gen.message_pool import default_message_pool

M = TypeVar("M", bound=betterproto2.Message)
_TYPE_URL = "type.googleapis.com/"
_MASK = "***"


@cache
def pool() -> descriptor_pool.DescriptorPool:
    """Return the pool that holds the public contracts."""
    data = (resources.files("readback_client.gen") / "contracts.binpb").read_bytes()
    contracts = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        contracts.Add(file)
        if file.name.startswith("readback/"):
            import_module(f"readback_client.gen.{file.package}")
    for kind in default_message_pool.type_to_url:
        kind.__repr__ = redacted  # type: ignore[method-assign]
    return contracts


@cache
def message_class(kind: type[betterproto2.Message]) -> type[Message]:
    """Return the official message class of a dataclass."""
    pool()
    name = default_message_pool.type_to_url[kind].removeprefix(_TYPE_URL)
    return message_factory.GetMessageClass(pool().FindMessageTypeByName(name))


def encode(value: betterproto2.Message) -> bytes:
    """Return the bytes of a message.

    Raises:
        ValueError: two fields of a oneof are set, or a value doesn't fit its field.
    """
    return to_official(value).SerializeToString()


def decode(kind: type[M], data: bytes) -> M:
    """Return the message in `data`.

    Raises:
        google.protobuf.message.DecodeError: the bytes are no message of this kind.
    """
    return from_official(kind, message_class(kind).FromString(data))


def to_json(value: betterproto2.Message) -> str:
    """Return the message as ProtoJSON, the JSON of the HTTP gateway."""
    return json_format.MessageToJson(
        to_official(value), indent=None, ensure_ascii=False, descriptor_pool=pool()
    )


def from_json(kind: type[M], text: str) -> M:
    """Return the message in ProtoJSON.

    Raises:
        google.protobuf.json_format.ParseError: the text is no JSON of this kind of message.
    """
    return from_official(kind, json_format.Parse(text, message_class(kind)(), descriptor_pool=pool()))


def to_official(value: betterproto2.Message) -> Message:
    """Return the dataclass as an official message.

    Raises:
        ValueError: two fields of a oneof are set, or a value doesn't fit its field.
    """
    message = message_class(type(value))()
    oneofs: dict[str, str] = {}
    for field in _fields(type(value)):
        current = getattr(value, field.name)
        if current is None or (not field.presence and not current):
            continue
        if field.oneof and (other := oneofs.setdefault(field.oneof, field.name)) != field.name:
            raise ValueError(f"{type(value).__name__}: {other} and {field.name} exclude each other; set one.")
        try:
            field.write(message, current)
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{type(value).__name__}.{field.name}: {error}") from error
    return message


def from_official(kind: type[M], message: Message) -> M:
    """Return an official message as a dataclass of this kind."""
    values = {}
    for field in _fields(kind):
        if field.presence and not message.HasField(field.proto_name):
            continue
        values[field.name] = field.read(getattr(message, field.proto_name))
    return kind(**values)


def redacted(value: betterproto2.Message) -> str:
    """Return the message as text, with fields masked that the contract marks as secret or personal."""
    shown = []
    for field in _fields(type(value)):
        current = getattr(value, field.name)
        if current:
            shown.append(f"{field.name}={_MASK if field.redact else repr(current)}")
    return f"{type(value).__name__}({', '.join(shown)})"


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    name: str
    """Name in the dataclass."""
    proto_name: str
    presence: bool
    """The field can be absent: a message, an optional field or a field of a oneof."""
    oneof: str
    redact: bool
    read: Callable[[Any], Any]
    """Turns the official value into the dataclass's."""
    write: Callable[[Message, Any], None]


@cache
def _fields(kind: type[betterproto2.Message]) -> tuple[_Field, ...]:
    descriptor = cast("Descriptor", message_class(kind).DESCRIPTOR)
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(cast("Any", kind))
    numbers = {betterproto2.FieldMetadata.get(field).number: field for field in fields}
    return tuple(_field(numbers[field.number].name, field) for field in descriptor.fields)


def _field(name: str, field: FieldDescriptor) -> _Field:
    oneof = field.containing_oneof.name if field.containing_oneof else ""
    return _Field(
        name=name,
        proto_name=field.name,
        presence=field.has_presence,
        # An optional field is the only one of a oneof that the compiler made; its name begins with "_".
        oneof="" if oneof.startswith("_") else oneof,
        redact=field.GetOptions().debug_redact,
        read=_reader(field),
        write=_writer(field),
    )


def _reader(field: FieldDescriptor) -> Callable[[Any], Any]:
    if (value_field := _map_value(field)) is not None:
        item = _single_reader(value_field)
        return lambda values: {key: item(value) for key, value in values.items()}
    single = _single_reader(field)
    if field.is_repeated:
        return lambda values: [single(value) for value in values]
    return single


def _single_reader(field: FieldDescriptor) -> Callable[[Any], Any]:
    if field.enum_type is not None:
        enum: Callable[[Any], Any] = _python_type(field.enum_type.full_name)
        return enum
    if field.message_type is None:
        return lambda value: value
    match field.message_type.full_name:
        case "google.protobuf.Timestamp":
            return lambda value: value.ToDatetime(tzinfo=UTC)
        case "google.protobuf.Duration":
            return lambda value: value.ToTimedelta()
        case name:
            kind = default_message_pool.url_to_type[f"{_TYPE_URL}{name}"]
            return lambda value: from_official(kind, value)


def _writer(field: FieldDescriptor) -> Callable[[Message, Any], None]:
    name = field.name
    if (value_field := _map_value(field)) is not None:
        return _map_writer(name, value_field)
    if field.message_type is None:
        if field.is_repeated:
            return lambda message, values: getattr(message, name).extend(values)
        return lambda message, value: setattr(message, name, value)
    if field.is_repeated:
        return lambda message, values: _extend(getattr(message, name), values)
    return lambda message, value: getattr(message, name).CopyFrom(_official(value))


def _map_writer(name: str, item: FieldDescriptor) -> Callable[[Message, Any], None]:
    def write(message: Message, values: Mapping[Any, Any]) -> None:
        target = getattr(message, name)
        for key, value in values.items():
            if item.message_type is None:
                target[key] = value
            else:
                target[key].CopyFrom(_official(value))

    return write


def _extend(target: Any, values: Iterable[Any]) -> None:
    for value in values:
        target.add().CopyFrom(_official(value))


def _official(value: Any) -> Message:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time needs a time zone, for example datetime.now(UTC)")
        stamp: timestamp_pb2.Timestamp = _well_known("Timestamp")
        stamp.FromDatetime(value)
        return stamp
    if isinstance(value, timedelta):
        duration: duration_pb2.Duration = _well_known("Duration")
        duration.FromTimedelta(value)
        return duration
    return to_official(value)


def _well_known(name: str) -> Any:
    return message_factory.GetMessageClass(pool().FindMessageTypeByName(f"google.protobuf.{name}"))()


def _map_value(field: FieldDescriptor) -> FieldDescriptor | None:
    """Return the field of a map's values; None if the field is no map."""
    entry = field.message_type
    return entry.fields_by_name["value"] if entry is not None and entry.GetOptions().map_entry else None


def _python_type(full_name: str) -> Any:
    package, _, name = full_name.rpartition(".")
    return getattr(import_module(f"readback_client.gen.{package}"), name)
