"""gRPC-Web as text: base64 around the binary protocol, for browsers that can't stream bytes."""

from __future__ import annotations

import base64
import binascii

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TEXT, BINARY = "application/grpc-web-text", "application/grpc-web"


class GrpcWebText:
    """Translates requests of the text protocol for an app that knows only the binary one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = MutableHeaders(raw=list(scope["headers"]))
        content_type = headers.get("content-type", "").lower()
        if not content_type.startswith(TEXT):
            await self._app(scope, receive, send)
            return
        headers["content-type"] = content_type.replace(TEXT, BINARY, 1)
        if "content-length" in headers:
            del headers["content-length"]
        await self._app({**scope, "headers": headers.raw}, _decoding(receive), _encoding(send))


def _decoding(receive: Receive) -> Receive:
    rest = b""

    async def decoded() -> Message:
        nonlocal rest
        message = await receive()
        if message["type"] != "http.request":
            return message
        text = rest + b"".join(message.get("body", b"").split())
        whole = len(text) - len(text) % 4 if message.get("more_body") else len(text)
        text, rest = text[:whole], text[whole:]
        try:
            body = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            body = text  # not a frame either, so the app refuses it
        return {**message, "body": body}

    return decoded


def _encoding(send: Send) -> Send:
    async def encoded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            headers["content-type"] = headers.get("content-type", BINARY).replace(BINARY, TEXT, 1)
            message = {**message, "headers": headers.raw}
        elif message["type"] == "http.response.body":
            # Each piece is padded on its own, as the protocol allows.
            message = {**message, "body": base64.b64encode(message.get("body", b""))}
        await send(message)

    return encoded
