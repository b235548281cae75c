"""Holds one call: takes it from the conversation service, acts in the customer's name, talks, and gives it up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from livekit import rtc
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from agent.act_token import ActToken
from agent.call.call import Call, Caller
from agent.call.caller_home import home_of
from agent.call.caller_presence import Ending
from agent.call.dispatch import Dispatch
from agent.call.talk import Talk
from agent.clients import Clients, clients
from agent.dialogue.dialogue import Caller as Home
from agent.dialogue.dialogue import Dialogue
from agent.dialogue.flightdata_places import FlightDataPlaces
from agent.dialogue.flightdata_tools import FlightDataTools
from agent.dialogue.state import DialogueState
from agent.outboxes import outboxes_of
from agent.recording.earlier_entries import entries_of, tool_records, unanswered
from agent.settings import AgentSettings
from agent.speech.engines import SpeechEngines
from mesh.clock import SystemClock
from services.conversation.client.recorder import CallEnded, CallLost, Recorder

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Line:
    """A room that is joined only once the call is ours, and the wish that this worker leaves it to another."""

    room: rtc.Room
    join: Callable[[], Awaitable[None]]
    leave: asyncio.Event


async def hold(dispatch: Dispatch, line: Line, engines: SpeechEngines, settings: AgentSettings) -> None:
    """Talks until the call is over, lost to another agent, or to be left to one.

    Raises:
        grpc.aio.AioRpcError: a service refuses what can't be done without.
    """
    async with clients(settings) as services:
        own = await services.conversation(services.workload.own_token)
        recorder = Recorder(own, dispatch.call_id, dispatch.epoch, folder=outboxes_of(settings))
        try:
            async with AsyncExitStack() as stack:
                if await _unless(line.leave, stack.enter_async_context(recorder)):
                    talking = _talked(dispatch, line, engines, settings, services, recorder)
                    await _until_over(talking, recorder, line.leave)
        except (CallLost, CallEnded) as over:
            _log.info("call not taken", call_id=dispatch.call_id, epoch=dispatch.epoch, why=str(over))


async def _talked(
    dispatch: Dispatch,
    line: Line,
    engines: SpeechEngines,
    settings: AgentSettings,
    services: Clients,
    recorder: Recorder,
) -> Ending | None:
    """Reads what was said, joins the room, talks."""
    act = ActToken(services.workload, recorder.opened.grant)
    entries = await entries_of(await services.conversation(act), recorder.opened.conversation_id)
    talk = _talk(
        entries, await services.flightdata(act), home_of(recorder.opened.locale, recorder.opened.time_zone)
    )
    await line.join()
    caller = Caller(recorder.opened.caller_identity, settings.caller_patience_seconds)
    call = Call(line.room, caller, talk, recorder, engines)
    pending = unanswered(entries, dispatch.call_id) if dispatch.resumed else ""
    return await call.run(resumed=dispatch.resumed, unanswered=pending)


async def _unless(leave: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Whether the work came to its end before it was time to leave. Raises what it raises."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(leave.wait())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    return not working.cancelled()


def _talk(entries: list[entry_pb2.Entry], flightdata: FlightDataServiceAsyncStub, home: Home) -> Talk:
    state = DialogueState.restored(tool_records(entries))
    return Talk(
        Dialogue(FlightDataPlaces(flightdata), FlightDataTools(flightdata), state=state, caller=home),
        SystemClock(),
    )


async def _until_over(
    call: Awaitable[pb.CallEndReason.ValueType | None], recorder: Recorder, leave: asyncio.Event
) -> None:
    talking, over, leaving = (
        asyncio.ensure_future(call),
        asyncio.create_task(recorder.over()),
        asyncio.create_task(leave.wait()),
    )
    try:
        await asyncio.wait((talking, over, leaving), return_when=asyncio.FIRST_COMPLETED)
        ended = talking.done()
    finally:
        for task in (talking, leaving):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await talking  # falls silent, and seals what was being said
    if over.done():
        _log.info("call is not ours any more", why=str(over.result()))
    else:
        over.cancel()
        # Without a reason the call is not over: another agent goes on with it.
        await recorder.close((talking.result() if ended else None) or pb.CALL_END_REASON_UNSPECIFIED)
