"""Redaction: keeps tokens and personal data out of logs.

Fields marked `debug_redact` in the contracts are blanked; Python's `str(message)` would print them.
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
"""Refresh tokens and grants, by their prefixes (`services.identity.tokens.refresh_tokens`)."""
_BEARER = re.compile(r"(?i)\b(bearer|access_token=)\s*[^\s\"'&]+")


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Redact every value of a log event, also inside lists and mappings. This is a structlog processor."""
    for key, value in event.items():
        event[key] = _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return redact_text(value)
        case Message():
            return redact_message(value)
        case dict():
            return {key: _redacted(item) for key, item in value.items()}
        case list() | tuple():
            return [_redacted(item) for item in value]
    return value


def redact_text(text: str) -> str:
    """Replace everything in a text that looks like a token.

    LiveKit's SDK puts whole JWTs into its error texts.
    """
    return _BEARER.sub(REDACTED, _OPAQUE.sub(REDACTED, _JWT.sub(REDACTED, text)))


def redact_message(message: Message) -> str:
    """Return a message as compact JSON, with every `debug_redact` field and every token blanked."""
    copy = type(message)()
    copy.CopyFrom(message)
    _blank(copy)
    return redact_text(json_format.MessageToJson(copy, indent=None, preserving_proto_field_name=True))


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
