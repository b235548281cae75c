"""Cookie that authenticates an EventSource, which can't send an `Authorization` header.

A page puts its access token into the cookie with `POST /v1/event-source`, and removes it with `DELETE`.
Only streams read the cookie, so that a foreign page can't change anything with it.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

from mesh.security.authentication import TokenVerifier

PATH = "/v1/event-source"
COOKIE = "readback-event-source"


class EventSourceCookie:
    """Sets, removes and reads the cookie."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def set(self, request: Request) -> Response:
        """Answer a request to keep the request's access token in the cookie until the token expires.

        Raises:
            Unauthenticated: the token is missing or invalid.
            Unavailable: the token can't be verified just now.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        principal = await self._verifier.verify(token.strip() if scheme.lower() == "bearer" else "")
        response = Response(status_code=204)
        response.set_cookie(
            COOKIE,
            principal.token,
            expires=principal.expires_at,
            path="/v1/",
            httponly=True,
            secure=request.url.scheme == "https",
            samesite="strict",
        )
        return response

    def remove(self) -> Response:
        """Answer a request to forget the token."""
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/v1/", httponly=True, samesite="strict")
        return response

    def headers_of(self, request: Request) -> Headers:
        """Return the headers of a stream's request, with the token from the cookie if it has no other."""
        token = request.cookies.get(COOKIE)
        if token is None or "authorization" in request.headers:
            return request.headers
        headers = MutableHeaders(raw=list(request.headers.raw))
        headers["authorization"] = f"Bearer {token}"
        return headers
