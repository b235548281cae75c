"""The service as a process: its schema, keys, logs, and shutdown."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
import structlog
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from readback.identity.v1 import identity_service_pb2 as pb
from readback.identity.v1 import identity_service_pb2_grpc
from readback.internal.identity.v1 import identity_internal_service_pb2 as internal
from sqlalchemy import Connection

from mesh import logs
from mesh.calling.channel import open_channel
from mesh.database.migrations import migrated
from mesh.database.transactions import reading
from mesh.errors import metadata_of
from mesh.ids import uuid7
from mesh.security.revocations import IDENTITY
from mesh.security.security_log import security_log
from mesh.settings import load
from services.identity.app import MIGRATIONS
from services.identity.settings import IdentitySettings
from services.identity.store.schema import metadata
from tests.integration.identity.harness import PASSWORD, refused, running_identity

pytestmark = pytest.mark.integration


@pytest.fixture
def _logging_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_the_migrations_make_the_tables_the_store_uses(tmp_path: Path, database_url: str) -> None:
    engine = await migrated(database_url or f"sqlite+aiosqlite:///{tmp_path}/identity.db", MIGRATIONS)

    def differences(connection: Connection) -> list[object]:
        return list(
            compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
        )

    async with reading(engine) as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_tokens_of_the_previous_key_are_accepted_until_it_is_dropped(tmp_path: Path) -> None:
    async with running_identity(tmp_path) as before:
        asha = await before.register()
        old_key = tmp_path / "old.pem"
        old_key.write_bytes(before.settings.secrets.private_key("identity-signing-key"))
    new_key = ec.generate_private_key(ec.SECP256R1())
    pem = new_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "secrets" / "identity-signing-key.pem").write_bytes(pem)
    async with running_identity(tmp_path, identity_previous_signing_keys=(old_key,)) as rotated:
        assert len((await rotated.stub.GetJwks(pb.GetJwksRequest())).keys) == 2
        await rotated.stub.GetCustomer(pb.GetCustomerRequest(), metadata=asha.headers)
    async with running_identity(tmp_path) as dropped:
        code, _ = await refused(dropped.stub.GetCustomer(pb.GetCustomerRequest(), metadata=asha.headers))
        assert code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.usefixtures("_logging_put_back")
async def test_no_secret_reaches_the_logs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(load(IdentitySettings, home=tmp_path, log_level="debug"), "identity")
    security_log.flush()
    async with running_identity(tmp_path) as identity:
        asha = await identity.register()
        tokens = await identity.refresh(asha.tokens.refresh_token)
        grant = await identity.grant(asha, uuid7())
        agent = await identity.exchange(grant.grant)
        assertion = identity.assertion("conversation")
        await identity.internal.ExchangeToken(internal.ExchangeTokenRequest(actor_assertion=assertion))
        await refused(
            identity.internal.ExchangeToken(internal.ExchangeTokenRequest(actor_assertion=assertion))
        )
        await refused(identity.login(password="a wrong password of hers"))
        await refused(identity.register())
        pepper = identity.settings.secrets.text("identity-pepper")
    logged = "".join(capfd.readouterr())
    assert "replayed" in logged
    secrets = [
        PASSWORD,
        "a wrong password of hers",
        "asha@example.com",
        pepper,
        "$2b$",
        assertion,
        agent,
        grant.grant,
    ]
    secrets += [
        asha.tokens.refresh_token,
        asha.tokens.access_token,
        tokens.refresh_token,
        tokens.access_token,
    ]
    assert [secret for secret in secrets if secret in logged] == []


@pytest.mark.usefixtures("_logging_put_back")
async def test_errors_of_a_broken_database_contain_no_personal_data(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure(load(IdentitySettings, home=tmp_path, log_level="debug"), "identity")
    async with running_identity(tmp_path) as identity:
        with closing(sqlite3.connect(tmp_path / "identity.sqlite3")) as connection:
            connection.execute("ALTER TABLE customers DROP COLUMN locale")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await identity.register()
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "locale" not in (caught.value.details() or "")
    logged = "".join(capfd.readouterr())
    assert metadata_of(caught.value)["correlation_id"] in logged
    assert "OperationalError" in logged
    assert "asha@example.com" not in logged


async def test_cancelled_calls_leave_no_locks(tmp_path: Path) -> None:
    async with running_identity(tmp_path) as identity:
        asha = await identity.register()
        request = pb.RefreshSessionRequest(refresh_token=asha.tokens.refresh_token)
        impatient = [
            identity.stub.RefreshSession(request, timeout=milliseconds / 1000)
            for milliseconds in range(1, 61)
        ]
        outcomes = {await call.code() for call in impatient}
        assert outcomes <= {grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED}
        await identity.refresh(asha.tokens.refresh_token)


async def test_acknowledged_data_survives_sigkill_and_sigterm_ends_cleanly(
    tmp_path: Path,
) -> None:
    request = pb.RegisterRequest(email="asha@example.com", password=PASSWORD, display_name="Asha")
    async with _process(tmp_path) as (stub, process):
        made = await stub.Register(request)
        process.kill()
        await process.wait()
    async with _process(tmp_path) as (stub, process):
        opened = await stub.Login(pb.LoginRequest(email="asha@example.com", password=PASSWORD))
        assert opened.customer == made.customer
        await stub.RefreshSession(pb.RefreshSessionRequest(refresh_token=made.tokens.refresh_token))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


class _process:  # noqa: N801 -- used like a function
    """The service as run by `readback serve identity`, on a free port."""

    def __init__(self, home: Path) -> None:
        self._home = home

    async def __aenter__(
        self,
    ) -> tuple[identity_service_pb2_grpc.IdentityServiceAsyncStub, asyncio.subprocess.Process]:
        settings = {
            "HOME": str(self._home),
            "IDENTITY_PORT": "0",
            "IDENTITY_HTTP_PORT": "0",
            "IDENTITY_BCRYPT_COST": "4",
        }
        environment = {**os.environ, **{f"READBACK_{name}": value for name, value in settings.items()}}
        command = (sys.executable, "-c", "from services.identity.app import main; main()")
        self._process = await asyncio.create_subprocess_exec(
            *command, env=environment, stderr=asyncio.subprocess.PIPE
        )
        assert self._process.stderr
        async for line in self._process.stderr:
            event = json.loads(line)
            if event["event"] == "serving":
                break
        self._channel = open_channel(event["address"], *IDENTITY)
        return identity_service_pb2_grpc.IdentityServiceStub(self._channel), self._process

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
