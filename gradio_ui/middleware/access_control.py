"""The gate in front of everything: who may pass, and what the browser's cookie says afterwards.

Gradio guards its routes one by one and mounts many that this page doesn't need (uploads, proxies, file downloads, monitoring),
so the gate lets through only what is named here.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gradio_ui.middleware.gradio_sessions import BodyTooLong, SessionOwners, session_hash_of
from gradio_ui.sign_in.browser_sessions import Session, Sessions
from gradio_ui.sign_in.cookie import cookie_of, set_cookie

OPEN_PATHS = ("/ui/", "/auth/", "/favicon.ico")
"""Served to anybody, besides the sign-in page: what that page is made of and what it asks."""
SIGN_IN_PAGE = "/login"
OWN_PATHS = ("/api/",)
"""This package's routes for people who are signed in."""
GRADIO_PATHS = (
    "/assets/",
    "/config",
    "/static/",
    "/theme.css",
    "/gradio_api/heartbeat/",
    "/gradio_api/info",
    "/gradio_api/queue/data",
    "/gradio_api/queue/join",
    "/gradio_api/startup-events",
    "/gradio_api/theme.css",
)
"""What the page needs of Gradio; for callers the rest of Gradio's routes doesn't exist."""


class Gate:
    """ASGI middleware. Puts the request's `Session` (or None) into `scope["state"]["session"]`; routes that sign in or out replace it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._owners = SessionOwners()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers what is refused, passes the rest on."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return None  # no route here speaks WebSocket
        cookie = cookie_of(scope["headers"])
        sessions: Sessions = scope["app"].state.backends.sessions
        session = sessions.of(cookie)
        scope.setdefault("state", {})["session"] = session
        send = _with_cookie(scope, send, sessions, cookie)
        refusal = _refusal(Request(scope), session)
        if refusal is None and session is not None:
            refusal, receive = await self._foreign_session(scope, receive, session)
        return await (refusal or self._app)(scope, receive, send)

    async def _foreign_session(
        self, scope: Scope, receive: Receive, session: Session
    ) -> tuple[Response | None, Receive]:
        try:
            session_hash, receive = await session_hash_of(scope, receive)
        except BodyTooLong:
            return _refused(413, "TOO_LONG", "That is more than this page ever sends."), receive
        if session_hash is None or self._owners.admits(session_hash, session.sign_in.key):
            return None, receive
        return _refused(403, "FOREIGN_SESSION", "This page belongs to another sign-in; reload it."), receive


def _with_cookie(scope: Scope, send: Send, sessions: Sessions, cookie: str) -> Send:
    """Keeps the browser's cookie the same as the session: set after a sign-in and after a refresh, deleted after the end."""

    def header() -> str | None:
        session: Session | None = scope["state"]["session"]
        secure = scope["scheme"] == "https"
        if session is None or session.ended:
            return set_cookie("", max_age=0, secure=secure) if cookie else None
        if sessions.is_current(cookie, session):
            return None
        return set_cookie(sessions.sealed(session), max_age=sessions.seconds_left(session), secure=secure)

    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start" and (value := header()) is not None:
            MutableHeaders(scope=message).append("set-cookie", value)
        await send(message)

    return send_with_cookie


def _refusal(request: Request, session: Session | None) -> Response | None:
    path = request.url.path
    if request.method not in ("GET", "HEAD") and not _same_origin(request):
        return _refused(403, "FOREIGN_ORIGIN", "This request came from another site.")
    if path == SIGN_IN_PAGE or path.startswith(OPEN_PATHS):
        return None
    if path != "/" and not path.startswith(OWN_PATHS + GRADIO_PATHS):
        return _refused(404, "NOT_FOUND", "There is nothing here.")
    if session is not None:
        return None
    if path == "/":
        return RedirectResponse(f"{SIGN_IN_PAGE}?{request.url.query}".rstrip("?"), 303)
    return _refused(401, "SIGNED_OUT", "Please sign in again.")


def _same_origin(request: Request) -> bool:
    """Whether a request that changes something comes from this site's own pages. Browsers name the origin of every POST."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    return urlsplit(origin).netloc == request.headers.get("host", "")


def _refused(status: int, reason: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"reason": reason, "message": message}}, status)
