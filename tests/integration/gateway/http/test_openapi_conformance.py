"""The running gateway keeps what its OpenAPI document promises, checked by schemathesis.

It derives valid and invalid requests from the document, sends them, and checks statuses, media types, bodies,
authentication, and that exactly the valid requests are accepted.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor

from services.gateway.app import BOOKING, CONVERSATION, FLIGHTDATA, IDENTITY
from services.gateway.http.docs.openapi import operation_id
from services.gateway.http.routes import Route, RouteTable
from services.gateway.http.streams import is_file
from tests.integration.gateway.conftest import Mesh

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

EXAMPLES = 6
MANY_FIELDS = 6
"""Requests with more fields get more random cases in place of all pairs of values, which are thousands."""
STREAM_SECONDS = 1
CHECKED_IN_CODE = {
    "page_token": "only the service can make one",
    "cursor": "only the service can make one",
    "etag": "only the service can make one",
    "display_name": "one of spaces is refused",
    "password": "a guessable one is refused",
    "new_password": "a guessable one is refused",
    "time_zone": "the names of the zones are data",
    "update_mask": "the names of fields that can be changed",
    "departure_date": "schedules are known for some months",
    "traveller": "telephone numbers and e-mail addresses must be possible ones",
    "infants": "their number is limited by that of the adults",
}
"""Fields whose valid values no schema can describe."""


async def test_every_operation_keeps_what_the_document_promises(mesh: Mesh, tmp_path: Path) -> None:
    async with mesh.http_gateway() as url:
        async with httpx.AsyncClient(base_url=url) as client:
            account = {"email": "other@example.com", "password": "viaduct otter 19", "displayName": "Other"}
            other = (await client.post("/v1/customers", json=account)).json()["tokens"]["accessToken"]
        config = tmp_path / "schemathesis.toml"
        config.write_text("\n".join(_config(mesh.token, other)))
        status, output = await _schemathesis(config, url)
    assert status == 0, output


async def _schemathesis(config: Path, url: str) -> tuple[int | None, str]:
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "--no-color"]
    options = [
        "--checks=all",
        "--phases=coverage,fuzzing",
        "--seed=1",
        "--continue-on-failure",
        "--no-shrink",
    ]
    options += ["--warnings=off", f"--max-examples={EXAMPLES}", "--request-timeout=30", "--workers=2"]
    process = await asyncio.create_subprocess_exec(
        *command, "run", f"{url}/openapi.json", *options, cwd=config.parent, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def _config(token: str, other: str) -> Iterator[str]:
    """Yield the lines of the configuration: tokens, and what applies to single operations."""
    yield f'headers = {{ Authorization = "Bearer {token}" }}'
    for route in RouteTable([IDENTITY, CONVERSATION, FLIGHTDATA, BOOKING]).routes:
        if settings := list(_operation(route, other)):
            yield from ("[[operations]]", f'include-operation-id = "{operation_id(route)}"', *settings)


def _operation(route: Route, other: str) -> Iterator[str]:
    method = route.method
    headers = {}
    if method.containing_service is IDENTITY:
        headers["Authorization"] = (
            f"Bearer {other}"  # operations that end a session must not end the other one
        )
    if method.server_streaming and not is_file(method.output_type):
        headers["X-Request-Timeout"] = str(STREAM_SECONDS)
        yield 'checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 504]'
        yield "phases.coverage.enabled = false"
    elif len(method.input_type.fields) > MANY_FIELDS:
        yield f"phases.fuzzing.generation.max-examples = {EXAMPLES * 5}"
        yield "phases.coverage.enabled = false"
    if headers:
        yield (
            "headers = { "
            + ", ".join(f"{name} = {json.dumps(text)}" for name, text in headers.items())
            + " }"
        )
    if _has_rules_in_code(method.input_type):
        yield 'checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "4xx"]'


def _has_rules_in_code(message: Descriptor) -> bool:
    """Return whether a valid request may be refused: for a field's value, or a rule on several fields."""
    names = set(message.fields_by_name)
    return bool(names & CHECKED_IN_CODE.keys() or message.GetOptions().Extensions[validate_pb2.message].cel)
