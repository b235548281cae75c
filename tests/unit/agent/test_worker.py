"""The worker: its keys, its limit of calls, and jobs without a call."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.settings import AgentSettings
from agent.worker import end_job, make_server, start_job
from mesh.settings import ConfigurationError, load

pytestmark = pytest.mark.unit


class Request:
    """A call offered by LiveKit."""

    def __init__(self, job_id: str) -> None:
        self.id, self.answer, self.job = job_id, "", SimpleNamespace(metadata=job_id)

    async def accept(self, *, name: str) -> None:
        self.answer = f"accepted as {name}"

    async def reject(self, *, terminate: bool = True) -> None:
        self.answer = "ended" if terminate else "passed on"


async def _current(_metadata: str) -> bool:
    return True


def _settings(home: Path, **overrides: object) -> AgentSettings:
    return load(AgentSettings, home=home, **overrides)


def test_the_worker_registers_with_the_workers_keys(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    server = make_server(settings, _current)
    assert server._api_key == settings.livekit_worker_keys.key
    assert server._api_key != settings.livekit_keys.key


async def test_calls_beyond_the_limit_are_passed_on_to_other_workers(tmp_path: Path) -> None:
    server = make_server(_settings(tmp_path, agent_max_calls=2), _current)
    server._proc_pool = cast("Any", SimpleNamespace(processes=[]))
    assert server._request_fnc is not None
    requests = [Request(job) for job in ("a", "b", "c")]
    for request in requests:
        await server._request_fnc(cast("Any", request))
    assert [request.answer for request in requests] == [
        "accepted as Readback",
        "accepted as Readback",
        "passed on",
    ]


async def test_an_outdated_job_is_refused_before_a_process_is_spent(tmp_path: Path) -> None:
    async def wanted(metadata: str) -> bool:
        return metadata == "current"

    server = make_server(_settings(tmp_path, agent_max_calls=1), wanted)
    server._proc_pool = cast("Any", SimpleNamespace(processes=[]))
    assert server._request_fnc is not None
    requests = [Request(job) for job in ("outdated", "current")]
    for request in requests:
        await server._request_fnc(cast("Any", request))
    assert [request.answer for request in requests] == ["ended", "accepted as Readback"]


class Job:
    """A job of a worker's process."""

    def __init__(self, metadata: str) -> None:
        self.job = SimpleNamespace(metadata=metadata)
        self.proc = SimpleNamespace(userdata={})
        self.over = ""

    def shutdown(self, reason: str) -> None:
        self.over = reason


@pytest.mark.parametrize("metadata", ["", "{}", "not json"])
async def test_a_job_without_a_call_ends_immediately(metadata: str) -> None:
    job = Job(metadata)
    await start_job(cast("Any", job))
    assert job.over == "no call"
    await end_job(cast("Any", job))


@pytest.mark.parametrize(
    ("name", "value"), [("agent_max_calls", 0), ("caller_patience_seconds", -1), ("agent_name", "")]
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"READBACK_{name.upper()}"):
        _settings(tmp_path, **{name: value})
