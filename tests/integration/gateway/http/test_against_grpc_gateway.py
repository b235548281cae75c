"""The same requests to this gateway and to grpc-gateway: docs/http.md explains every difference."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pb2 import MethodOptions

from mesh.settings import CHECKOUT
from services.gateway.app import IDENTITY
from services.gateway.http.routes import RouteTable
from tests.grpc_gateway.requests import Sent, requests
from tests.grpc_gateway.server import SERVICES, grpc_gateway
from tests.integration.gateway.conftest import Mesh

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(900)]
AT_THE_SAME_TIME = 8
STREAM_TIMEOUTS = ("900m", "10S")
"""The second one if only one gateway answered in time: the other may have been slow on a busy machine."""
TIMED_OUT = 504
VARYING = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?|[\w.-]{40,}"
    r"|^[\d.]+s$|^\"[\w-]{16,}\"$|^peer\d@"
)
"""Ids, times, tokens, durations and tags, which differ between two runs of one request."""
DATE, TIME_OF_DAY = {"year", "month", "day"}, {"hours", "minutes", "seconds", "nanos"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A response in a form that both gateways share."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        """Return whether the RPC succeeded."""
        return self.status < 400


@dataclass(frozen=True, slots=True)
class Pair:
    """One request and both answers."""

    sent: Sent
    ours: Answer
    theirs: Answer

    def __str__(self) -> str:
        return f"{self.sent}\n    ours   {str(self.ours)[:400]}\n    theirs {str(self.theirs)[:400]}"


@dataclass(frozen=True, slots=True)
class Peer:
    """A gateway, and a customer whose sessions and account only its own requests end."""

    client: httpx.AsyncClient
    own_token: str


async def _peer(url: str, number: int, stack: AsyncExitStack) -> Peer:
    # A Go server closes a connection after a request that it refused unread, so none is used twice.
    once = httpx.Limits(max_keepalive_connections=0)
    client = await stack.enter_async_context(
        httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, limits=once)
    )
    account = {"email": f"peer{number}@example.com", "password": "viaduct otter 19", "displayName": "Peer"}
    registered = await client.post("/v1/customers", json=account)
    return Peer(client, registered.json()["tokens"]["accessToken"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def peers(mesh: Mesh) -> AsyncIterator[Sequence[Peer]]:
    """Both gateways."""
    addresses = [mesh.identity_address, mesh.conversation_address, mesh.flightdata_address]
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(mesh.http_gateway())
        theirs = stack.enter_context(grpc_gateway(dict(zip(SERVICES, addresses, strict=True))))
        yield [await _peer(url, number, stack) for number, url in enumerate((ours, theirs))]


def _own_refusal(answer: Answer) -> bool:
    """Return whether the gateway itself refused the request, before any RPC."""
    return answer.status == 400 and (answer.body[0]["details"] == [] or _reason(answer) == "INVALID_REQUEST")


def _reason(answer: Answer) -> str:
    return next((str(detail.get("reason", "")) for detail in answer.body[0]["details"]), "")


def _statuses(pair: Pair) -> tuple[int, int]:
    return pair.ours.status, pair.theirs.status


EXPLAINED: Mapping[str, Callable[[Pair], bool]] = {
    "unknown field or parameter": lambda pair: (
        pair.sent.kind in ("unknown field", "name given twice", "parameter and body")
        and pair.ours.status == 400
    ),
    "field of the path again in the query": lambda pair: (
        pair.sent.kind == "field of the path again" and pair.ours.status == 400
    ),
    "more after the JSON of the body": lambda pair: pair.sent.kind == "odd body" and pair.ours.status == 400,
    "boolean other than `true` or `false`": lambda pair: (
        pair.sent.kind == "odd boolean" and pair.ours.status == 400
    ),
    "number with a plus sign": lambda pair: pair.sent.kind == "odd number" and pair.ours.status == 400,
    "date as `2026-12-01`": lambda pair: (
        pair.sent.kind == "text for a message" and pair.theirs.status == 400 and not _own_refusal(pair.ours)
    ),
    "body that isn't JSON by its media type": lambda pair: (
        pair.sent.kind == "other media type" and pair.ours.status == 415
    ),
    "stream for a caller that accepts neither of its media types": lambda pair: pair.ours.status == 406,
    "HEAD": lambda pair: pair.sent.verb == "HEAD" and pair.theirs.status == 501,
    "wrong verb": lambda pair: pair.ours.status == 405 and pair.theirs.status in (400, 501),
    "unknown path": lambda pair: _statuses(pair) == (404, 404) and pair.ours.body[0]["details"] == [],
    "unknown action, or nothing where a path has a value": lambda pair: (
        _statuses(pair) in ((404, 200), (404, 400), (404, 501)) and pair.ours.body[0]["details"] == []
    ),
    "escaped slash in a path": lambda pair: (
        pair.sent.kind == "odd path value" and "%2F" in pair.sent.path and pair.theirs.status == 404
    ),
    "path that isn't UTF-8": lambda pair: _statuses(pair) == (400, 500) and "%FF" in pair.sent.path,
    "text of an error in the request": lambda pair: _own_refusal(pair.ours) and pair.theirs.status == 400,
}
"""Kinds of differences, each a row of the table in docs/http.md, with the pairs that they apply to."""


async def test_every_difference_is_explained(mesh: Mesh, peers: Sequence[Peer]) -> None:
    pairs = [pair async for pair in _pairs(mesh, peers)]
    # Sign-in limits depend on the time between two requests.
    different = [pair for pair in pairs if pair.ours != pair.theirs and 429 not in _statuses(pair)]
    kinds = [next((kind for kind, applies in EXPLAINED.items() if applies(pair)), "") for pair in different]
    unexplained = [str(pair) for pair, kind in zip(different, kinds, strict=True) if not kind]
    assert len(pairs) >= 500
    assert unexplained == [], "\n".join(unexplained)
    assert set(kinds) == EXPLAINED.keys(), "an explanation without a difference"


async def test_the_docs_list_every_kind_of_difference() -> None:
    page = (CHECKOUT / "docs/http.md").read_text()
    assert [kind for kind in EXPLAINED if f"| {kind} |" not in page] == []


async def _pairs(mesh: Mesh, peers: Sequence[Peer]) -> AsyncIterator[Pair]:
    """Send all requests: reading ones side by side, the others one after another."""
    reading: list[Sent] = []
    writing: list[Sent] = []
    for number, route in enumerate(RouteTable(SERVICES).routes):
        reads = route.method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
        for sent in list(requests(route))[number % 2 :: 2]:  # half of them, for the time
            (reading if reads and sent.verb in ("GET", "HEAD", route.verb) else writing).append(sent)
    turns = asyncio.Semaphore(AT_THE_SAME_TIME)

    async def pair(sent: Sent) -> Pair:
        async with turns:
            for stream_timeout in STREAM_TIMEOUTS:
                ours, theirs = [await _answer(peer, sent, mesh.token, stream_timeout) for peer in peers]
                if (ours.status == TIMED_OUT) == (theirs.status == TIMED_OUT):
                    break
            return Pair(sent, ours, theirs)

    for found in await asyncio.gather(*map(pair, reading)):
        yield found
    for sent in writing:
        yield await pair(sent)


async def _answer(peer: Peer, sent: Sent, token: str, stream_timeout: str) -> Answer:
    headers = (
        {"accept": "*/*", "content-type": "application/json"} if sent.body is not None else {"accept": "*/*"}
    )
    is_own = sent.route.method.containing_service is IDENTITY
    headers |= {"authorization": f"Bearer {peer.own_token if is_own else token}"} if sent.signed_in else {}
    headers |= {"grpc-timeout": stream_timeout} if sent.route.method.server_streaming else {}
    for attempt in range(3):
        request = peer.client.build_request(
            sent.verb, sent.target, content=sent.body, headers=headers | dict(sent.headers)
        )
        # A server that refuses a body unread may reset the connection before the answer is read (RFC 9112).
        with contextlib.suppress(*([httpx.ReadError] if attempt < 2 else [])):
            response = await peer.client.send(request)
            break
    return Answer(response.status_code, _body(response))


def _body(response: httpx.Response) -> Any:
    try:
        messages = [_normal(json.loads(line)) for line in response.text.splitlines() if line]
    except ValueError:
        return response.text
    return [_normal(message) for message in messages]


def _normal(value: Any) -> Any:
    """Return a JSON value without what varies and without absent members, in Readback's form."""
    match value:
        case {"result": dict(inner)} | {"error": dict(inner)}:
            return _normal(inner)
        case {"code": 4}:
            return {"code": 4}  # the client library's wording
        case {"code": int(code), "message": str(message), "details": list(details)}:
            return {"code": code, "message": message, "details": [_filled(one) for one in details]}
        case dict() if value.keys() == DATE:
            return "{year:04}-{month:02}-{day:02}".format(**value)
        case dict() if value.keys() == TIME_OF_DAY:
            return "{hours:02}:{minutes:02}".format(**value)
        case dict():
            return {name: _normal(inner) for name, inner in value.items() if inner is not None}
        case list():
            return [_normal(inner) for inner in value]
        case str():
            return VARYING.sub("…", value)
    return value


def _filled(detail: Mapping[str, Any]) -> Any:
    """Return an error's detail without empty members, which grpc-gateway adds."""
    if isinstance(detail, dict):
        return {name: _filled(inner) for name, inner in detail.items() if inner not in ("", None, {}, [])}
    return [_filled(inner) for inner in detail] if isinstance(detail, list) else detail
