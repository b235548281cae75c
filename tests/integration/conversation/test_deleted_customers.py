"""A deleted account's conversations are deleted too, by the real services together."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from readback.identity.v1 import identity_service_pb2

from mesh.ids import uuid7
from mesh.security.authentication import bearer
from tests.integration.conversation.mesh import Mesh

pytestmark = pytest.mark.integration


def conversations(home: Path) -> int:
    """Return the number of conversations in the database."""
    with sqlite3.connect(home / "conversation.sqlite3") as connection:
        return int(connection.execute("SELECT count(*) FROM conversations").fetchone()[0])


async def test_conversations_of_a_deleted_account_are_deleted(lone_mesh: Mesh) -> None:
    async with lone_mesh.conversation():
        deleted, other = await lone_mesh.customer(), await lone_mesh.customer()
        await deleted.conversation()
        await other.conversation()
    request = identity_service_pb2.DeleteCustomerRequest(password=lone_mesh.password, request_id=uuid7())
    await lone_mesh.identity.DeleteCustomer(request, metadata=bearer(deleted.token))
    assert conversations(lone_mesh.home) == 2

    async def only_the_other_remains() -> bool:
        return conversations(lone_mesh.home) == 1

    async with lone_mesh.conversation():  # it asks identity when it starts
        await lone_mesh.eventually(only_the_other_remains)
