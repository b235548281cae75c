"""Check of a job before a process is spent on it: the dispatch may have been replaced, or the call ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import structlog
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from agent.call.call_job import CallJob, MalformedJob
from mesh.errors import reason_of

if TYPE_CHECKING:
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub

_ANSWER_WITHIN_S = 2.0
"""Timeout of the check. LiveKit waits a few seconds for the worker's answer."""
_OUTDATED = {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ABORTED}
_log = structlog.get_logger(__name__)


async def is_current(stub: CallRecordServiceAsyncStub, metadata: str) -> bool:
    """Return whether a job's dispatch is current. If the service can't be reached, return True.

    The agent's process asks again when it opens the call.
    """
    try:
        job = CallJob.parse(metadata)
        request = call_record.CheckDispatchRequest(call_id=job.call_id, epoch=job.epoch)
        await stub.CheckDispatch(request, timeout=_ANSWER_WITHIN_S)
    except MalformedJob as error:
        _log.warning("malformed job refused", error=str(error))
        return False
    except grpc.aio.AioRpcError as error:
        if error.code() in _OUTDATED:
            _log.info("outdated job refused", call_id=job.call_id, epoch=job.epoch, reason=reason_of(error))
            return False
        _log.warning("dispatch not checked", call_id=job.call_id, code=error.code().name)
    return True
