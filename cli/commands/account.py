"""`readback login` and `readback logout`."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import grpc
import typer
from readback.identity.v1 import identity_service_pb2 as identity

from cli.account.acting_account import LoggedIn, identity_stub
from cli.account.credentials_file import CredentialFile, Credentials
from cli.errors import CommandError, UsageError
from mesh.clock import SystemClock
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.settings import MeshSettings, load

if TYPE_CHECKING:
    from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceAsyncStub


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(login)
    app.command()(logout)


def login(
    email: Annotated[
        str | None, typer.Argument(help="E-mail address of the account; asked for when left out.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
    ] = False,
    new: Annotated[bool, typer.Option("--register", help="Make the account first.")] = False,
    name: Annotated[str, typer.Option(help="With --register: how to address you.")] = "",
) -> None:
    """Log in; later commands act in your name until `readback logout`."""
    settings = load(MeshSettings)
    address = email or _asked_for("E-mail")
    password = _password(from_stdin=password_stdin, twice=new)
    asyncio.run(_login(settings, address, password, (name or address.partition("@")[0]) if new else None))
    print(f"Logged in as {address}.")


def logout() -> None:
    """Log out and forget the tokens."""
    if asyncio.run(_logout(load(MeshSettings))):
        print("Logged out.")
    else:
        print("Nobody was logged in.")


def _asked_for(what: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(f"{what} is missing; give it as an argument.")
    return str(typer.prompt(what))


def _password(*, from_stdin: bool, twice: bool) -> str:
    """The password as typed. Never an argument: those are seen by every user of the machine."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for the password; pass it with --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=twice))


async def _login(settings: MeshSettings, email: str, password: str, new_name: str | None) -> None:
    async with identity_stub(settings) as stub:
        tokens = await _tokens(stub, email, password, new_name)
    CredentialFile(settings.home).save(Credentials.of(email, tokens))


async def _tokens(
    stub: IdentityServiceAsyncStub, email: str, password: str, new_name: str | None
) -> identity.TokenPair:
    if new_name is None:
        return (await stub.Login(identity.LoginRequest(email=email, password=password))).tokens
    return (
        await stub.Register(identity.RegisterRequest(email=email, password=password, display_name=new_name))
    ).tokens


async def _logout(settings: MeshSettings) -> bool:
    file = CredentialFile(settings.home)
    if file.read() is None:
        return False
    try:
        async with identity_stub(settings) as stub:
            token = await LoggedIn(file, stub, SystemClock()).token()
            await stub.Logout(identity.LogoutRequest(request_id=uuid7()), metadata=bearer(token))
    except (grpc.aio.AioRpcError, CommandError) as error:
        print(
            f"The session could not be ended on the server ({type(error).__name__}); its tokens are forgotten here.",
            file=sys.stderr,
        )
    file.forget()
    return True
