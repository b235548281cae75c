"""Keeps secrets and personal data out of logs.

`debug_redact` in the contracts marks fields; Python's `str(message)` ignores it, so messages are printed only through here.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

from google.protobuf import descriptor, json_format
from google.protobuf.message import Message

REDACTED = "[redacted]"
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.?[\w-]*")
_OPAQUE = re.compile(r"\brb[rg]_[\w-]{20,}")
"""Refresh tokens and grants: identity gives them these prefixes so that they can be told."""
_BEARER = re.compile(r"(?i)\b(bearer|access_token=)\s*[^\s\"'&]+")


def redacted(message: Message) -> str:
    """The message as compact text, with every `debug_redact` field blanked."""
    copy = type(message)()
    copy.CopyFrom(message)
    _blank(copy)
    return json_format.MessageToJson(copy, indent=None, preserving_proto_field_name=True)


def _blank(message: Message) -> None:
    for field, value in message.ListFields():
        if field.GetOptions().debug_redact:
            message.ClearField(field.name)
            if field.type == descriptor.FieldDescriptor.TYPE_STRING and not field.is_repeated:
                setattr(message, field.name, REDACTED)
        elif field.type == descriptor.FieldDescriptor.TYPE_MESSAGE:
            for item in _messages(value):
                _blank(item)


def _messages(value: Any) -> list[Message]:
    if isinstance(value, Message):
        return [value]
    items = value.values() if hasattr(value, "values") else value
    return [item for item in items if isinstance(item, Message)]


def scrub(text: str) -> str:
    """The text without anything that looks like a token. LiveKit's SDK puts whole JWTs into its error texts."""
    return _BEARER.sub(REDACTED, _OPAQUE.sub(REDACTED, _JWT.sub(REDACTED, text)))


def scrub_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: scrubs every text of a log event, also inside lists and mappings."""
    for key, value in event.items():
        event[key] = _scrubbed(value)
    return event


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {key: _scrubbed(item) for key, item in value.items()}
    return [_scrubbed(item) for item in value] if isinstance(value, (list, tuple)) else value
