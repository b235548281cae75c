"""In whose name a tool is called: the bearer of a token, or, where strangers are let in, the gateway itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mesh.errors import Unauthenticated
from mesh.security.authentication import TokenVerifier


class Callers:
    """Finds the token that a call is made with."""

    def __init__(
        self, verifier: TokenVerifier, own_token: Callable[[], Awaitable[str]], *, strangers: bool
    ) -> None:
        self._verifier, self._own_token, self._strangers = verifier, own_token, strangers

    async def admit(self, authorization: str) -> str | None:
        """The bearer's token, verified; None for a stranger who may come in.

        Raises:
            Unauthenticated: none was sent and one is needed, or it is no good; a bad one is never taken for none.
            Unavailable: it can't be verified just now.
        """
        if not authorization:
            if not self._strangers:
                raise Unauthenticated("missing")
            return None
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("not a bearer token")
        return (await self._verifier.verify(token.strip())).token

    async def token_of(self, authorization: str) -> str:
        """A token that is good for the services behind.

        Raises:
            Unauthenticated, Unavailable: as `admit`.
            grpc.aio.AioRpcError: identity can't give the gateway a token of its own.
        """
        return await self.admit(authorization) or await self._own_token()
