"""The metadata of a job: a call and an epoch, and nothing that crashes a worker."""

import pytest

from agent.call.dispatch import Dispatch, MalformedDispatch

pytestmark = pytest.mark.unit


def test_a_dispatch_names_a_call_and_an_epoch() -> None:
    dispatch = Dispatch.parse('{"call": "01a2", "epoch": 1}')
    assert (dispatch.call_id, dispatch.epoch, dispatch.resumed) == ("01a2", 1, False)


def test_a_later_epoch_resumes_what_another_agent_held() -> None:
    assert Dispatch.parse('{"call": "01a2", "epoch": 2}').resumed


@pytest.mark.parametrize(
    "metadata",
    ["", "{}", "null", "[]", '{"call": "01a2"}', '{"call": "01a2", "epoch": "x"}', "not json", '"text"'],
)
def test_anything_else_is_refused_by_one_error(metadata: str) -> None:
    with pytest.raises(MalformedDispatch):
        Dispatch.parse(metadata)
