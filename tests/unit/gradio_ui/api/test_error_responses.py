"""Errors of services as messages for people."""

from __future__ import annotations

import json
from datetime import timedelta

import grpc
import pytest
from fastapi import FastAPI, Request
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from gradio_ui.api.error_responses import FIELD_MESSAGES, HTTP_STATUS, _service_error, short_reason

pytestmark = pytest.mark.unit


def error(code: grpc.StatusCode, text: str, *details: Message) -> grpc.aio.AioRpcError:
    status = status_pb2.Status(code=code.value[0], message=text)
    for detail in details:
        status.details.add().Pack(detail)
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, text)


async def answered(failed: grpc.aio.AioRpcError, path: str = "/api/calls") -> tuple[int, dict[str, object]]:
    request = Request(
        {
            "type": "http",
            "path": path,
            "headers": [],
            "query_string": b"",
            "app": FastAPI(),
            "server": ("x", 1),
            "scheme": "http",
        }
    )
    answer = await _service_error(request, failed)
    body: dict[str, object] = json.loads(bytes(answer.body))["error"]
    return answer.status_code, body


@pytest.mark.parametrize("code", list(grpc.StatusCode))
async def test_every_code_has_a_status_and_a_message(code: grpc.StatusCode) -> None:
    status, body = await answered(error(code, "The words of the service."))
    assert status == HTTP_STATUS.get(code, 500)
    assert str(body["message"]).endswith((".", "again."))
    assert body["reason"] == code.name


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNAVAILABLE]
)
async def test_internal_details_are_not_shown(code: grpc.StatusCode) -> None:
    _, body = await answered(error(code, "Traceback: failed to connect to all addresses; ipv4:10.0.0.7"))
    assert "10.0.0.7" not in str(body)


async def test_the_reason_is_the_services_own() -> None:
    failed = error(
        grpc.StatusCode.FAILED_PRECONDITION,
        "No.",
        error_details_pb2.ErrorInfo(reason="CALL_RUNNING", metadata={"call_id": "7"}),
    )
    assert short_reason(failed) == "CALL_RUNNING"
    body = {"reason": "CALL_RUNNING", "message": "No.", "metadata": {"call_id": "7"}}
    assert (await answered(failed))[1] == body


async def test_the_retry_delay_is_passed_on() -> None:
    delay = Duration()
    delay.FromTimedelta(timedelta(seconds=30))
    status, body = await answered(
        error(
            grpc.StatusCode.RESOURCE_EXHAUSTED, "Too often.", error_details_pb2.RetryInfo(retry_delay=delay)
        )
    )
    assert (status, body["retry_after_seconds"]) == (429, 30.0)


async def test_malformed_fields_of_the_sign_in_form_have_their_own_messages() -> None:
    violations = error_details_pb2.BadRequest(
        field_violations=[{"field": "email", "description": "value is not a valid email"}]
    )
    info = error_details_pb2.ErrorInfo(reason="INVALID_REQUEST")
    _, body = await answered(
        error(grpc.StatusCode.INVALID_ARGUMENT, "email: value is not", violations, info), "/auth/login"
    )
    assert (body["message"], body["fields"]) == (FIELD_MESSAGES["email"], ["email"])


async def test_advice_on_a_weak_password_is_the_services_own() -> None:
    violations = error_details_pb2.BadRequest(
        field_violations=[{"field": "password", "description": "common"}]
    )
    info = error_details_pb2.ErrorInfo(reason="WEAK_PASSWORD")
    _, body = await answered(
        error(grpc.StatusCode.INVALID_ARGUMENT, "Choose another.", violations, info), "/auth/register"
    )
    assert body["message"] == "Choose another."
