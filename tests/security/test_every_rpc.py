"""Every RPC answers bad credentials, foreign names and bad requests as its contract documents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.security.cases import KINDS, Case
from tests.security.contracts import RPCS, Rpc
from tests.security.running_mesh import Mesh

pytestmark = pytest.mark.security

AT_ONCE = 24
"""Requests at the same time; fewer than a caller may have."""


def test_there_are_at_least_six_thousand_cases() -> None:
    assert sum(1 for rpc in RPCS for cases in KINDS.values() for _ in cases(rpc)) >= 6000


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rpc", RPCS, ids=str)
async def test_every_answer_is_documented(mesh: Mesh, rpc: Rpc, kind: str) -> None:
    cases, wrong = iter(KINDS[kind](rpc)), list[str]()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(_check(mesh, rpc, cases, wrong))
    assert not wrong, f"{len(wrong)} wrong answers:\n" + "\n".join(wrong[:20])


async def _check(mesh: Mesh, rpc: Rpc, cases: Iterator[Case], wrong: list[str]) -> None:
    for case in cases:
        answer = await mesh.answer(rpc, case.body(mesh), case.metadata(mesh), compression=case.compression)
        if answer not in case.expected:
            wrong.append(f"  {case.name}: {_shown(answer)}, not {' or '.join(map(_shown, case.expected))}")


def _shown(answer: tuple[object, str]) -> str:
    return f"{getattr(answer[0], 'name', answer[0])} {answer[1]}".strip()
