"""JSON over HTTP in front of real services: accounts, conversations, flights, errors and headers."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from readback.flightdata.v1 import places_pb2

from mesh.ids import uuid7
from tests.integration.gateway.conftest import Mesh

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]
ORIGIN = "https://travel.example"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(mesh: Mesh) -> AsyncIterator[httpx.AsyncClient]:
    """A signed-in client of the gateway."""
    headers = {"authorization": f"Bearer {mesh.token}"}
    async with (
        mesh.http_gateway(gateway_cors_origins=ORIGIN) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as client,
    ):
        yield client


def fields_of(refused: httpx.Response) -> dict[str, str]:
    """Return the field violations in an error."""
    details = {detail["@type"].rpartition(".")[2]: detail for detail in refused.json()["details"]}
    return {one["field"]: one["description"] for one in details["BadRequest"]["fieldViolations"]}


async def test_register_login_and_read_the_own_account(http: httpx.AsyncClient) -> None:
    account = {"email": "web@example.com", "password": "viaduct otter 19", "displayName": "Web"}
    registered = await http.post("/v1/customers", json=account)
    assert registered.status_code == 200, registered.text
    login = {"email": account["email"], "password": account["password"]}
    token = (await http.post("/v1/sessions:login", json=login)).json()["tokens"]["accessToken"]
    me = await http.get("/v1/customers/me", headers={"authorization": f"Bearer {token}"})
    assert me.json()["customer"]["displayName"] == "Web"


async def test_a_search_streams_lines_with_dates_as_texts(http: httpx.AsyncClient) -> None:
    day = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
    leg = {"origin": "MAA", "destination": "DEL", "departureDate": day}
    posted = await http.post("/v1/flights:search", json={"legs": [leg], "maxResults": 2})
    query = {f"legs.0.{name}": value for name, value in leg.items()} | {"maxResults": "2"}
    for found in posted, await http.get("/v1/flights:search", params=query):
        assert found.headers["content-type"] == "application/x-ndjson"
        messages = [json.loads(line) for line in found.text.splitlines()]
        assert messages[-1]["done"]["outcome"] == "SEARCH_OUTCOME_FOUND"


async def test_an_unknown_parameter_is_named(http: httpx.AsyncClient) -> None:
    refused = await http.get("/v1/airports/MAA", params={"nonsense": "1"})
    assert refused.status_code == 400
    assert list(fields_of(refused)) == ["nonsense"]


async def test_all_wrong_fields_are_named_before_any_rpc(http: httpx.AsyncClient) -> None:
    refused = await http.post("/v1/sessions:login", json={"email": 3, "foo": 1})
    assert set(fields_of(refused)) == {"email", "foo"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"email":', "not valid JSON"),
        (b'{"email":"a","email":"b"}', "email"),
        (b"[" * 60_000, "JSON"),
        ("{}".encode("utf-16"), "JSON"),
    ],
)
async def test_a_body_that_is_no_json_is_refused(http: httpx.AsyncClient, body: bytes, problem: str) -> None:
    refused = await http.post("/v1/sessions:login", content=body)
    assert refused.status_code == 400
    assert problem in refused.text


async def test_a_large_body_is_refused_unread(http: httpx.AsyncClient) -> None:
    refused = await http.post("/v1/sessions:login", content=b" " * 70_000)
    assert refused.status_code == 413


async def test_another_media_type_is_refused(http: httpx.AsyncClient) -> None:
    refused = await http.post("/v1/sessions:login", data={"email": "a"})
    assert (refused.status_code, refused.headers["accept-post"]) == (415, "application/json")


async def test_a_wrong_verb_is_405_and_an_unknown_path_404(http: httpx.AsyncClient) -> None:
    wrong = await http.put("/v1/conversations")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, POST")
    assert (await http.get("/v1/nothing")).status_code == 404


async def test_a_missing_token_is_challenged_as_in_rfc_6750(http: httpx.AsyncClient) -> None:
    missing = await http.get("/v1/conversations", headers={"authorization": ""})
    invalid = await http.get("/v1/conversations", headers={"authorization": "Bearer nonsense"})
    assert missing.status_code == invalid.status_code == 401
    assert missing.headers["www-authenticate"] == 'Bearer realm="readback"'
    assert 'error="invalid_token"' in invalid.headers["www-authenticate"]


async def test_the_same_idempotency_key_is_the_same_request(http: httpx.AsyncClient) -> None:
    answers = [
        await http.post("/v1/conversations", json={}, headers={"idempotency-key": "first try"})
        for _ in range(2)
    ]
    ids = {answer.json()["conversation"]["conversationId"] for answer in answers}
    assert len(ids) == 1


async def test_a_request_id_is_returned_and_an_unusable_one_replaced(http: httpx.AsyncClient) -> None:
    request_id = uuid7()
    kept = await http.get("/v1/airports/MAA", headers={"x-request-id": request_id})
    replaced = await http.get("/v1/airports/MAA", headers={"x-request-id": "a b"})
    assert kept.headers["x-request-id"] == request_id
    assert replaced.headers["x-request-id"] != "a b"


async def test_a_time_limit_is_the_rpcs_deadline(http: httpx.AsyncClient) -> None:
    path = f"/v1/conversations/{await conversation(http)}:watch"
    watched = await http.get(path, headers={"x-request-timeout": "0.2"})
    malformed = await http.get("/v1/airports/MAA", headers={"grpc-timeout": "soon"})
    assert json.loads(watched.text.splitlines()[-1])["error"]["status"] == "DEADLINE_EXCEEDED"
    assert list(fields_of(malformed)) == ["grpc-timeout"]


async def test_keys_are_a_json_web_key_set(http: httpx.AsyncClient) -> None:
    response = await http.get("/.well-known/jwks.json")
    assert response.headers["cache-control"] == "max-age=300"
    (key,) = response.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert jwt.PyJWKSet.from_dict(response.json())[key["kid"]].algorithm_name == "ES256"


async def test_a_watch_resumes_after_the_last_event_id(http: httpx.AsyncClient) -> None:
    conversation_id = await conversation(http)
    path = f"/v1/conversations/{conversation_id}:watch"
    events = {"accept": "text/event-stream"}
    first = await one_event(http, path, events)
    assert first["event"] == "caught_up"
    again = await one_event(http, path, events | {"last-event-id": first["id"]})
    assert again["event"] == "caught_up"
    forged = await http.get(path, headers=events | {"last-event-id": "forged"})
    assert forged.status_code == 400


async def test_a_watch_from_now_has_a_cursor_at_once_and_then_the_conversation(
    http: httpx.AsyncClient,
) -> None:
    path = f"/v1/conversations/{await conversation(http)}:watch?fromNow=true&includeConversation=true"
    events = {"accept": "text/event-stream"}
    first, second = await some_events(http, path, events, 2)
    assert [first["event"], second["event"]] == ["caught_up", "conversation"]
    assert json.loads(second["data"])["conversation"]["state"] == "CONVERSATION_STATE_ACTIVE"
    again = await one_event(http, path, events | {"last-event-id": first["id"]})
    assert again["id"] == first["id"], "an EventSource that resumes repeats the query, whose start gives way"


async def test_an_event_source_is_authenticated_by_its_cookie(http: httpx.AsyncClient) -> None:
    conversation_id = await conversation(http)
    made = await http.post("/v1/event-source")
    cookie = made.headers["set-cookie"]
    assert made.status_code == 204
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    headers = {"accept": "text/event-stream", "cookie": cookie.partition(";")[0]}
    async with httpx.AsyncClient(base_url=http.base_url) as browser:
        event = await one_event(browser, f"/v1/conversations/{conversation_id}:watch", headers)
        assert event["event"] == "caught_up"
        other = await browser.get(f"/v1/conversations/{conversation_id}", headers=headers)
    assert other.status_code == 401


async def test_an_export_is_a_file(http: httpx.AsyncClient) -> None:
    conversation_id = await conversation(http)
    query = {"format": "TRANSCRIPT_FORMAT_WEBVTT"}
    exported = await http.get(f"/v1/conversations/{conversation_id}:export", params=query)
    assert exported.text.startswith("WEBVTT")
    assert exported.headers["content-type"] == "text/vtt; charset=utf-8"
    assert "attachment" in exported.headers["content-disposition"]


async def test_only_listed_origins_may_use_it_from_a_browser(http: httpx.AsyncClient) -> None:
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    allowed = await http.options("/v1/conversations", headers={"origin": ORIGIN} | ask)
    refused = await http.options("/v1/conversations", headers={"origin": "https://evil.example"} | ask)
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers


async def test_the_openapi_document_names_every_route(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    assert "/v1/conversations/{conversationId}:watch" in document["paths"]
    text = json.dumps(document)
    references = {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert references <= document["components"]["schemas"].keys()


async def test_the_descriptor_set_is_complete_and_names_public_services_only(http: httpx.AsyncClient) -> None:
    files = FileDescriptorSet.FromString((await http.get("/contracts.binpb")).content)
    pool = DescriptorPool()
    for file in files.file:
        pool.Add(file)
    services = {f"{file.package}.{service.name}" for file in files.file for service in file.service}
    assert {name.rsplit(".", 1)[1] for name in services} == {
        "IdentityService",
        "ConversationService",
        "FlightDataService",
        "BookingService",
    }
    assert not any("internal" in file.package for file in files.file)


async def test_connect_unary_and_errors(http: httpx.AsyncClient) -> None:
    path = "/readback.flightdata.v1.FlightDataService/GetAirport"
    found = await http.post(path, json={"code": "MAA"})
    assert found.json()["airport"]["city"] == "Chennai"
    missing = await http.post(path, json={"code": "QQQ"})
    assert missing.status_code == 404
    assert missing.json()["code"] == "not_found"
    assert missing.json()["details"][0]["type"] == "google.rpc.ErrorInfo"


@pytest.mark.parametrize("text", [False, True])
async def test_grpc_web_carries_a_response_and_trailers(http: httpx.AsyncClient, text: bool) -> None:
    request = places_pb2.GetAirportRequest(code="MAA").SerializeToString()
    frame = b"\0" + len(request).to_bytes(4, "big") + request
    answer = await http.post(
        "/readback.flightdata.v1.FlightDataService/GetAirport",
        content=base64.b64encode(frame) if text else frame,
        headers={"content-type": f"application/grpc-web{'-text' if text else ''}+proto"},
    )
    content = _decoded(answer.content) if text else answer.content
    length = int.from_bytes(content[1:5], "big")
    assert places_pb2.GetAirportResponse.FromString(content[5 : 5 + length]).airport.city == "Chennai"
    assert b"grpc-status: 0" in content[5 + length :]


def _decoded(text: bytes) -> bytes:
    """Decode base64 whose pieces may be padded each."""
    return b"".join(base64.b64decode(text[at : at + 4]) for at in range(0, len(text), 4))


async def conversation(http: httpx.AsyncClient) -> str:
    """Start a conversation; return its id."""
    started = await http.post("/v1/conversations", json={"requestId": uuid7()})
    return str(started.json()["conversation"]["conversationId"])


async def one_event(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return the first server-sent event of a stream."""
    (event,) = await some_events(http, path, headers, 1)
    return event


async def some_events(
    http: httpx.AsyncClient, path: str, headers: dict[str, str], count: int
) -> list[dict[str, Any]]:
    """Return the first server-sent events of a stream."""
    events: list[dict[str, Any]] = [{}]
    async with asyncio.timeout(10), http.stream("GET", path, headers=headers) as stream:
        assert stream.status_code == 200, await stream.aread()
        async for line in stream.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                events[-1][name] = value
            elif len(events) == count:
                break
            else:
                events.append({})
    return events


async def test_a_title_is_changed_with_patch_and_protected_by_if_match(http: httpx.AsyncClient) -> None:
    started = await http.post("/v1/conversations", json={})
    path = f"/v1/conversations/{started.json()['conversation']['conversationId']}"
    read = await http.get(path)
    etag = read.headers["etag"]
    assert etag.startswith(read.json()["conversation"]["etag"].rstrip('"') + ".")
    renamed = await http.patch(path, json={"title": "One"}, headers={"if-match": etag})
    assert renamed.json()["conversation"]["title"] == "One", renamed.text
    assert renamed.headers["etag"] != etag
    own = {"if-match": renamed.json()["conversation"]["etag"]}  # as clients of other protocols have it
    assert (await http.patch(path, json={"title": "One"}, headers=own)).status_code == 200
    outdated = await http.patch(path, json={"title": "Two"}, headers={"if-match": etag})
    assert (outdated.status_code, outdated.json()["status"]) == (412, "ABORTED")
    assert (await http.delete(path, headers={"if-match": etag})).status_code == 412
    weak = {"if-match": f"W/{renamed.headers['etag']}"}  # as a proxy makes it that compresses
    assert (await http.patch(path, json={"title": "Two"}, headers=weak)).status_code == 200
    assert (await http.delete(path, headers={"if-match": "*"})).status_code == 200


async def test_a_change_that_no_update_can_make_also_changes_the_entity_tag(http: httpx.AsyncClient) -> None:
    path = f"/v1/conversations/{await conversation(http)}"
    before = (await http.get(path)).headers["etag"]
    assert (await http.post(f"{path}/calls", json={})).status_code == 200
    read = await http.get(path, headers={"if-none-match": before})
    assert (read.status_code, "runningCall" in read.json()["conversation"]) == (200, True)
    renamed = await http.patch(path, json={"title": "One"}, headers={"if-match": before})
    assert renamed.status_code == 200, renamed.text


async def test_an_unchanged_resource_is_not_sent_again(http: httpx.AsyncClient) -> None:
    read = await http.get("/v1/customers/me")
    etag = read.headers["etag"]
    for given in (etag, f'"other", W/{etag}', "*"):
        again = await http.get("/v1/customers/me", headers={"if-none-match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    changed = await http.get("/v1/customers/me", headers={"if-none-match": '"other"'})
    assert changed.status_code == 200


async def test_patch_changes_the_fields_of_the_body_or_of_the_mask(http: httpx.AsyncClient) -> None:
    first = (await http.get("/v1/customers/me")).json()["customer"]
    sent_back = await http.patch("/v1/customers/me", json=first | {"displayName": "Ada L", "locale": "en-GB"})
    assert sent_back.json()["customer"]["displayName"] == "Ada L", sent_back.text
    masked = {"displayName": "Countess", "locale": "en-US"}
    for mask in ("displayName", "display_name"):
        answer = await http.patch("/v1/customers/me", json=masked, params={"updateMask": mask})
        assert answer.json()["customer"]["locale"] == "en-GB"
    empty = await http.patch("/v1/customers/me", json={"displayName": ""})
    assert fields_of(empty) == {"customer.display_name": "must not be empty"}
    unknown = await http.patch("/v1/customers/me", json=masked, params={"updateMask": "shoeSize"})
    assert "display_name" in fields_of(unknown)["update_mask"]


async def test_an_etag_for_a_path_that_takes_none_is_refused(http: httpx.AsyncClient) -> None:
    refused = await http.post("/v1/sessions:logout", json={}, headers={"if-match": '"a"'})
    assert fields_of(refused) == {"if-match": "isn't supported by this path"}
