"""A worker refuses only jobs whose dispatch the service calls outdated."""

from __future__ import annotations

import json
from typing import Any, cast

import grpc
import pytest
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from agent.dispatch_check import is_current

pytestmark = pytest.mark.unit

METADATA = json.dumps({"call": "01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11", "epoch": 3})


class Service:
    """Answers every check with a status."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self.code, self.asked = code, list[call_record.CheckDispatchRequest]()

    async def CheckDispatch(
        self, request: call_record.CheckDispatchRequest, *, timeout: float
    ) -> call_record.CheckDispatchResponse:
        self.asked.append(request)
        if self.code is not grpc.StatusCode.OK:
            raise grpc.aio.AioRpcError(self.code, grpc.aio.Metadata(), grpc.aio.Metadata())
        return call_record.CheckDispatchResponse()


@pytest.mark.parametrize(
    ("code", "current"),
    [
        (grpc.StatusCode.OK, True),
        (grpc.StatusCode.ABORTED, False),
        (grpc.StatusCode.FAILED_PRECONDITION, False),
        (grpc.StatusCode.NOT_FOUND, False),
        (grpc.StatusCode.UNAVAILABLE, True),
        (grpc.StatusCode.UNAUTHENTICATED, True),
    ],
)
async def test_only_an_outdated_dispatch_is_refused(code: grpc.StatusCode, *, current: bool) -> None:
    service = Service(code)
    assert await is_current(cast("Any", service), METADATA) is current
    assert [request.epoch for request in service.asked] == [3]


async def test_a_job_without_a_call_is_refused_without_a_question() -> None:
    service = Service(grpc.StatusCode.OK)
    assert not await is_current(cast("Any", service), "{}")
    assert service.asked == []
