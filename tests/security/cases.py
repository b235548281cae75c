"""The cases, and the one table of the answers that their RPC's contract documents for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import grpc
from readback.options.v1 import options_pb2

from mesh.ids import uuid7
from mesh.security.authentication import WORKLOADS, bearer
from tests.security.bad_bodies import bad_bodies
from tests.security.bad_fields import changed_requests
from tests.security.contracts import (
    ACCESS_DENIED,
    INVALID,
    REFUSED_BY_GRPC,
    UNAUTHENTICATED,
    Answer,
    Rpc,
    max_bytes_of,
)
from tests.security.requests import fields_of, is_valid, valid_request
from tests.security.running_mesh import Mesh, Metadata
from tests.security.token_faults import Fault, faults

Answers = frozenset[Answer]
MALFORMED = b"\xff\xff\xff"

CALLERS: Mapping[str, options_pb2.Access.ValueType] = {
    "ada": options_pb2.ACCESS_CUSTOMER,
    "ada's agent": options_pb2.ACCESS_AGENT,
    **WORKLOADS,
    "operator": options_pb2.ACCESS_OPERATOR,
}
"""The rule that each caller satisfies."""
_IDS = ("conversation_id", "call_id", "session_id", "quote_id", "booking_id", "traveller_id")
ENDING = {"Logout", "DeleteCustomer"}
"""RPCs that would end ada's session. Their callers are customers who never signed in."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request and the answers that are right."""

    name: str
    body: Callable[[Mesh], bytes]
    metadata: Callable[[Mesh], Metadata]
    expected: Answers
    compression: grpc.Compression | None = None


def expected(rpc: Rpc, caller: str | None, body: bytes, *, has_fault: bool = False) -> Answers:
    """Return the answers that the contract allows. This is the table.

    | the caller | the request | the answer |
    |---|---|---|
    | sends no token, or one with a fault | any | UNAUTHENTICATED, unless the RPC is public |
    | is of a kind without a rule | any | ACCESS_DENIED |
    | may call | is larger than any of the service | gRPC's RESOURCE_EXHAUSTED |
    | may call | breaks its contract | INVALID_REQUEST |
    | may call | obeys its contract | success, or an error that the RPC documents |
    """
    if not rpc.is_public:
        if caller is None or has_fault:
            return frozenset({UNAUTHENTICATED})
        if CALLERS[caller] not in rpc.rules:
            return frozenset({ACCESS_DENIED})
    if len(body) > max_bytes_of(rpc.served_by):
        return frozenset({REFUSED_BY_GRPC})
    return rpc.documented | {INVALID} if is_valid(rpc, body) else frozenset({INVALID})


def allowed_callers(rpc: Rpc) -> list[str]:
    """Return the callers that the contract allows; any caller may call a public RPC."""
    return ["ada"] if rpc.is_public else [name for name, rule in CALLERS.items() if rule in rpc.rules]


def one_of_the_callers(rpc: Rpc) -> str:
    """Return an allowed caller, of another kind for the next RPC."""
    allowed = allowed_callers(rpc)
    return allowed[rpc.method.index % len(allowed)]


def token_cases(rpc: Rpc) -> Iterator[Case]:
    """Yield a request with each fault. It is malformed, which only a caller who is let in hears of."""
    if not rpc.is_own and rpc.served_by != "identity":
        return  # the same code in every service
    caller = one_of_the_callers(rpc)
    answers = expected(rpc, caller, MALFORMED, has_fault=True)
    for name, fault in faults().items():
        yield Case(name, _constant(MALFORMED), partial(_faulty, fault, caller), answers)
    too_long = (("authorization", "Bearer " + "x" * 40_000),)
    refused = frozenset({REFUSED_BY_GRPC})
    yield Case("40,000 characters", _constant(MALFORMED), lambda _: too_long, refused)


def _faulty(fault: Fault, caller: str, mesh: Mesh) -> Metadata:
    return fault(mesh, caller)


def role_cases(rpc: Rpc) -> Iterator[Case]:
    """Yield a valid and a malformed request of each kind of caller."""
    valid = valid_request(rpc).SerializeToString()
    for caller in (None, *CALLERS):
        for kind, body in (("valid", valid), ("malformed", MALFORMED), ("empty", b"")):
            answers = expected(rpc, caller, body)
            yield Case(f"{caller or 'nobody'}, {kind}", _constant(body), _as(rpc, caller), answers)


def field_cases(rpc: Rpc) -> Iterator[Case]:
    """Yield requests with a bad value in one field, of a caller that the contract allows."""
    caller = one_of_the_callers(rpc)
    for name, request in changed_requests(rpc):
        body = request.SerializeToString()
        yield Case(name, _constant(body), _as(rpc, caller), expected(rpc, caller, body))


def body_cases(rpc: Rpc) -> Iterator[Case]:
    """Yield bad bodies of a caller that the contract allows, and bodies that are small only on the wire."""
    caller = one_of_the_callers(rpc)
    for name, body in bad_bodies(rpc):
        yield Case(name, _constant(body), _as(rpc, caller), expected(rpc, caller, body))
    gzip = grpc.Compression.Gzip
    for size in (4_000_000, 16_000_000):
        # The size limit of the RPC holds for what is decompressed.
        name, bomb = f"{size:,} zeros in gzip", bytes(size)
        answers = expected(rpc, caller, MALFORMED)
        yield Case(name, _constant(bomb), _as(rpc, caller), answers, gzip)
    valid = valid_request(rpc).SerializeToString()
    yield Case("valid, in gzip", _constant(valid), _as(rpc, caller), expected(rpc, caller, valid), gzip)


def foreign_cases(rpc: Rpc) -> Iterator[Case]:
    """Yield valid requests for what belongs to another customer, or exists nowhere."""
    # A new traveller gets an id of the service, whatever the request says.
    fields = {*_IDS} & set(_field_names(rpc)) if rpc.method.name != "CreateTraveller" else set()
    callers = [name for name in ("ada", "ada's agent", "ada's agent in bob's call") if fields]
    for caller in callers:
        if CALLERS[caller.removesuffix(" in bob's call")] not in rpc.rules:
            continue
        for name, ids in _FOREIGN.items():
            body = partial(_about, rpc, ids)
            yield Case(f"{caller}, {name}", body, _as(rpc, caller), _for_foreign(rpc))


def _about(rpc: Rpc, ids: Callable[[Mesh], Mapping[str, str]], mesh: Mesh) -> bytes:
    return valid_request(rpc, ids(mesh)).SerializeToString()


def _for_foreign(rpc: Rpc) -> Answers:
    """Return the NOT_FOUND of an RPC. The RPCs of grants know no calls, and tell nothing."""
    if rpc.served_by == "identity" and rpc.method.name != "RevokeSession":
        return rpc.documented
    return frozenset(answer for answer in rpc.documented if answer[0] is grpc.StatusCode.NOT_FOUND)


def _swapped(ids: Mapping[str, str]) -> dict[str, str]:
    return {
        "conversation_id": ids["call_id"],
        "call_id": ids["conversation_id"],
        "session_id": ids["conversation_id"],
        "quote_id": ids["booking_id"],
        "booking_id": ids["traveller_id"],
        "traveller_id": ids["quote_id"],
    }


def _upper(ids: Mapping[str, str]) -> dict[str, str]:
    return {name: value.upper() for name, value in ids.items()}


_FOREIGN: Mapping[str, Callable[[Mesh], Mapping[str, str]]] = {
    "another customer's": lambda mesh: mesh.ids["bob"],
    "another customer's in upper case": lambda mesh: _upper(mesh.ids["bob"]),
    "another customer's, exchanged": lambda mesh: _swapped(mesh.ids["bob"]),
    "her own, exchanged": lambda mesh: _swapped(mesh.ids["ada"]),
    "unknown": lambda _: {name: uuid7() for name in _IDS},
    "a customer's id": lambda mesh: dict.fromkeys(_IDS, mesh.ids["bob"]["customer_id"]),
}


def _field_names(rpc: Rpc) -> list[str]:
    names = [path[-1].name for path in fields_of(rpc.method.input_type)]
    return ["call_id", "writer_id"] if rpc.method.name == "Record" else names


def _constant(body: bytes) -> Callable[[Mesh], bytes]:
    return lambda _: body


def _as(rpc: Rpc, caller: str | None) -> Callable[[Mesh], Metadata]:
    def metadata(mesh: Mesh) -> Metadata:
        if caller is None:
            return ()
        if caller == "ada" and rpc.method.name in ENDING:
            return bearer(mesh.forged({"sub": uuid7(), "kind": "customer", "sid": uuid7()}))
        return bearer(mesh.tokens[caller])

    return metadata


KINDS: Mapping[str, Callable[[Rpc], Iterator[Case]]] = {
    "tokens": token_cases,
    "roles": role_cases,
    "fields": field_cases,
    "bodies": body_cases,
    "foreign ids": foreign_cases,
}
