"""Access rules: the kinds of callers that an RPC's contract allows (`readback.options.v1.access`).

A method without rules refuses every caller.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from google.protobuf.descriptor import MethodDescriptor
from readback.options.v1 import options_pb2

from mesh.errors import AccessDenied, Unauthenticated
from mesh.security.authentication import Principal

Rules = frozenset[options_pb2.Access.ValueType]


def path_of(method: MethodDescriptor) -> str:
    """Return the method's name on the wire: `/package.Service/Method`."""
    return f"/{method.containing_service.full_name}/{method.name}"


@cache
def rules_of(method: MethodDescriptor) -> Rules:
    """Return the access rules of a method; empty when the contract has none."""
    rules: Iterable[options_pb2.Access.ValueType] = method.GetOptions().Extensions[options_pb2.access]
    return frozenset(rules) - {options_pb2.ACCESS_UNSPECIFIED}


DEFAULT_MAX_REQUEST_BYTES = 65_536
"""Size limit of a request whose method has no `max_request_bytes`."""


@dataclass(frozen=True, slots=True)
class MethodContract:
    """The part of a method's contract that is enforced before its handler runs."""

    rules: Rules
    """Kinds of callers that may call it."""
    max_request_bytes: int
    """Size limit of one request message."""


def contract_of(method: MethodDescriptor) -> MethodContract:
    """Return a method's access rules and size limit."""
    limit = method.GetOptions().Extensions[options_pb2.max_request_bytes] or DEFAULT_MAX_REQUEST_BYTES
    return MethodContract(rules_of(method), limit)


def check(method: str, rules: Rules, principal: Principal | None) -> None:
    """Check a caller against the rules of a method.

    Raises:
        Unauthenticated: the method needs a token and the caller sent none.
        AccessDenied: callers of this kind may not call the method, or it has no rules.
    """
    if options_pb2.ACCESS_PUBLIC in rules:
        return
    if rules and principal is None:
        raise Unauthenticated("missing")
    if principal is None or principal.kind not in rules:
        needs = ", ".join(sorted(options_pb2.Access.Name(rule).removeprefix("ACCESS_") for rule in rules))
        raise AccessDenied(
            "This token may not be used for that.", metadata={"method": method, "needs": needs}
        )
