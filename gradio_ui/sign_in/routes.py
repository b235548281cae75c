"""Routes to sign up, sign in and sign out, and the sign-in page.

The page is plain HTML, because a public Gradio app would accept uploads without a sign-in.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from readback.identity.v1 import identity_service_pb2 as identity

from gradio_ui.api.services import Services, ServicesOf, from_browser
from gradio_ui.sign_in.browser_sessions import BrowserSession

STATIC = Path(__file__).parents[1] / "static"
router = APIRouter()


class SignInForm(BaseModel):
    """Fields of the sign-in form.

    Limits here only bound the size of a request. The identity service checks the values.
    """

    email: str = Field(max_length=1000)
    password: str = Field(max_length=1000, repr=False)


class SignUpForm(SignInForm):
    """Fields of the sign-up form."""

    display_name: str = Field(max_length=1000)


@router.get("/login", response_model=None)
async def sign_in_page(request: Request) -> Response:
    """Return the sign-in page, or redirect a signed-in browser to the app."""
    if request.state.session is not None:
        return RedirectResponse(request.state.address.path, 303)
    return FileResponse(STATIC / "account" / "sign-in.html", media_type="text/html")


@router.get("/favicon.ico", include_in_schema=False)
async def favicon() -> FileResponse:
    """Return the icon. Some browsers request this path without reading the HTML."""
    return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")


@router.post("/auth/register", status_code=204)
async def register(form: SignUpForm, request: Request, services: ServicesOf) -> None:
    """Create an account and sign in."""
    response = await services.identity.Register(
        identity.RegisterRequest(
            email=form.email.strip(), password=form.password, display_name=form.display_name.strip()
        ),
        metadata=from_browser(request),
    )
    await _start_session(request, services, response.customer, response.tokens)


@router.post("/auth/login", status_code=204)
async def login(form: SignInForm, request: Request, services: ServicesOf) -> None:
    """Sign in to an existing account."""
    response = await services.identity.Login(
        identity.LoginRequest(email=form.email.strip(), password=form.password),
        metadata=from_browser(request),
    )
    await _start_session(request, services, response.customer, response.tokens)


@router.post("/auth/logout", status_code=204)
async def logout(request: Request, services: ServicesOf) -> None:
    """Sign this browser out, even if the identity service can't be reached."""
    session: BrowserSession | None = request.state.session
    if session is not None:
        await services.sessions.end(session)


async def _start_session(
    request: Request, services: Services, customer: identity.Customer, tokens: identity.TokenPair
) -> None:
    before: BrowserSession | None = request.state.session
    request.state.session = services.sessions.start(customer, tokens)  # the middleware sets the cookie
    if before is not None:
        await services.sessions.end(before)
