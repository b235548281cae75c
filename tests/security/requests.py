"""Requests that the contracts accept, and what a contract says of any bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.contracts.validation import validate
from mesh.errors import InvalidRequest
from mesh.ids import uuid7
from tests.security.contracts import Rpc

_TEXTS: Mapping[str, Callable[[], str]] = {
    "request_id": uuid7,
    "writer_id": uuid7,
    "conversation_id": uuid7,
    "call_id": uuid7,
    "flight_number": lambda: "AI542",
    "origin": lambda: "MAA",
    "destination": lambda: "DEL",
    "code": lambda: "MAA",
    "query": lambda: "delhi",
    "text": lambda: "to delhi",
    "email": lambda: "nobody@example.com",
    "session_id": uuid7,
    "old_password": lambda: "nothing like it at all",
    "new_password": lambda: "something else altogether",
    "password": lambda: "nothing like it at all",
    "display_name": lambda: "Nobody",
    "refresh_token": lambda: "rbr_unknown",
    "actor_assertion": lambda: "a.b.c",
    "offer_id": lambda: "unknown",
    "customer_id": uuid7,
    "quote_digest": lambda: "0" * 64,
    "quote_id": uuid7,
    "booking_id": uuid7,
    "traveller_id": uuid7,
    "digest": lambda: "0" * 64,
}


def valid_request(rpc: Rpc, ids: Mapping[str, str] | None = None) -> Message:
    """Return a request that the contract accepts; `ids` replaces fields by their names."""
    if rpc.method.name == "Record":
        opening = call_record.RecordOpen(call_id=uuid7(), epoch=1, writer_id=uuid7())
        _set_texts(opening, ids or {})
        return call_record.RecordRequest(open=opening)
    request: Any = rpc.request()
    fields = rpc.method.input_type.fields_by_name
    _set_texts(request, ids or {})
    if "customer" in fields:
        request.customer.display_name = "Nobody"
    if "conversation" in fields:
        request.conversation.title = "Anything"
        _set_texts(request.conversation, ids or {})
    if "traveller" in fields:
        request.traveller.given_name = "Nobody"
        _set_texts(request.traveller, ids or {})
    if "offer_ids" in fields:
        request.offer_ids.append("unknown")
        request.traveller_ids.append((ids or {}).get("traveller_id", uuid7()))
    if "epoch" in fields:
        request.epoch = 1
    if "drafts" in fields:
        request.drafts.append(draft())
    if "legs" in fields:
        leg = request.legs.add(departure_date=Date(year=2030, month=1, day=1))
        _set_texts(leg, {})
    return request  # type: ignore[no-any-return]  # the class is made at run time


def _set_texts(message: Message, ids: Mapping[str, str]) -> None:
    for field in message.DESCRIPTOR.fields:
        if field.name in ids:
            setattr(message, field.name, ids[field.name])
        elif field.name in _TEXTS and field.type == FieldDescriptor.TYPE_STRING:
            setattr(message, field.name, _TEXTS[field.name]())


def draft() -> call_record.Draft:
    """Return a draft of an entry."""
    call = entry_pb2.ToolCall(tool_call_id=uuid7(), name="search_flights")
    return call_record.Draft(
        client_sequence=1, entry_id=uuid7(), start_time=Timestamp(seconds=1), tool_call=call
    )


def is_valid(rpc: Rpc, body: bytes) -> bool:
    """Return whether a contract accepts a body: its size, its encoding, and the rules of its fields."""
    if len(body) > rpc.max_bytes:
        return False
    try:
        request: Any = rpc.request.FromString(body)
        if rpc.method.client_streaming:
            # Each message of a stream is checked when its turn has come: first the opening.
            request = request.open if rpc.method.name == "Record" and request.HasField("open") else None
        if request is not None:
            validate(request)
    except (DecodeError, InvalidRequest):
        return False
    return True


def fields_of(descriptor: Descriptor, depth: int = 2) -> Iterator[tuple[FieldDescriptor, ...]]:
    """Yield the path to each field of a message, and to the fields of its messages down to `depth`."""
    for field in descriptor.fields:
        yield (field,)
        if field.message_type is not None and depth > 1 and not field.message_type.GetOptions().map_entry:
            yield from ((field, *rest) for rest in fields_of(field.message_type, depth - 1))


def with_value(request: Message, path: tuple[FieldDescriptor, ...], value: Any) -> Message:
    """Return a copy of a request in which the field at a path has another value."""
    changed = type(request)()
    changed.CopyFrom(request)
    message: Any = changed
    for field in path[:-1]:
        inner = getattr(message, field.name)
        message = (inner[0] if len(inner) else inner.add()) if field.is_repeated else inner
    last = path[-1]
    if last.is_repeated:
        getattr(message, last.name).append(value)
    else:
        setattr(message, last.name, value)
    return changed
