"""The account that a command acts for, with a real identity service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from readback.identity.v1 import identity_service_pb2 as identity_pb
from readback_client.session import CredentialsFile

from cli.account.acting_account import SavedLogin, credentials_of, guest_account
from cli.errors import CommandError
from mesh.errors import reason_of
from mesh.security.authentication import bearer
from tests.integration.identity.harness import Identity, running_identity

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def identity(tmp_path: Path) -> AsyncIterator[Identity]:
    """An identity service with an empty database."""
    async with running_identity(tmp_path) as service:
        yield service


async def saved(identity: Identity, home: Path) -> CredentialsFile:
    """Credentials as `readback login` saves them."""
    file = CredentialsFile(home / "login.json")
    file.save(credentials_of("asha@example.com", (await identity.register()).tokens))
    return file


async def test_a_fresh_token_is_used_as_it_is(identity: Identity, tmp_path: Path) -> None:
    file = await saved(identity, tmp_path)
    before = file.read()
    assert before is not None
    assert await SavedLogin(file, identity.stub, identity.clock).token() == before.access_token
    assert file.read() == before


async def test_commands_that_find_the_token_expired_together_refresh_it_once(
    identity: Identity, tmp_path: Path
) -> None:
    """Using one refresh token twice would end the session."""
    file = await saved(identity, tmp_path)
    identity.clock.advance(identity.settings.identity_customer_token_seconds)
    commands = [
        SavedLogin(CredentialsFile(tmp_path / "login.json"), identity.stub, identity.clock) for _ in range(5)
    ]
    tokens = await asyncio.gather(*(command.token() for command in commands))
    assert len(set(tokens)) == 1
    await identity.stub.GetCustomer(identity_pb.GetCustomerRequest(), metadata=bearer(tokens[0]))
    renewed = file.read()
    assert renewed is not None
    assert renewed.access_token == tokens[0]


async def test_an_ended_session_is_deleted_with_an_error(identity: Identity, tmp_path: Path) -> None:
    file = await saved(identity, tmp_path)
    identity.clock.advance(identity.settings.identity_session_days * 24 * 3600 + 1)
    with pytest.raises(CommandError, match="readback login"):
        await SavedLogin(file, identity.stub, identity.clock).token()
    assert file.read() is None


async def test_a_guest_account_is_deleted_afterwards(identity: Identity) -> None:
    async with guest_account(identity.stub) as account:
        token = await account.token()
        made = await identity.stub.GetCustomer(identity_pb.GetCustomerRequest(), metadata=bearer(token))
        assert made.customer.email.endswith("@readback.invalid")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await identity.stub.GetCustomer(identity_pb.GetCustomerRequest(), metadata=bearer(token))
    assert reason_of(refused.value) == "CUSTOMER_NOT_FOUND"


async def test_a_guest_account_is_deleted_even_when_the_command_fails(identity: Identity) -> None:
    with pytest.raises(CommandError):
        async with guest_account(identity.stub) as account:
            token = await account.token()
            raise CommandError("no")
    with pytest.raises(grpc.aio.AioRpcError):
        await identity.stub.GetCustomer(identity_pb.GetCustomerRequest(), metadata=bearer(token))
