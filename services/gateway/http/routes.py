"""Routes of RPCs, from the contracts' `google.api.http` options (google/api/http.proto)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from readback.options.v1 import options_pb2

from mesh.security.access_rules import rules_of

PUBLIC_RULES = {options_pb2.ACCESS_PUBLIC, options_pb2.ACCESS_CUSTOMER}
"""An RPC gets routes if one of these callers may call it."""
WHOLE_REQUEST = "*"
"""Body rule: the body holds every field that is not in the path."""

_VARIABLE = re.compile(r"\{(?P<field>[a-z0-9_.]+)(?:=(?P<segments>[^}]+))?\}")
_SEGMENT = "[^/:]+"
_VERBS = ("get", "put", "post", "delete", "patch")


class NoRoute(Exception):
    """No RPC has this path."""


class VerbNotAllowed(Exception):
    """An RPC has this path, but not with this verb. `allowed` has the verbs of the path, sorted."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"Use {', '.join(allowed)} for this path.")
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTP binding of an RPC."""

    method: MethodDescriptor
    verb: str
    """HTTP method in capitals."""
    template: str
    """Path with the names of request fields, such as `/v1/calls/{call_id}:end`."""
    body: str
    """Request field that the body holds; `*` for the whole request, empty for none."""
    path_fields: tuple[str, ...]
    """Request fields in the path, in order; `conversation.conversation_id` is a field of a field."""
    is_additional: bool
    """True if it is one of the RPC's `additional_bindings`."""


def public_methods(services: Iterable[ServiceDescriptor]) -> Iterator[MethodDescriptor]:
    """Yield the methods that a customer or a caller without a token may call over HTTP."""
    for service in services:
        for method in service.methods:
            if rules_of(method) & PUBLIC_RULES and not method.client_streaming:
                yield method


def routes_of(method: MethodDescriptor) -> Iterator[Route]:
    """Yield the routes of a method: its rule's binding, then the additional ones."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    for binding in (rule, *rule.additional_bindings):
        if route := _route(method, binding, is_additional=binding is not rule):
            yield route


def _route(method: MethodDescriptor, rule: http_pb2.HttpRule, *, is_additional: bool) -> Route | None:
    verb = rule.WhichOneof("pattern")
    if verb not in _VERBS:
        return None
    template = getattr(rule, verb)
    fields = tuple(match["field"] for match in _VARIABLE.finditer(template))
    return Route(
        method, verb.upper(), _VARIABLE.sub(r"{\g<field>}", template), rule.body, fields, is_additional
    )


class RouteTable:
    """Finds the route of a request."""

    def __init__(self, services: Iterable[ServiceDescriptor]) -> None:
        self.routes = [route for method in public_methods(services) for route in routes_of(method)]
        by_template: dict[str, dict[str, Route]] = {}
        for route in self.routes:
            by_template.setdefault(route.template, {})[route.verb] = route
        # A literal path wins over one with variables: `/v1/entries:search`, not `/v1/{name}`.
        ordered = sorted(by_template, key=lambda template: template.count("{"))
        self._patterns = [(_pattern(template), by_template[template]) for template in ordered]

    def find(self, verb: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """Return the route of a percent-encoded path, and the values of the fields in the path.

        HEAD finds the route of GET.

        Raises:
            NoRoute: no route has this path.
            VerbNotAllowed: a route has this path, but none with this verb.
        """
        allowed: set[str] = set()
        for pattern, by_verb in self._patterns:
            if match := pattern.fullmatch(path):
                route = by_verb.get("GET" if verb == "HEAD" else verb)
                if route is not None:
                    values = zip(route.path_fields, match.groups(), strict=True)
                    return route, {field: unquote(value, errors="surrogateescape") for field, value in values}
                allowed |= by_verb.keys()
        if allowed:
            raise VerbNotAllowed(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
        raise NoRoute


def _pattern(template: str) -> re.Pattern[str]:
    literals = _VARIABLE.split(template)[:: _VARIABLE.groups + 1]
    return re.compile(f"({_SEGMENT})".join(map(re.escape, literals)))
