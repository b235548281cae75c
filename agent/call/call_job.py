"""A worker's job: open one call at the conversation service, run it, and release it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Self

import structlog
from livekit import rtc
from readback.conversation.v1 import entry_pb2

from agent.call.caller_presence import CallEnding
from agent.call.dialogue_llm import TimedDialogue
from agent.call.livekit_session import SpeechEngines
from agent.call.voice_call import VoiceCall
from agent.clients import DelegatedToken, ServiceClients, service_clients
from agent.dialogue.context import CallerHome
from agent.dialogue.dialogue import Dialogue
from agent.dialogue.flightdata_tools import FlightDataPlaces, FlightDataTools
from agent.dialogue.restoring import restored_state
from agent.recording.earlier_entries import agent_has_spoken, finished_tools, read_entries, unanswered_words
from agent.settings import AgentSettings
from mesh.clock import SystemClock
from services.conversation.client.recorder import CallEnded, CallLost, Recorder

_log = structlog.get_logger(__name__)


class MalformedJob(Exception):
    """The metadata of a job contains no call and epoch."""


@dataclass(frozen=True, slots=True)
class CallJob:
    """The call of a job and its epoch. Authority over the call comes only from the conversation service."""

    call_id: str
    epoch: int

    @classmethod
    def parse(cls, metadata: str) -> Self:
        """Parse a job's metadata, `{"call": …, "epoch": …}`. Raises `MalformedJob`."""
        try:
            fields = json.loads(metadata)
            return cls(str(fields["call"]), int(fields["epoch"]))
        except (ValueError, KeyError, TypeError) as error:
            raise MalformedJob(f"the job metadata must contain `call` and `epoch`: {error!r}") from None


@dataclass(frozen=True)
class JobRoom:
    """The room of a job. The agent joins it only after it has opened the call.

    `leave` is set when this worker should leave the call to another worker.
    """

    room: rtc.Room
    join: Callable[[], Awaitable[None]]
    leave: asyncio.Event


async def run_job(job: CallJob, room: JobRoom, engines: SpeechEngines, settings: AgentSettings) -> None:
    """Run the call until it ends, another agent takes it over, or `room.leave` is set.

    Raises:
        grpc.aio.AioRpcError: a service that the call needs can't be reached or refuses.
    """
    async with service_clients(settings) as clients:
        own = await clients.call_records()
        recorder = Recorder(own, job.call_id, job.epoch, folder=settings.outbox_folder)
        try:
            async with AsyncExitStack() as stack:
                if await _finished_before(room.leave, stack.enter_async_context(recorder)):
                    talking = _talk(job, room, engines, settings, clients, recorder)
                    await _until_over(talking, recorder, room.leave)
        except (CallLost, CallEnded) as over:
            _log.info("call not opened", call_id=job.call_id, epoch=job.epoch, reason=str(over))


async def _talk(
    job: CallJob,
    room: JobRoom,
    engines: SpeechEngines,
    settings: AgentSettings,
    clients: ServiceClients,
    recorder: Recorder,
) -> CallEnding | None:
    """Restore the dialogue from the log, join the room, and run the call."""
    opened = recorder.opened
    token = DelegatedToken(clients.workload, opened.grant)
    entries = await read_entries(await clients.conversation(token), opened.conversation_id)
    flightdata = await clients.flightdata(token)
    home = CallerHome.of(opened.locale, opened.time_zone)
    dialogue = Dialogue(
        FlightDataPlaces(flightdata, locale=home.locale),
        FlightDataTools(flightdata),
        state=restored_state(finished_tools(entries)),
        home=home,
    )
    await room.join()
    call = VoiceCall(
        room.room,
        opened.caller_identity,
        TimedDialogue(dialogue, SystemClock()),
        recorder,
        engines,
        waits=settings.call_waits,
    )
    return await call.run(
        resumed=agent_has_spoken(entries, job.call_id), unanswered=unanswered_words(entries, job.call_id)
    )


async def _finished_before(leave: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Run `work` until it finishes or `leave` is set. Return whether it finished. Its errors are raised."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(leave.wait())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    return not working.cancelled()


async def _until_over(
    talk: Coroutine[Any, Any, CallEnding | None], recorder: Recorder, leave: asyncio.Event
) -> None:
    talking = asyncio.create_task(talk)
    over = asyncio.create_task(recorder.over())
    leaving = asyncio.create_task(leave.wait())
    try:
        await asyncio.wait((talking, over, leaving), return_when=asyncio.FIRST_COMPLETED)
        ended = talking.done()
    finally:
        for task in (talking, leaving):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await talking  # stops speaking and seals open utterances
    if over.done():
        _log.info("call lost", reason=str(over.result()))
    else:
        over.cancel()
        # If the reason is UNSPECIFIED, the call stays open and another agent continues it.
        await recorder.close((talking.result() if ended else None) or entry_pb2.CALL_END_REASON_UNSPECIFIED)
