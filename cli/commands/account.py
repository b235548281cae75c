"""`readback login` and `readback logout`."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import grpc
import typer
from readback.identity.v1 import identity_service_pb2 as identity

from cli.account.acting_account import SavedLogin, credentials_of, identity_stub
from cli.account.credentials_files import credentials_file
from cli.errors import CommandError, UsageError
from mesh.clock import SystemClock
from mesh.ids import uuid7
from mesh.security.authentication import bearer
from mesh.settings import MeshSettings, load


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(login)
    app.command()(logout)


def login(
    email: Annotated[
        str | None, typer.Argument(help="E-mail address of the account. Default: ask for it.")
    ] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
    ] = False,
    new: Annotated[bool, typer.Option("--register", help="Create the account first.")] = False,
    name: Annotated[str, typer.Option(help="Your name, with --register.")] = "",
) -> None:
    """Log in. Later commands act for this account until `readback logout`."""
    settings = load(MeshSettings)
    address = email or _ask_for_email()
    password = _ask_for_password(from_stdin=password_stdin, confirm=new)
    asyncio.run(_login(settings, address, password, (name or address.partition("@")[0]) if new else None))
    print(f"Logged in as {address}.")


def logout() -> None:
    """Log out and delete the saved login."""
    print("Logged out." if asyncio.run(_logout(load(MeshSettings))) else "You were not logged in.")


def _ask_for_email() -> str:
    if not sys.stdin.isatty():
        raise UsageError("The e-mail address is missing; give it as an argument.")
    return str(typer.prompt("E-mail"))


def _ask_for_password(*, from_stdin: bool, confirm: bool) -> str:
    """Read the password. It is never an argument: all users of the machine can see arguments."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for the password; use --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=confirm))


async def _login(settings: MeshSettings, email: str, password: str, new_name: str | None) -> None:
    """Log in, or register first if there is a name for a new account."""
    async with identity_stub(settings) as stub:
        if new_name is None:
            tokens = (await stub.Login(identity.LoginRequest(email=email, password=password))).tokens
        else:
            request = identity.RegisterRequest(email=email, password=password, display_name=new_name)
            tokens = (await stub.Register(request)).tokens
    credentials_file(settings).save(credentials_of(email, tokens))


async def _logout(settings: MeshSettings) -> bool:
    file = credentials_file(settings)
    if file.read() is None:
        return False
    try:
        async with identity_stub(settings) as stub:
            token = await SavedLogin(file, stub, SystemClock()).token()
            await stub.Logout(identity.LogoutRequest(request_id=uuid7()), metadata=bearer(token))
    except (grpc.aio.AioRpcError, CommandError) as error:
        print(
            f"The server could not end the session ({type(error).__name__}); the login is deleted anyway.",
            file=sys.stderr,
        )
    file.delete()
    return True
