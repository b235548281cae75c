"""Client interceptors: give each outgoing RPC a request id, a deadline and a token."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import grpc

from mesh.calling import propagation
from mesh.errors import overloaded, rpc_error
from mesh.security.authentication import TokenSource, bearer

_RESEND_AFTER_SECONDS = 0.1
"""Average pause before a call that the server's core reset is sent again."""


def client_interceptors(tokens: TokenSource | None) -> Sequence[grpc.aio.ClientInterceptor]:
    """Return the interceptors of a channel."""
    return [_UnaryUnary(tokens), _UnaryStream(tokens), _StreamStream(tokens)]


class _Prepared:
    def __init__(self, tokens: TokenSource | None) -> None:
        self._tokens = tokens

    async def _prepare(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        metadata = list(details.metadata or ())
        present = {key for key, _ in metadata}
        if propagation.REQUEST_ID not in present:
            metadata.append((propagation.REQUEST_ID, propagation.current_request_id()))
        if self._tokens is not None and "authorization" not in present:
            metadata.extend(bearer(await self._tokens()))
        return grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=propagation.shrink(details.timeout),
            metadata=grpc.aio.Metadata(*metadata),
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )


class _UnaryUnary(_Prepared, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        call, code = await self._send(continuation, client_call_details, request)
        if code is grpc.StatusCode.CANCELLED:
            # The server's core reset the call before a handler saw it, because too many are pending or it is
            # stopping. So any method may be sent again. (After a handler began, the code is UNAVAILABLE.)
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 -- no secret
            await asyncio.sleep(_RESEND_AFTER_SECONDS * jitter)
            call, code = await self._send(continuation, client_call_details, request)
        if code is grpc.StatusCode.CANCELLED:
            raise rpc_error(overloaded())
        return call

    async def _send(self, continuation: Any, details: Any, request: Any) -> tuple[Any, grpc.StatusCode]:
        call = await continuation(await self._prepare(details), request)
        try:
            return call, await call.code()
        except asyncio.CancelledError:
            call.cancel()
            raise


class _UnaryStream(_Prepared, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(await self._prepare(client_call_details), request)


class _StreamStream(_Prepared, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await continuation(await self._prepare(client_call_details), request_iterator)
