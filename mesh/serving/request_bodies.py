"""Limits of request bodies: their size, and the time in which they arrive."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DISCARDED_BYTES = 1024 * 1024
"""Size up to which a too long body is received and discarded, so that its sender reads the response. The
connection of a sender of more is closed."""


class BodyTooLong(Exception):
    """The body has more bytes than allowed."""


class SenderGone(Exception):
    """The sender closed the connection before the end of the body."""


class RequestBodies:
    """ASGI middleware that receives each body before the app runs.

    So the app never waits for a slow sender, and no framework collects a body without a limit.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, seconds: float) -> None:
        self._app, self._max_bytes, self._seconds = app, max_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or answer 413 (too long) or 408 (too slow)."""
        if scope["type"] != "http" or not _has_body(scope):
            return await self._app(scope, receive, send)
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(scope, receive)
        except BodyTooLong:
            text = f"The request is too long; at most {self._max_bytes} bytes are allowed."
            return await _refusal(413, "TOO_LONG", text)(scope, receive, send)
        except TimeoutError:
            text = f"The request did not arrive within {self._seconds:g} seconds; send it again."
            return await _refusal(408, "TOO_SLOW", text)(scope, receive, send)
        except SenderGone:
            return None
        return await self._app(scope, replayed(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        if _announced_bytes(scope) > _DISCARDED_BYTES:
            raise BodyTooLong
        body, size, more = bytearray(), 0, True
        while more and size <= _DISCARDED_BYTES:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise SenderGone
            piece, more = message.get("body", b""), message.get("more_body", False)
            size += len(piece)
            if size <= self._max_bytes:
                body += piece
        if size > self._max_bytes:
            raise BodyTooLong
        return bytes(body)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _announced_bytes(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _refusal(status: int, reason: str, message: str) -> JSONResponse:
    body = {"error": {"reason": reason, "message": message}}
    return JSONResponse(body, status, headers={"connection": "close"})


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that returns the whole body first."""
    replayed = False

    async def receive_again() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
