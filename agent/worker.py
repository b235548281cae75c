"""The voice agent's worker: takes calls from LiveKit, each in a process of its own that was warmed before."""

from __future__ import annotations

import asyncio
import time

import structlog
from livekit.agents import AgentServer, AutoSubscribe, JobContext, JobProcess, JobRequest
from prometheus_client import Gauge

from agent.call.dispatch import Dispatch, MalformedDispatch
from agent.call.holding import Line, hold
from agent.call_limit import Admission
from agent.outboxes import looked_after
from agent.settings import AgentSettings
from agent.speech.engines import SpeechEngines
from mesh import logs
from mesh.serving.http_probes import http_side
from mesh.serving.ports import endpoint_of
from mesh.serving.shutdown import stop_event
from mesh.settings import load

_log = structlog.get_logger(__name__)

_CALLS = Gauge("readback_agent_calls", "Calls being held by this worker")
_CAPACITY = Gauge("readback_agent_calls_limit", "Calls this worker holds at most")

_UNLIMITED = float("inf")
_STOP_WITHIN_S = 3.0
_LOAD_MODELS_WITHIN_S = 60.0


def prewarm(process: JobProcess) -> None:
    """Loads the models of a process before its first call."""
    _log_through_the_worker()
    process.userdata["settings"] = load(AgentSettings)
    process.userdata["engines"] = SpeechEngines.load()


async def answer(job: JobContext) -> None:
    """Takes the call of a job. Returns at once; the call goes on by itself until `ended`."""
    try:
        dispatch = Dispatch.parse(job.job.metadata)
    except MalformedDispatch as error:
        _log.warning("job without a call", why=str(error))
        job.shutdown("no call")
        return
    structlog.contextvars.bind_contextvars(call_id=dispatch.call_id, epoch=dispatch.epoch)
    leave = asyncio.Event()
    job.proc.userdata["leave"] = leave
    job.proc.userdata["holding"] = asyncio.create_task(_hold(job, dispatch, leave))


async def ended(job: JobContext) -> None:
    """Lets the call go, however its job came to an end, and waits until everything is written down."""
    if "holding" in job.proc.userdata:
        job.proc.userdata["leave"].set()
        await job.proc.userdata["holding"]


async def _hold(job: JobContext, dispatch: Dispatch, leave: asyncio.Event) -> None:
    settings, engines = job.proc.userdata["settings"], job.proc.userdata["engines"]

    async def join() -> None:
        await job.connect(auto_subscribe=AutoSubscribe.AUDIO_ONLY)

    try:
        await hold(dispatch, Line(job.room, join, leave), engines, settings)
    except Exception:  # noqa: BLE001 - whatever broke, the stream to the conversation service breaks with it and another agent is sent
        _log.exception("call dropped")
    finally:
        job.shutdown("call over")


def make_server(settings: AgentSettings) -> AgentServer:
    """A worker that takes calls for `settings.agent_name` once it runs."""
    keys = settings.livekit_worker_keys
    admission = Admission(settings.agent_max_calls, time.monotonic)
    server = AgentServer(
        ws_url=settings.livekit_url,
        api_key=keys.key,
        api_secret=keys.secret,
        host="127.0.0.1",
        port=0,
        load_threshold=_UNLIMITED,
        load_fnc=lambda worker: len(worker.active_jobs) / settings.agent_max_calls,
        num_idle_processes=settings.agent_idle_processes,
        initialize_process_timeout=_LOAD_MODELS_WITHIN_S,
        shutdown_process_timeout=_STOP_WITHIN_S,
        session_end_timeout=_STOP_WITHIN_S * 2,
        # Gives up never: a LiveKit server that is away for minutes is no reason to throw warm models away.
        max_retry=1_000_000,
        setup_fnc=prewarm,
        preload_modules=["agent.call.holding"],
    )

    async def admit(request: JobRequest) -> None:
        running = {job.job.id for job in server.active_jobs}
        if admission.admit(request.id, running):
            await request.accept(name="Readback")
        else:
            _log.warning("call passed on", running=len(running), limit=settings.agent_max_calls)
            await request.reject(terminate=False)

    server.rtc_session(answer, agent_name=settings.agent_name, on_request=admit, on_session_end=ended)
    _CALLS.set_function(lambda: len(server.active_jobs))
    _CAPACITY.set(settings.agent_max_calls)
    return server


async def serve(settings: AgentSettings) -> None:
    """Takes calls until SIGTERM or SIGINT. Running calls are then left to other workers; a second signal ends the process at once."""
    server = make_server(settings)
    registered = asyncio.Event()
    server.on("worker_registered", lambda *_: registered.set())
    stopping = stop_event()
    with http_side("agent", endpoint_of(settings, "agent_http_port"), registered.is_set):
        async with looked_after(settings):
            running = asyncio.create_task(server.run())
            await asyncio.wait(
                (running, asyncio.create_task(stopping.wait())), return_when=asyncio.FIRST_COMPLETED
            )
            _log.info("stopping")
            await server.aclose()
            await running


def _log_through_the_worker() -> None:
    """Log lines of a call's process go through the worker's, which formats and scrubs them."""
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def main() -> None:
    """Runs a worker; its settings come from the environment. Raises `mesh.settings.ConfigurationError`."""
    settings = load(AgentSettings)
    logs.configure(settings, "agent")
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
