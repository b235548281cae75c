"""Aims: their bounds, and when a value meets them."""

from __future__ import annotations

import pytest

from bench.transcript_log.aims import AIMS, SHORT_ROUND, Aim
from bench.transcript_log.command import GROUPS, chosen_groups

pytestmark = pytest.mark.unit

MORE_IS_BETTER = Aim("rate", "", 10, at_least=True)
LESS_IS_BETTER = Aim("wait", "", 3, "ms")


@pytest.mark.parametrize(
    ("aim", "value", "met"),
    [(MORE_IS_BETTER, 10, True), (MORE_IS_BETTER, 9.9, False), (LESS_IS_BETTER, 3, True)],
)
def test_an_aim_is_met_at_its_bound(aim: Aim, value: float, met: bool) -> None:
    assert aim.met(value) is met
    assert not LESS_IS_BETTER.met(3.1)


def test_a_short_round_asks_for_a_share_of_an_aim() -> None:
    assert MORE_IS_BETTER.met(6, SHORT_ROUND)
    assert not MORE_IS_BETTER.met(5.9, SHORT_ROUND)
    assert LESS_IS_BETTER.met(5, SHORT_ROUND)
    assert not LESS_IS_BETTER.met(5.1, SHORT_ROUND)


def test_aims_read_as_bounds() -> None:
    assert (str(MORE_IS_BETTER), str(LESS_IS_BETTER)) == ("≥ 10 ×", "≤ 3 ms")


def test_every_aim_is_measured_by_exactly_one_group() -> None:
    measured = [key for group in GROUPS for key in group]
    assert sorted(measured) == sorted(AIMS)


def test_all_groups_are_chosen_without_a_key() -> None:
    assert chosen_groups("") == GROUPS


def test_a_key_chooses_the_group_that_gives_it() -> None:
    (group,) = chosen_groups("cpu_vs_naive")
    assert "append_vs_naive" in group
    assert len(chosen_groups("cpu_vs_naive,append_vs_naive,wire_vs_text")) == 2


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SystemExit, match=r"Unknown key fastest.*append_vs_naive"):
        chosen_groups("fastest,wire_vs_text")
