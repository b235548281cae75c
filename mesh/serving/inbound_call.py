"""One served call, from its first byte to its status: context and log line, metrics, errors, admission, authentication and access."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any

import grpc
import structlog
from grpc_status import rpc_status
from readback.options.v1 import options_pb2

from mesh.calling import propagation
from mesh.errors import DomainError, ErrorTable, Unauthenticated, status_for
from mesh.ids import uuid7
from mesh.security import access_rules
from mesh.security.authentication import Principal, TokenVerifier, set_principal
from mesh.serving.limits import Limiter
from mesh.serving.rpc_metrics import MethodMetrics, code_name

PUSHBACK = "grpc-retry-pushback-ms"
WORTH_A_RETRY = timedelta(seconds=2)
"""What is over sooner, a channel's own retries may outlast."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Method:
    """What is known of a method before anybody calls it."""

    path: str
    """`/package.Service/Method`."""
    streaming: bool
    """Whether either side sends more than one message."""
    rules: access_rules.Rules
    """Who may call it."""
    errors: ErrorTable
    """What its service's domain may raise."""
    metrics: MethodMetrics

    @property
    def package(self) -> str:
        """The proto package, which is the domain of its errors' reasons."""
        return self.path[1:].rpartition("/")[0].rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Gates:
    """What stands before every handler of a server."""

    verifier: TokenVerifier
    limiter: Limiter


class Inbound(AbstractAsyncContextManager[None]):
    """A call while it is handled, the iteration of its stream included. Whatever is raised inside is answered as a rich status."""

    # Written out and not composed of smaller context managers: those cost as much as the rest of a call.
    __slots__ = ("_begun", "_caller", "_context", "_counted", "_gates", "_method")

    def __init__(self, method: Method, gates: Gates, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._method, self._gates, self._context = method, gates, context
        self._counted = False
        self._caller: str | None = None
        self._begun = 0.0

    async def __aenter__(self) -> None:
        self._begun = time.perf_counter()
        self._method.metrics.running.inc()
        try:
            await self._admit(
                {
                    key: value
                    for key, value in self._context.invocation_metadata() or ()
                    if isinstance(value, str)
                }
            )
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._count_out()
        try:
            if isinstance(error, Exception) and not isinstance(error, grpc.aio.AbortError):
                status = status_for(error, self._method.errors, self._method.package)
                answer = rpc_status.to_status(status)
                await self._context.abort(
                    answer.code, answer.details, (*answer.trailing_metadata, *_pushback(error))
                )
        finally:
            self._measure(gone=error is not None and not isinstance(error, Exception))

    async def _admit(self, metadata: Mapping[str, str]) -> None:
        offered = metadata.get(propagation.REQUEST_ID, "")
        # The id is the caller's to choose, but not its shape: it goes into logs.
        request_id = offered if _REQUEST_ID.fullmatch(offered) else uuid7()
        propagation.set_deadline(self._context.time_remaining())
        structlog.contextvars.bind_contextvars(request_id=request_id, method=self._method.path)
        self._gates.limiter.enter(streaming=self._method.streaming)
        self._counted = True
        principal = await self._authenticated(metadata)
        set_principal(principal)
        if principal is not None:
            structlog.contextvars.bind_contextvars(subject=principal.subject, actor=principal.actor)
        caller = self._context.peer().rpartition(":")[0] if principal is None else principal.customer_id
        if caller is not None:
            self._gates.limiter.enter_caller(caller, streaming=self._method.streaming)
            self._caller = caller

    async def _authenticated(self, metadata: Mapping[str, str]) -> Principal | None:
        """Who calls; refuses what the contract does not allow."""
        principal, rules = None, self._method.rules
        try:
            token = _bearer_token(metadata)
            principal = await self._gates.verifier.verify(token) if token else None
        except Unauthenticated:
            # A stale token must not keep anybody from signing in again.
            if options_pb2.ACCESS_PUBLIC not in rules:
                raise
        access_rules.check(self._method.path, rules, principal)
        return principal

    def _count_out(self) -> None:
        if self._caller is not None:
            self._gates.limiter.leave_caller(self._caller, streaming=self._method.streaming)
        if self._counted:
            self._gates.limiter.leave(streaming=self._method.streaming)

    def _measure(self, *, gone: bool) -> None:
        seconds = time.perf_counter() - self._begun
        code = "CANCELLED" if gone else code_name(self._context.code())
        self._method.metrics.running.dec()
        self._method.metrics.answered(code, seconds)
        _log.debug("handled", code=code, milliseconds=round(seconds * 1000, 1))


def _pushback(error: Exception) -> tuple[tuple[str, str], ...]:
    """Tells the caller's channel not to retry what won't be better in a moment (gRFC A6): its retries would only multiply the load."""
    wait = error.retry_after if isinstance(error, DomainError) else None
    return ((PUSHBACK, "-1"),) if wait is not None and wait > WORTH_A_RETRY else ()


def _bearer_token(metadata: Mapping[str, str]) -> str | None:
    header = metadata.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("malformed")
    return token
