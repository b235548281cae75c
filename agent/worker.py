"""The voice agent's worker: accepts calls from LiveKit and runs each in its own prewarmed process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import livekit.agents.ipc.supervised_proc
import livekit.agents.worker
import structlog
from livekit.agents import AgentServer, AutoSubscribe, JobContext, JobProcess, JobRequest
from prometheus_client import Gauge

from agent.call.call_job import CallJob, JobRoom, MalformedJob, run_job
from agent.call.livekit_session import SpeechEngines
from agent.call_limit import CallLimit
from agent.clients import service_clients
from agent.dispatch_check import is_current
from agent.settings import AgentSettings
from mesh import logs
from mesh.calling import proxy_variables
from mesh.serving.health_and_metrics import serving_probes
from mesh.serving.ports import endpoint_of
from mesh.serving.shutdown import stop_event
from mesh.settings import load
from services.conversation.client.outbox_recovery import OutboxRecovery

if TYPE_CHECKING:
    from readback.internal.conversation.v1.call_record_service_pb2_grpc import CallRecordServiceAsyncStub

_log = structlog.get_logger(__name__)

_CALLS = Gauge("readback_agent_calls", "Calls running on this worker")
_CAPACITY = Gauge("readback_agent_calls_limit", "Maximum number of calls on this worker")

_UNLIMITED = float("inf")
_STOP_WITHIN_S = 3.0
_LOAD_MODELS_WITHIN_S = 60.0
_MEASURE_LOAD_EVERY_S = 5.0
"""LiveKit's half a second costs an idle worker more than all else. Each offer of a call measures it again."""
_MEASURE_MEMORY_EVERY_S = 60.0
"""LiveKit's five seconds cost half a percent of a core. It only logs a warning."""
_RETRY_FOREVER = 1_000_000
"""Attempts to reach the LiveKit server, in practice unlimited. A worker that exits loses its loaded
models."""


def prewarm(process: JobProcess) -> None:
    """Load settings and speech models into a new process, before its first call."""
    _log_through_the_worker()
    process.userdata["settings"] = load(AgentSettings)
    process.userdata["engines"] = SpeechEngines.load()


async def start_job(context: JobContext) -> None:
    """Start the call of a job in the background and return. `end_job` ends the call early."""
    try:
        job = CallJob.parse(context.job.metadata)
    except MalformedJob as error:
        _log.warning("malformed job refused", error=str(error))
        context.shutdown("no call")
        return
    structlog.contextvars.bind_contextvars(call_id=job.call_id, epoch=job.epoch)
    leave = asyncio.Event()
    context.proc.userdata["leave"] = leave
    context.proc.userdata["running"] = asyncio.create_task(_run(context, job, leave))


async def end_job(context: JobContext) -> None:
    """Leave the call, and wait until all of its transcript is recorded."""
    if "running" in context.proc.userdata:
        context.proc.userdata["leave"].set()
        await context.proc.userdata["running"]


async def _run(context: JobContext, job: CallJob, leave: asyncio.Event) -> None:
    settings, engines = context.proc.userdata["settings"], context.proc.userdata["engines"]

    async def join() -> None:
        await context.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)

    try:
        await run_job(job, JobRoom(context.room, join, leave), engines, settings)
    except Exception:  # noqa: BLE001 - the conversation service then dispatches another agent
        _log.exception("call failed")
    finally:
        context.shutdown("call over")


def make_server(settings: AgentSettings, wanted: Callable[[str], Awaitable[bool]]) -> AgentServer:
    """Return a worker, not yet running, that accepts calls for `settings.agent_name`.

    `wanted` returns whether the dispatch in a job's metadata is current. Other jobs are refused.
    """
    livekit.agents.worker.UPDATE_LOAD_INTERVAL = _MEASURE_LOAD_EVERY_S
    livekit.agents.ipc.supervised_proc._MEMORY_MONITOR_INTERVAL = _MEASURE_MEMORY_EVERY_S
    keys = settings.livekit_worker_keys
    call_limit = CallLimit(settings.agent_max_calls, time.monotonic)
    server = AgentServer(
        ws_url=settings.livekit_url,
        api_key=keys.key,
        api_secret=keys.secret,
        host="127.0.0.1",
        port=0,
        http_proxy=None,
        load_threshold=_UNLIMITED,
        load_fnc=lambda worker: len(worker.active_jobs) / settings.agent_max_calls,
        num_idle_processes=settings.agent_idle_processes,
        initialize_process_timeout=_LOAD_MODELS_WITHIN_S,
        shutdown_process_timeout=_STOP_WITHIN_S,
        session_end_timeout=_STOP_WITHIN_S * 2,
        max_retry=_RETRY_FOREVER,
        setup_fnc=prewarm,
        preload_modules=["agent.call.call_job"],
    )

    async def admit(request: JobRequest) -> None:
        if not await wanted(request.job.metadata):
            await request.reject(terminate=True)
            return
        running = {job.job.id for job in server.active_jobs}
        if call_limit.admit(request.id, running):
            await request.accept(name="Readback")
        else:
            _log.warning("call limit reached", running=len(running), limit=settings.agent_max_calls)
            await request.reject(terminate=False)

    server.rtc_session(start_job, agent_name=settings.agent_name, on_request=admit, on_session_end=end_job)
    _CALLS.set_function(lambda: len(server.active_jobs))
    _CAPACITY.set(settings.agent_max_calls)
    return server


async def serve(settings: AgentSettings) -> None:
    """Accept calls until SIGTERM or SIGINT, then leave the running calls to other workers.

    A second signal ends the process immediately.
    """
    registered = asyncio.Event()
    stopping = stop_event()
    with serving_probes("agent", endpoint_of(settings, "agent_http_port"), registered.is_set):
        async with recovering_outboxes(settings) as stub:
            server = make_server(settings, partial(is_current, stub))
            server.on("worker_registered", lambda *_: registered.set())
            running = asyncio.create_task(server.run())
            await asyncio.wait(
                (running, asyncio.create_task(stopping.wait())), return_when=asyncio.FIRST_COMPLETED
            )
            _log.info("stopping")
            await server.aclose()
            await running


@asynccontextmanager
async def recovering_outboxes(settings: AgentSettings) -> AsyncIterator[CallRecordServiceAsyncStub]:
    """Until the block ends, submit the drafts in the outboxes of agents that died.

    Yield the stub for that, which sends the worker's own token.
    """
    async with service_clients(settings) as clients:
        stub = await clients.call_records()
        recovery = asyncio.create_task(OutboxRecovery(settings.outbox_folder, stub).run())
        try:
            yield stub
        finally:
            recovery.cancel()
            await asyncio.gather(recovery, return_exceptions=True)


def _log_through_the_worker() -> None:
    """Send the log lines of this call process to the worker process, which formats and redacts them."""
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def main() -> None:
    """Run a worker with settings from the environment. Raises `mesh.settings.ConfigurationError`."""
    proxy_variables.ignore()
    settings = load(AgentSettings)
    logs.configure(settings, "agent")
    # Turns LiveKit's monitor of each process's event loop off, unless it is set: its 100 wake-ups a second
    # cost half of what an idle worker uses.
    os.environ.setdefault("LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS", "0")
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
