"""HTTP requests generated from the contracts: valid ones, and each with one thing changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from mesh.contracts.validation import code_form, field_rules, is_required
from services.gateway.http.routes import WHOLE_REQUEST, Route

DAY = (datetime.now(UTC) + timedelta(days=20)).date()
"""A day with schedules."""
ID = "01a22300-0000-7000-8000-000000000000"
TEXTS = ("MAA", "DEL", "AI", "AI542", "en-IN", "IN", ID, "ada@example.com", "Asia/Kolkata")
"""Candidates for a field that is a code."""
WELL_KNOWN: Mapping[str, Any] = {
    "google.type.Date": {"year": DAY.year, "month": DAY.month, "day": DAY.day},
    "google.type.TimeOfDay": {"hours": 8, "minutes": 30},
    "google.protobuf.Timestamp": "2026-12-01T08:30:00Z",
    "google.protobuf.Duration": "30s",
}
ODD_INTEGERS = ("1.0", "1e0", "1.5", "0x1", "+1", " 1", "", "99999999999", "one", "-0")
ODD_BOOLEANS = ("1", "TRUE", "t", "yes", "")
WRONG_TYPES: Sequence[Any] = (True, 3, 1.5, "x", [], {}, [None])
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, and what was changed in it."""

    route: Route
    kind: str
    """The kind of change."""
    verb: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    signed_in: bool = True

    @property
    def target(self) -> str:
        """Path and query."""
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")

    def __str__(self) -> str:
        body = self.body[:200].decode(errors="replace") if self.body is not None else ""
        return f"{self.kind}: {self.verb} {self.target[:300]} {body}".strip()


def requests(route: Route) -> Iterator[Sent]:
    """Yield the requests for one route."""
    valid = _valid(route)
    yield valid
    yield replace(valid, kind="no token", signed_in=False)
    yield replace(valid, kind="bad token", signed_in=False, headers={"authorization": "Bearer nonsense"})
    yield replace(valid, kind="other accept", headers={"accept": "text/plain"})
    yield from _other_paths(valid)
    yield from (_changed(valid, "unknown field", "nonsense", "1"),)
    yield from (replace(valid, kind="other verb", verb=verb) for verb in METHODS if verb != route.verb)
    for one in route.method.input_type.fields:
        if one.name not in route.path_fields and (route.body in ("", WHOLE_REQUEST, one.name)):
            yield from _field_changes(valid, one)
    if route.body:
        yield from _other_bodies(valid)


def _valid(route: Route) -> Sent:
    message = route.method.input_type
    needed = [f for f in message.fields if is_required(f) and f.name not in route.path_fields]
    path = route.template
    for name in route.path_fields:
        path = path.replace(f"{{{name}}}", quote(str(sample(_field_at(message, name))), safe=""))
    values = {f.json_name: sample(f) for f in needed}
    if route.body:
        body = values if route.body == WHOLE_REQUEST else values.get(route.body, {})
        return Sent(route, "valid", route.verb, path, body=json.dumps(body).encode())
    return Sent(route, "valid", route.verb, path, query=list(_parameters(values)))


def _field_at(message: Descriptor, path: str) -> FieldDescriptor:
    """Return the field at a path such as `conversation.conversation_id`."""
    *parents, last = path.split(".")
    for parent in parents:
        inner = message.fields_by_name[parent].message_type
        assert inner is not None
        message = inner
    return message.fields_by_name[last]


def sample(one: FieldDescriptor) -> Any:
    """Return a valid value of a field as JSON."""
    rules = field_rules(one)
    if one.is_repeated:
        return [_single(one, rules.repeated.items)]
    return _single(one, rules)


def _single(one: FieldDescriptor, rules: Any) -> Any:
    if one.message_type is not None:
        return WELL_KNOWN.get(one.message_type.full_name, None) or _filled(one.message_type)
    if one.enum_type is not None:
        return next(value.name for value in one.enum_type.values if value.number)
    if one.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _text(one, rules) if one.type == FieldDescriptor.TYPE_STRING else "AAEC"
    if one.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return True
    number = max(1, rules.int32.gte)
    return (
        str(number)
        if one.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
        else number
    )


def _text(one: FieldDescriptor, rules: Any) -> str:
    if rules.string.uuid or one.name.endswith("request_id"):
        return ID
    if rules.string.email:
        return "ada@example.com"
    if form := code_form(rules):
        fitting = [text for text in TEXTS if re.search(form.pattern, text)]
        return fitting[one.number % len(fitting)]
    return "x" * max(1, int(rules.string.min_len))


def _filled(message: Descriptor) -> dict[str, Any]:
    return {one.json_name: sample(one) for one in message.fields if is_required(one)}


def _parameters(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield query parameters for a JSON object."""
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _parameters(inner, f"{prefix}{name}.")
        else:
            for item in inner if isinstance(inner, list) else [inner]:
                yield prefix + name, item if isinstance(item, str) else json.dumps(item)


def _changed(valid: Sent, kind: str, name: str, value: Any) -> Sent:
    """Set a field where the route has it."""
    if valid.body is None:
        rest = [(key, text) for key, text in valid.query if key.partition(".")[0] != name]
        return replace(valid, kind=kind, query=[*rest, *_parameters({name: value})])
    return replace(valid, kind=kind, body=json.dumps({**json.loads(valid.body), name: value}).encode())


def _field_changes(valid: Sent, one: FieldDescriptor) -> Iterator[Sent]:
    value = sample(one)
    yield _changed(valid, "optional field", one.json_name, value)
    if one.name != one.json_name:
        yield (
            replace(
                _changed(valid, "name as in the contract", one.name, value),
                query=[
                    (name, text)
                    for name, text in _changed(valid, "", one.name, value).query
                    if name.partition(".")[0] != one.json_name
                ],
            )
            if valid.body is None
            else _changed(_without(valid, one.json_name), "name as in the contract", one.name, value)
        )
    if valid.body is None:
        yield from _odd_parameters(valid, one)
    else:
        for wrong in (*WRONG_TYPES, None):
            kind = "null" if wrong is None else "value of another type"
            yield _changed(valid, kind, one.json_name, wrong)


def _without(valid: Sent, name: str) -> Sent:
    assert valid.body is not None
    body = {key: value for key, value in json.loads(valid.body).items() if key != name}
    return replace(valid, body=json.dumps(body).encode())


def _odd_parameters(valid: Sent, one: FieldDescriptor) -> Iterator[Sent]:
    name = one.json_name
    if one.enum_type is not None:
        first = next(value for value in one.enum_type.values if value.number)
        for text in (str(first.number), first.name.lower(), "99", ""):
            yield _changed(valid, "odd enum", name, text)
    elif one.message_type is not None:
        kind = one.message_type.full_name
        texts = {"google.type.Date": [DAY.isoformat(), "tomorrow"], "google.type.TimeOfDay": ["08:30", "8"]}
        for text in texts.get(kind, ["x", "1"]):
            yield _changed(valid, "text for a message", name, text)
    elif one.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        yield from (_changed(valid, "odd boolean", name, text) for text in ODD_BOOLEANS)
    elif one.cpp_type != FieldDescriptor.CPPTYPE_STRING:
        yield from (_changed(valid, "odd number", name, text) for text in ODD_INTEGERS)
    else:
        yield from (_changed(valid, "odd text", name, text) for text in ("", "é", "a b+c&d", "x" * 3000))
    if not one.is_repeated and one.message_type is None:
        text = json.dumps(sample(one)).strip('"')
        rest = [(key, value) for key, value in valid.query if key != name]
        yield replace(valid, kind="repeated parameter", query=[*rest, (name, text), (name, text)])


def _other_paths(valid: Sent) -> Iterator[Sent]:
    yield replace(valid, kind="trailing slash", path=f"{valid.path}/")
    yield replace(valid, kind="double slash", path=valid.path.replace("/", "//", 2))
    yield replace(valid, kind="other case", path=valid.path.upper())
    yield replace(valid, kind="more segments", path=f"{valid.path}/more")
    yield replace(valid, kind="unknown action", path=f"{valid.path}:nonsense")
    for name in valid.route.path_fields:
        value = quote(str(sample(_field_at(valid.route.method.input_type, name))), safe="")
        for odd in ("", "%2F", "a%2Fb", "%20", "%C3%A9", "%FF", "%zz", "a%3Ab", ".", "x" * 300, "A+B", "%00"):
            yield replace(valid, kind="odd path value", path=valid.path.replace(value, odd, 1))
        encoded = "".join(f"%{ord(letter):02X}" for letter in value)
        yield replace(valid, kind="escaped path value", path=valid.path.replace(value, encoded, 1))
        yield replace(valid, kind="field of the path again", query=[*valid.query, (name, "x")])


def _other_bodies(valid: Sent) -> Iterator[Sent]:
    assert valid.body is not None
    text = valid.body
    for body in (b"", b"null", b"[]", b"3", b'"x"', text[:-1], b"[" * 50_000, b"\xff", b"{} {}", text + b"x"):
        yield replace(valid, kind="odd body", body=body)
    yield replace(valid, kind="name given twice", body=b'{"a":1,"a":2}')
    yield replace(valid, kind="byte order mark", body=b"\xef\xbb\xbf" + text)
    yield replace(valid, kind="body in UTF-16", body=text.decode().encode("utf-16"))
    yield replace(valid, kind="spaces around", body=b" \r\n\t" + text + b"\n")
    yield replace(valid, kind="parameter and body", query=[("nonsense", "1")])
    for media_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "application/grpc",
    ):
        yield replace(valid, kind="other media type", headers={"content-type": media_type})
    yield replace(
        valid, kind="media type with charset", headers={"content-type": "application/json; charset=utf-8"}
    )
