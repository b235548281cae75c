"""Binds Gradio's sessions to sign-ins.

A Gradio session is named by a hash that the page makes with `Math.random` and that nothing checks: who knows another's hash
reads what is meant for the other. Here the sign-in that uses a hash first keeps it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from urllib.parse import parse_qs

from starlette.types import Message, Receive, Scope

_JOIN = "/gradio_api/queue/join"
_DATA = "/gradio_api/queue/data"
_HEARTBEAT = "/gradio_api/heartbeat/"
_LONGEST_BODY = 64 * 1024
_REMEMBERED = 10_000


class BodyTooLong(Exception):
    """A Gradio event that is longer than any the page sends."""


class SessionOwners:
    """Which sign-in each Gradio session belongs to; the longest unused are forgotten."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()

    def admits(self, session_hash: str, sign_in: str) -> bool:
        """Whether a sign-in may use a Gradio session. The first one that asks becomes its owner."""
        owner = self._owners.setdefault(session_hash, sign_in)
        self._owners.move_to_end(session_hash)
        if len(self._owners) > _REMEMBERED:
            self._owners.popitem(last=False)
        return owner == sign_in


async def session_hash_of(scope: Scope, receive: Receive) -> tuple[str | None, Receive]:
    """The Gradio session a request speaks for (None when for none), and a `receive` that still has the whole body.

    Raises:
        BodyTooLong: the event's body is longer than any the page sends.
    """
    path: str = scope["path"]
    if path.startswith(_HEARTBEAT):
        return path.removeprefix(_HEARTBEAT), receive
    if path.startswith(_DATA):
        return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[-1], receive
    if not path.startswith(_JOIN):
        return None, receive
    body = await _whole_body(receive)
    return _hash_in(body), _replayed(body, receive)


async def _whole_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _LONGEST_BODY:
            raise BodyTooLong
    return body


def _hash_in(body: bytes) -> str:
    try:
        return str(json.loads(body)["session_hash"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _replayed(body: bytes, receive: Receive) -> Receive:
    told = False

    async def receive_again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
