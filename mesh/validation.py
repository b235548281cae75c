"""Requests are checked against the rules in the contracts (protovalidate) before a handler sees them."""

from __future__ import annotations

import protovalidate
from google.protobuf.message import Message

from mesh.errors import FieldViolation, InvalidRequest


def validate(message: Message) -> None:
    """Checks one message. The interceptor does it for unary requests; handlers do it for messages of a request stream, so that
    one bad message need not end the stream.

    Raises:
        InvalidRequest: with every field that breaks its rule.
    """
    try:
        protovalidate.validate(message)
    except protovalidate.ValidationError as error:
        raise InvalidRequest([_violation(violation) for violation in error.violations]) from None


def _violation(violation: protovalidate.Violation) -> FieldViolation:
    path = ""
    for element in violation.proto.field.elements if violation.proto.field else ():
        path += f".{element.field_name}" if path else element.field_name
        subscript = element.subscript
        if subscript is not None and subscript.field == "index":
            path += f"[{subscript.value}]"
    return FieldViolation(path, violation.proto.message or violation.proto.rule_id)
