"""Access control: allowed paths, sign-in, same origin, Gradio sessions, and the sign-in cookie.

Gradio mounts many routes that this app doesn't need, for example for uploads, proxies, file downloads and
monitoring, and it protects each separately. So this middleware allows only the paths that it lists.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gradio_ui.api.error_responses import error_response
from gradio_ui.middleware.gradio_sessions import GradioSessionOwners, session_hash_of
from gradio_ui.page_address import PageAddress
from gradio_ui.sign_in.browser_sessions import BrowserSession, BrowserSessions
from gradio_ui.sign_in.cookie import cookie_value, set_cookie

SIGN_IN_PAGE = "/login"
OPEN_PATHS = {SIGN_IN_PAGE: "GET", "/favicon.ico": "GET", "/ui/": "GET", "/auth/": "POST"}
"""Paths that need no sign-in, and their method: files and requests of the sign-in page. A path that ends with
a slash stands for all paths below it."""
OWN_PATHS = ("/api/",)
"""Paths of this app's own routes, which need a sign-in."""
GRADIO_PATHS = {
    "/": "GET",
    "/assets/": "GET",
    "/config": "GET",
    "/static/": "GET",
    "/theme.css": "GET",
    "/gradio_api/heartbeat/": "GET",
    "/gradio_api/info": "GET",
    "/gradio_api/queue/data": "GET",
    "/gradio_api/queue/join": "POST",
    "/gradio_api/startup-events": "GET",
    "/gradio_api/theme.css": "GET",
}
"""Paths and methods of the Gradio routes that the web app needs, in the form of `OPEN_PATHS`, but `/` stands
only for itself. All other requests that would reach Gradio are answered with 404."""

_FOREIGN_ORIGIN = (
    "The request came from another site. If Readback is behind a reverse proxy, set READBACK_PUBLIC_URL."
)


class AccessControl:
    """ASGI middleware that refuses forbidden requests.

    It sets `scope["state"]["session"]` to the request's `BrowserSession`, or to None without a sign-in.
    Sign-in routes replace that value. `path` is the path of the web app in its public address.
    """

    def __init__(self, app: ASGIApp, path: str = "/") -> None:
        self._app, self._path = app, path
        self._owners = GradioSessionOwners()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on to the app."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return None  # no route uses WebSocket
        cookie = cookie_value(scope["headers"])
        sessions: BrowserSessions = scope["app"].state.services.sessions
        session = sessions.of(cookie)
        scope.setdefault("state", {})["session"] = session
        send = self._with_cookie(scope, send, sessions, cookie)
        refusal = self._refusal(Request(scope), session)
        if refusal is None and session is not None:
            refusal, receive = await self._check_gradio_session(scope, receive, session)
        return await (refusal or self._app)(scope, receive, send)

    async def _check_gradio_session(
        self, scope: Scope, receive: Receive, session: BrowserSession
    ) -> tuple[JSONResponse | None, Receive]:
        session_hash, receive = await session_hash_of(scope, receive)
        if session_hash is None or self._owners.may_use(session_hash, session.cookie.key):
            return None, receive
        message = "This page was opened with another sign-in. Please reload it."
        return error_response(403, "FOREIGN_SESSION", message), receive

    def _with_cookie(self, scope: Scope, send: Send, sessions: BrowserSessions, cookie: str) -> Send:
        """Return a `send` that sets the cookie of a changed session, and deletes that of an ended one."""

        def header() -> str | None:
            session: BrowserSession | None = scope["state"]["session"]
            secure = scope["scheme"] == "https"
            if session is None or session.ended:
                return set_cookie("", max_age=0, secure=secure, path=self._path) if cookie else None
            if sessions.is_current(cookie, session):
                return None
            value, max_age = sessions.encrypted(session), sessions.seconds_left(session)
            return set_cookie(value, max_age=max_age, secure=secure, path=self._path)

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and (value := header()) is not None:
                MutableHeaders(scope=message).append("set-cookie", value)
            await send(message)

        return send_with_cookie

    def _refusal(self, request: Request, session: BrowserSession | None) -> Response | None:
        path = request.url.path
        if request.method not in ("GET", "HEAD") and not _same_origin(request):
            return error_response(403, "FOREIGN_ORIGIN", _FOREIGN_ORIGIN)
        if _is_listed(OPEN_PATHS, request):
            return None
        if not path.startswith(OWN_PATHS) and not _is_listed(GRADIO_PATHS, request):
            return error_response(404, "NOT_FOUND", "This address doesn't exist.")
        if session is not None:
            return None
        if path == "/":
            return RedirectResponse(f"{self._path}login?{request.url.query}".rstrip("?"), 303)
        return error_response(401, "SIGNED_OUT", "Please sign in again.")


def _is_listed(paths: Mapping[str, str], request: Request) -> bool:
    method = "GET" if request.method == "HEAD" else request.method
    return any(method == allowed and _covers(listed, request.url.path) for listed, allowed in paths.items())


def _covers(listed: str, path: str) -> bool:
    return path == listed or (listed != "/" and listed.endswith("/") and path.startswith(listed))


def _same_origin(request: Request) -> bool:
    """Return whether a request comes from this site. Browsers send an `Origin` header with every POST."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    return PageAddress.of(request.scope).is_origin(origin)
