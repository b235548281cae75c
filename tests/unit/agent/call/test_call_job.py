"""A call job: its metadata, and leaving before the call is taken."""

import asyncio

import pytest

from agent.call.call_job import CallJob, MalformedJob, _finished_before

pytestmark = pytest.mark.unit


def test_a_job_names_a_call_and_an_epoch() -> None:
    job = CallJob.parse('{"call": "01a2", "epoch": 1}')
    assert (job.call_id, job.epoch) == ("01a2", 1)


@pytest.mark.parametrize(
    "metadata",
    ["", "{}", "null", "[]", '{"call": "01a2"}', '{"call": "01a2", "epoch": "x"}', "not json", '"text"'],
)
def test_anything_else_is_refused_by_one_error(metadata: str) -> None:
    with pytest.raises(MalformedJob):
        CallJob.parse(metadata)


async def test_leaving_does_not_wait_for_a_service_that_is_away() -> None:
    leave = asyncio.Event()
    leave.set()
    async with asyncio.timeout(5):
        assert not await _finished_before(leave, asyncio.Event().wait())


async def test_work_that_finishes_first_is_reported() -> None:
    assert await _finished_before(asyncio.Event(), asyncio.sleep(0))


async def test_an_error_of_the_work_is_raised() -> None:
    async def work() -> None:
        raise ConnectionError("refused")

    with pytest.raises(ConnectionError, match="refused"):
        await _finished_before(asyncio.Event(), work())
