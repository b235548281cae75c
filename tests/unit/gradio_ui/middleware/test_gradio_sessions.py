"""Which Gradio session a request speaks for, and whose it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradio_ui.middleware.gradio_sessions import BodyTooLong, SessionOwners, session_hash_of

pytestmark = pytest.mark.unit


class Body:
    """A request's body as it comes in over a connection."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = list(chunks)

    async def __call__(self) -> dict[str, Any]:
        if not self._chunks:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self._chunks.pop(0), "more_body": bool(self._chunks)}


def scope(path: str, query: str = "") -> dict[str, Any]:
    return {"type": "http", "path": path, "query_string": query.encode()}


async def test_first_sign_in_keeps_a_session() -> None:
    owners = SessionOwners()
    assert owners.admits("hash", "ada")
    assert not owners.admits("hash", "eve")
    assert owners.admits("hash", "ada")
    assert owners.admits("other", "eve")


async def test_longest_unused_sessions_are_forgotten_first() -> None:
    owners = SessionOwners()
    owners.admits("first", "ada")
    for number in range(9_999):
        owners.admits(f"{number}", "ada")
    owners.admits("first", "ada")
    owners.admits("one more", "ada")
    assert not owners.admits("first", "eve")
    assert owners.admits("0", "eve")


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/gradio_api/heartbeat/abc", "", "abc"),
        ("/gradio_api/queue/data", "session_hash=abc", "abc"),
        ("/gradio_api/queue/data", "session_hash=mine&session_hash=abc", "abc"),
        ("/gradio_api/queue/data", "", ""),
        ("/api/conversations", "session_hash=abc", None),
        ("/", "", None),
    ],
)
async def test_session_is_named_by_path_or_query(path: str, query: str, expected: str | None) -> None:
    assert (await session_hash_of(scope(path, query), Body()))[0] == expected


async def test_event_names_its_session_in_its_body_which_is_still_there_afterwards() -> None:
    event = json.dumps({"session_hash": "abc", "data": []}).encode()
    session_hash, receive = await session_hash_of(
        scope("/gradio_api/queue/join"), Body(event[:10], event[10:])
    )
    assert session_hash == "abc"
    assert await receive() == {"type": "http.request", "body": event, "more_body": False}
    assert await receive() == {"type": "http.disconnect"}


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"1", b"{}", b"\xff", b"[" * 5000])
async def test_malformed_event_speaks_for_a_session_of_no_name(body: bytes) -> None:
    assert (await session_hash_of(scope("/gradio_api/queue/join"), Body(body)))[0] == ""


async def test_long_event_is_not_read_to_its_end() -> None:
    with pytest.raises(BodyTooLong):
        await session_hash_of(scope("/gradio_api/queue/join"), Body(*[b"x" * 1000] * 1000))
