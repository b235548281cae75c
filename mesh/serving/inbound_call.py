"""Steps around every incoming RPC: log context, limits, authentication, access, metrics, rich errors."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any

import grpc
import structlog
from grpc_status import rpc_status
from readback.options.v1 import options_pb2

from mesh.calling.retries_and_timeouts import set_deadline
from mesh.errors import DomainError, ErrorTable, Unauthenticated, status_for
from mesh.ids import REQUEST_ID, uuid7
from mesh.security import access_rules
from mesh.security.authentication import Principal, TokenVerifier, principal_or_none
from mesh.security.security_log import record_refusal
from mesh.security.source_address import source_address
from mesh.serving.health_and_metrics import MethodMetrics, code_name
from mesh.serving.limits import STRANGERS, Limiter

PUSHBACK = "grpc-retry-pushback-ms"
MAX_WAIT_FOR_RETRIES = timedelta(seconds=2)
"""Longest wait that a channel's own retries can bridge."""
Metadata = Iterable[tuple[str, str | bytes]]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RpcMethod:
    """A method, as the server knows it before a call."""

    path: str
    """`/package.Service/Method`."""
    streaming: bool
    """True if the client or the server may send more than one message."""
    contract: access_rules.MethodContract
    """Its access rules and its limit of the request size."""
    errors: ErrorTable
    """Errors of its service's domain."""
    metrics: MethodMetrics


@dataclass(frozen=True, slots=True)
class Admission:
    """The parts of a server that decide whether an RPC is accepted."""

    verifier: TokenVerifier
    limiter: Limiter


async def authenticate(method: RpcMethod, verifier: TokenVerifier, metadata: Metadata) -> Principal | None:
    """Return the caller of an RPC; None if the RPC has no token.

    Raises:
        Unauthenticated, AccessDenied: the caller may not call the method.
        Unavailable: the verification keys can't be fetched.
    """
    principal, rules = None, method.contract.rules
    try:
        token = _bearer_token(metadata)
        principal = await verifier.verify(token) if token else None
    except Unauthenticated:
        # Public methods ignore a bad token: an expired one must not prevent signing in again.
        if options_pb2.ACCESS_PUBLIC not in rules:
            raise
    access_rules.check(method.path, rules, principal)
    return principal


class InboundCall(AbstractAsyncContextManager["InboundCall"]):
    """Context manager around the handler of one RPC, including the iteration of its stream.

    It turns every exception into a rich status for the caller. The RPC counts as running from `enter_limits`.
    """

    # One class, because several context managers would cost as much as the rest of an RPC.
    __slots__ = ("_admission", "_callers", "_context", "_counted", "_method", "_started")

    def __init__(
        self, method: RpcMethod, admission: Admission, context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        self._method, self._admission, self._context = method, admission, context
        self._counted = False
        self._callers: tuple[str, ...] = ()
        self._started = 0.0

    async def __aenter__(self) -> InboundCall:
        self._started = time.perf_counter()
        self._method.metrics.running.inc()
        metadata = self._context.invocation_metadata() or ()
        self._bind_context({key: value for key, value in metadata if isinstance(value, str)})
        return self

    def enter_limits(self) -> None:
        """Count the RPC as running.

        Raises:
            Overloaded: the process is full, or the caller has too many running RPCs.
        """
        limiter, streaming = self._admission.limiter, self._method.streaming
        limiter.enter(streaming=streaming)
        self._counted = True
        for caller in self._limited_as(principal_or_none()):
            limiter.enter_caller(caller, streaming=streaming)
            self._callers += (caller,)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave_limits()
        try:
            if isinstance(error, Exception) and not isinstance(error, grpc.aio.AbortError):
                record_refusal(error, self._context)
                status = rpc_status.to_status(status_for(error, self._method.errors))
                await self._context.abort(
                    status.code, status.details, (*status.trailing_metadata, *_pushback(error))
                )
        finally:
            self._record(cancelled=error is not None and not isinstance(error, Exception))

    def _bind_context(self, metadata: Mapping[str, str]) -> None:
        offered = metadata.get(REQUEST_ID, "")
        # The id is logged, so an id of another form is replaced.
        request_id = offered if _REQUEST_ID.fullmatch(offered) else uuid7()
        set_deadline(self._context.time_remaining())
        structlog.contextvars.bind_contextvars(request_id=request_id, method=self._method.path)
        principal = principal_or_none()
        if principal is not None:
            structlog.contextvars.bind_contextvars(subject=principal.subject, actor=principal.actor)

    def _limited_as(self, principal: Principal | None) -> tuple[str, ...]:
        """Return the callers for which the RPC counts. It counts for none if a service calls."""
        if principal is None:
            return source_address(self._context), STRANGERS
        return () if principal.customer_id is None else (principal.customer_id,)

    def _leave_limits(self) -> None:
        limiter = self._admission.limiter
        for caller in self._callers:
            limiter.leave_caller(caller, streaming=self._method.streaming)
        if self._counted:
            limiter.leave(streaming=self._method.streaming)

    def _record(self, *, cancelled: bool) -> None:
        seconds = time.perf_counter() - self._started
        code = "CANCELLED" if cancelled else code_name(self._context.code())
        self._method.metrics.running.dec()
        self._method.metrics.observe(code, seconds)
        _log.debug("RPC handled", code=code, milliseconds=round(seconds * 1000, 1))


def _pushback(error: Exception) -> tuple[tuple[str, str], ...]:
    """Return metadata that stops the caller's retries (gRFC A6) if the error lasts longer than retries."""
    wait = error.retry_after if isinstance(error, DomainError) else None
    return ((PUSHBACK, "-1"),) if wait is not None and wait > MAX_WAIT_FOR_RETRIES else ()


def _bearer_token(metadata: Metadata) -> str | None:
    headers = [value for key, value in metadata if key == "authorization"]
    if not headers:
        return None
    scheme, _, token = headers[0].partition(" ") if isinstance(headers[0], str) else ("", "", "")
    if len(headers) > 1 or scheme.lower() != "bearer" or not token:
        raise Unauthenticated("malformed")
    return token
