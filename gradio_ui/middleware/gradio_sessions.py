"""Ownership of Gradio's sessions.

A Gradio session is named by a hash that the browser makes with `Math.random` and that Gradio doesn't check:
anyone who knows another browser's hash can read its messages. Here the sign-in that uses a hash first owns
it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from urllib.parse import parse_qs

from starlette.types import Message, Receive, Scope

_JOIN = "/gradio_api/queue/join"
_DATA = "/gradio_api/queue/data"
_HEARTBEAT = "/gradio_api/heartbeat/"
_MAX_BODY = 64 * 1024
_MAX_SESSIONS = 10_000


class BodyTooLong(Exception):
    """A Gradio event that is longer than any the web app sends."""


class GradioSessionOwners:
    """The sign-in that owns each Gradio session. The least recently used sessions are removed."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()

    def may_use(self, session_hash: str, sign_in: str) -> bool:
        """Return whether a sign-in may use a Gradio session.

        The first sign-in that asks becomes the owner.
        """
        owner = self._owners.setdefault(session_hash, sign_in)
        self._owners.move_to_end(session_hash)
        if len(self._owners) > _MAX_SESSIONS:
            self._owners.popitem(last=False)
        return owner == sign_in


async def session_hash_of(scope: Scope, receive: Receive) -> tuple[str | None, Receive]:
    """Return the Gradio session of a request, or None, and a `receive` that still has the whole body.

    Raises:
        BodyTooLong: the event's body is longer than any the web app sends.
    """
    path: str = scope["path"]
    if path.startswith(_HEARTBEAT):
        return path.removeprefix(_HEARTBEAT), receive
    if path.startswith(_DATA):
        return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[-1], receive
    if not path.startswith(_JOIN):
        return None, receive
    body = await _read_body(receive)
    return _session_hash(body), _replay(body, receive)


async def _read_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _MAX_BODY:
            raise BodyTooLong
    return body


def _session_hash(body: bytes) -> str:
    try:
        return str(json.loads(body)["session_hash"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _replay(body: bytes, receive: Receive) -> Receive:
    replayed = False

    async def receive_again() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
