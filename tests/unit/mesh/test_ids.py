"""Ids are UUIDv7 and sort by creation time."""

from __future__ import annotations

import uuid

import pytest

from mesh.ids import uuid7

pytestmark = pytest.mark.unit


def test_ids_are_uuids_of_version_seven_and_differ() -> None:
    ids = [uuid7() for _ in range(1000)]
    assert {uuid.UUID(text).version for text in ids} == {7}
    assert {uuid.UUID(text).variant for text in ids} == {uuid.RFC_4122}
    assert len(set(ids)) == 1000
    assert [text[:13] for text in ids] == sorted(text[:13] for text in ids)
