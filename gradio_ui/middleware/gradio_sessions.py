"""Ownership of Gradio's sessions.

The id of a Gradio session is a hash that the browser generates with `Math.random`. Gradio doesn't check it,
so any browser that knows the hash can read the messages of the session. This module makes the first sign-in
that uses a hash its owner.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from urllib.parse import parse_qs

from starlette.types import Receive, Scope

from mesh.serving.request_bodies import replayed

_JOIN = "/gradio_api/queue/join"
_DATA = "/gradio_api/queue/data"
_HEARTBEAT = "/gradio_api/heartbeat/"
_MAX_SESSIONS = 10_000
_MAX_HASH_LENGTH = 64
"""In characters. A page sends about twelve. Gradio keeps several copies of a hash for as long as it runs."""


class GradioSessionOwners:
    """The owner of each Gradio session. Above 10,000 sessions the least recently used one is removed."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()

    def may_use(self, session_hash: str, sign_in: str) -> bool:
        """Return whether the sign-in with key `sign_in` may use a Gradio session.

        If the session has no owner, this sign-in becomes its owner. Sessions with a long hash are refused.
        """
        if len(session_hash) > _MAX_HASH_LENGTH:
            return False
        owner = self._owners.setdefault(session_hash, sign_in)
        self._owners.move_to_end(session_hash)
        if len(self._owners) > _MAX_SESSIONS:
            self._owners.popitem(last=False)
        return owner == sign_in


async def session_hash_of(scope: Scope, receive: Receive) -> tuple[str | None, Receive]:
    """Return the session hash of a request, or None, and a `receive` that returns the whole body again."""
    path: str = scope["path"]
    if path.startswith(_HEARTBEAT):
        return path.removeprefix(_HEARTBEAT), receive
    if path.startswith(_DATA):
        return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[-1], receive
    if not path.startswith(_JOIN):
        return None, receive
    body = await _read_body(receive)
    return _session_hash(body), replayed(body, receive)


async def _read_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _session_hash(body: bytes) -> str:
    try:
        return str(json.loads(body)["session_hash"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
