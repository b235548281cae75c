"""The Gradio session of a request, and its owner."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gradio_ui.middleware.gradio_sessions import GradioSessionOwners, session_hash_of

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


async def test_the_first_sign_in_owns_a_session() -> None:
    owners = GradioSessionOwners()
    assert owners.may_use("hash", "ada")
    assert not owners.may_use("hash", "eve")
    assert owners.may_use("hash", "ada")
    assert owners.may_use("other", "eve")


async def test_the_least_recently_used_sessions_are_removed_first() -> None:
    owners = GradioSessionOwners()
    owners.may_use("first", "ada")
    for number in range(9_999):
        owners.may_use(f"{number}", "ada")
    owners.may_use("first", "ada")
    owners.may_use("one more", "ada")
    assert not owners.may_use("first", "eve")
    assert owners.may_use("0", "eve")


def test_sessions_with_a_long_hash_are_refused_so_that_they_take_no_memory() -> None:
    owners = GradioSessionOwners()
    assert owners.may_use("h" * 64, "ada")
    assert not owners.may_use("h" * 65, "ada")


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


async def test_an_event_names_its_session_in_its_body_which_can_be_read_again() -> None:
    event = json.dumps({"session_hash": "abc", "data": []}).encode()
    session_hash, receive = await session_hash_of(
        scope("/gradio_api/queue/join"), Body(event[:10], event[10:])
    )
    assert session_hash == "abc"
    assert await receive() == {"type": "http.request", "body": event, "more_body": False}
    assert await receive() == {"type": "http.disconnect"}


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"1", b"{}", b"\xff", b"[" * 5000])
async def test_a_malformed_event_has_an_empty_session(body: bytes) -> None:
    assert (await session_hash_of(scope("/gradio_api/queue/join"), Body(body)))[0] == ""
