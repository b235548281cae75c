"""The layers every served call runs in: context and log line, metrics, errors, admission, authentication and access."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import grpc
import structlog
from grpc_status import rpc_status
from readback.options.v1 import options_pb2

from mesh import access, deadlines
from mesh.auth import TokenVerifier, set_principal
from mesh.errors import ErrorTable, Unauthenticated, status_for
from mesh.ids import uuid7
from mesh.layers import Call, Layer
from mesh.limits import Limiter
from mesh.metrics import code_name, measured

REQUEST_ID = "x-request-id"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger()


def layers(
    *,
    rules: Mapping[str, access.Rules],
    tables: Mapping[str, ErrorTable],
    verifier: TokenVerifier,
    limiter: Limiter,
) -> Sequence[Layer]:
    """The layers of a server, outermost first. `tables` holds each service's errors by its proto package."""
    return (in_context, measured, answering(tables), limiter.in_total, authenticated(rules, verifier), limiter.per_caller)


@asynccontextmanager
async def in_context(call: Call) -> AsyncIterator[None]:
    """Gives the call a request id, its deadline and one log line."""
    offered = call.metadata.get(REQUEST_ID, "")
    structlog.contextvars.clear_contextvars()
    # The id is the caller's to choose, but not its shape: it goes into logs.
    structlog.contextvars.bind_contextvars(request_id=offered if _REQUEST_ID.fullmatch(offered) else uuid7(), method=call.method)
    deadlines.remember(call.context.time_remaining())
    set_principal(None)
    begun = time.perf_counter()
    try:
        yield
    finally:
        milliseconds = round((time.perf_counter() - begun) * 1000, 1)
        _log.debug("handled", code=code_name(call), milliseconds=milliseconds)


def answering(tables: Mapping[str, ErrorTable]) -> Layer:
    """A layer that turns whatever a handler raises into a rich status."""

    @asynccontextmanager
    async def layer(call: Call) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 -- the one place where every error of a handler ends
            package = call.method[1:].rpartition("/")[0].rpartition(".")[0]
            status = status_for(error, tables.get(package, {}), package)
            await call.context.abort_with_status(rpc_status.to_status(status))

    return layer


def authenticated(rules: Mapping[str, access.Rules], verifier: TokenVerifier) -> Layer:
    """A layer that finds out who calls and refuses what the contract does not allow."""

    @asynccontextmanager
    async def layer(call: Call) -> AsyncIterator[None]:
        wanted = rules.get(call.method, frozenset())
        principal = None
        try:
            token = _bearer_token(call.metadata)
            principal = await verifier.verify(token) if token else None
        except Unauthenticated:
            # A stale token must not keep anybody from signing in again.
            if options_pb2.ACCESS_PUBLIC not in wanted:
                raise
        access.check(call.method, wanted, principal)
        set_principal(principal)
        if principal is not None:
            structlog.contextvars.bind_contextvars(subject=principal.subject, actor=principal.actor)
        yield

    return layer


def _bearer_token(metadata: Mapping[str, str]) -> str | None:
    header = metadata.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("malformed")
    return token
