"""Signing up, in and out. A plain page and three JSON routes: a second, public Gradio app would accept uploads from anybody."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from readback.identity.v1 import identity_service_pb2 as identity

from gradio_ui.api.services import Backends, ServicesOf
from gradio_ui.sign_in.browser_sessions import Session

STATIC = Path(__file__).parents[1] / "static"

router = APIRouter()


class Credentials(BaseModel):
    """What the sign-in form sends. Limits and rules are the identity service's; these only bound what is passed on."""

    email: str = Field(max_length=1000)
    password: str = Field(max_length=1000, repr=False)


class Account(Credentials):
    """What the sign-up form sends."""

    display_name: str = Field(max_length=1000)


@router.get("/login", response_model=None)
async def sign_in_page(request: Request) -> Response:
    """The sign-in page; who is signed in already goes on to the app."""
    if request.state.session is not None:
        return RedirectResponse("/", 303)
    return FileResponse(STATIC / "account" / "sign-in.html", media_type="text/html")


@router.get("/favicon.ico", include_in_schema=False)
async def favicon() -> FileResponse:
    """For browsers that ask before they have read the page."""
    return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")


@router.post("/auth/register", status_code=204)
async def register(account: Account, request: Request, services: ServicesOf) -> None:
    """Makes an account and signs in."""
    answer = await services.identity.Register(
        identity.RegisterRequest(
            email=account.email.strip(), password=account.password, display_name=account.display_name.strip()
        )
    )
    await _sign_in(request, services, answer.customer, answer.tokens)


@router.post("/auth/login", status_code=204)
async def login(credentials: Credentials, request: Request, services: ServicesOf) -> None:
    """Signs in."""
    answer = await services.identity.Login(
        identity.LoginRequest(email=credentials.email.strip(), password=credentials.password)
    )
    await _sign_in(request, services, answer.customer, answer.tokens)


@router.post("/auth/logout", status_code=204)
async def logout(request: Request, services: ServicesOf) -> None:
    """Signs out; whether the identity service answers or not, this browser is signed out."""
    session: Session | None = request.state.session
    if session is not None:
        await services.sessions.end(session)


async def _sign_in(
    request: Request, services: Backends, customer: identity.Customer, tokens: identity.TokenPair
) -> None:
    before: Session | None = request.state.session
    request.state.session = services.sessions.start(customer, tokens)  # the gate puts it into the cookie
    if before is not None:
        await services.sessions.end(before)
