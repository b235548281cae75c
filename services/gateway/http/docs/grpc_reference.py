"""Reference of the gRPC services as one HTML page, from the contracts' descriptors and comments.

It shows the RPCs that a customer or a caller without a token may call, and the types they use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from textwrap import dedent
from typing import Any

import jinja2
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    EnumValueDescriptor,
    FieldDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from markupsafe import Markup, escape
from readback.errors.v1 import error_reason_pb2
from readback.options.v1 import options_pb2

from mesh.contracts.comments import raw_comments
from mesh.contracts.validation import code_form, field_rules, is_optional
from mesh.security.access_rules import rules_of
from services.gateway.http.routes import PUBLIC_RULES, routes_of

_REASONS = error_reason_pb2.DESCRIPTOR.enum_types_by_name["ErrorReason"]
_REASON_PREFIX = "ERROR_REASON_"
_REASON_NAMES = {value.name.removeprefix(_REASON_PREFIX) for value in _REASONS.values}


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A part of a comment: text, or an indented example."""

    text: str
    is_code: bool


def grpc_page(services: Sequence[ServiceDescriptor]) -> str:
    """Return the page about these services."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("services.gateway.http.docs", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"paragraphs": paragraphs, "code": with_code}
    shown = [(service, list(_public_methods(service))) for service in services]
    messages, enums = _types(method for _, methods in shown for method in methods)
    return environment.get_template("grpc.html").render(
        services=[_service(service, methods) for service, methods in shown if methods],
        messages=[_message(message) for message in messages],
        enums=[_enum(enum) for enum in enums],
        reasons=[_value(_REASONS, value, _REASON_PREFIX) for value in _REASONS.values if value.number],
    )


def paragraphs(text: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of a comment; indented lines are an example."""
    for is_code, lines in groupby(text.splitlines(), key=lambda line: line.startswith("    ")):
        for block in re.split(r"\n\s*\n", "\n".join(lines)):
            if block.strip():
                yield Paragraph(dedent(block).strip() if is_code else " ".join(block.split()), is_code)


def with_code(text: str) -> Markup:
    """Return a text as HTML, in which `code` is marked and error reasons are links."""
    return Markup(re.sub(r"`([^`]+)`", _code, str(escape(text))))  # noqa: S704  # is escaped


def _code(match: re.Match[str]) -> str:
    name = match[1]
    text = f'<a href="#reason-{name}">{name}</a>' if name in _REASON_NAMES else name
    return f"<code>{text}</code>"


def _public_methods(service: ServiceDescriptor) -> Iterator[MethodDescriptor]:
    return (method for method in service.methods if rules_of(method) & PUBLIC_RULES)


def _types(methods: Iterable[MethodDescriptor]) -> tuple[Sequence[Descriptor], Sequence[EnumDescriptor]]:
    """Return the product's messages and enums that methods use, each sorted by name."""
    messages: dict[str, Descriptor] = {}
    enums: dict[str, EnumDescriptor] = {}
    rest = [kind for method in methods for kind in (method.input_type, method.output_type)]
    while rest:
        message = rest.pop()
        if message.full_name in messages or not _is_own(message):
            continue
        messages[message.full_name] = message
        rest += [field.message_type for field in message.fields if field.message_type is not None]
        enums |= {f.enum_type.full_name: f.enum_type for f in message.fields if f.enum_type is not None}
    return _sorted(messages.values()), _sorted(enums.values())


def _sorted(types: Iterable[Any]) -> list[Any]:
    return sorted(types, key=lambda kind: (_short(kind), kind.full_name))


def _is_own(kind: Descriptor | EnumDescriptor) -> bool:
    return bool(kind.full_name.startswith("readback."))


def _short(kind: Descriptor | EnumDescriptor) -> str:
    return str(kind.full_name.removeprefix(f"{kind.file.package}."))


def _comment(name: str) -> str:
    return dedent(raw_comments().get(name, "")).strip()


def _service(service: ServiceDescriptor, methods: Sequence[MethodDescriptor]) -> Mapping[str, Any]:
    return {
        "name": service.full_name,
        "short": service.name,
        "comment": _comment(service.full_name),
        "rpcs": [_rpc(method) for method in methods],
    }


def _rpc(method: MethodDescriptor) -> Mapping[str, Any]:
    callers = sorted(options_pb2.Access.Name(rule) for rule in rules_of(method) & PUBLIC_RULES)
    return {
        "name": method.full_name,
        "short": method.name,
        "comment": _comment(method.full_name),
        "request": _reference(method.input_type),
        "response": _reference(method.output_type),
        "streams": method.server_streaming,
        "callers": [caller.removeprefix("ACCESS_").lower() for caller in callers],
        "routes": list(routes_of(method)),
    }


def _reference(kind: Descriptor | EnumDescriptor) -> Mapping[str, Any]:
    own = _is_own(kind)
    return {"name": kind.full_name, "short": _short(kind) if own else kind.full_name, "linked": own}


def _message(message: Descriptor) -> Mapping[str, Any]:
    return {
        "name": message.full_name,
        "short": _short(message),
        "package": message.file.package,
        "comment": _comment(message.full_name),
        "fields": [_field(field) for field in message.fields],
    }


def _field(field: FieldDescriptor) -> Mapping[str, Any]:
    kind = field.message_type or field.enum_type
    scalar = (
        FieldDescriptorProto.Type.Name(FieldDescriptorProto.Type.ValueType(field.type))
        .removeprefix("TYPE_")
        .lower()
    )
    return {
        "name": field.name,
        "number": field.number,
        "label": _label(field),
        "type": _reference(kind) if kind is not None else {"short": scalar, "linked": False},
        "comment": _comment(field.full_name),
        "rules": _rules(field),
    }


def _label(field: FieldDescriptor) -> str:
    if field.is_repeated:
        return "repeated"
    oneof = field.containing_oneof
    if oneof is None:
        return ""
    # The compiler makes a oneof of its own, with a leading underscore, for an `optional` field.
    return "optional" if oneof.name == f"_{field.name}" else f"{oneof.name}:"


def _rules(field: FieldDescriptor) -> str:
    """Return the limits of a field in words."""
    rules = field_rules(field)
    text, number, form = rules.string, rules.int32, code_form(rules)
    words = [
        (rules.required, "Required."),
        (text.min_len, f"At least {text.min_len} characters."),
        (text.max_len, f"At most {text.max_len} characters."),
        (rules.repeated.max_items, f"At most {rules.repeated.max_items} items."),
        (form, f"{form.words.replace('must', 'Must', 1)}." if form else ""),
        (text.uuid and not is_optional(rules), "A UUID."),
        (text.uuid and is_optional(rules), "A UUID, or empty."),
        (number.HasField("gte") and number.HasField("lte"), f"{number.gte} to {number.lte}."),
    ]
    return " ".join(text for applies, text in words if applies)


def _enum(enum: EnumDescriptor) -> Mapping[str, Any]:
    return {
        "name": enum.full_name,
        "short": _short(enum),
        "package": enum.file.package,
        "comment": _comment(enum.full_name),
        "members": [_value(enum, value) for value in enum.values],
    }


def _value(enum: EnumDescriptor, value: EnumValueDescriptor, prefix: str = "") -> Mapping[str, Any]:
    comment = _comment(f"{enum.full_name}.{value.name}")
    return {"name": value.name.removeprefix(prefix), "number": value.number, "comment": comment}
