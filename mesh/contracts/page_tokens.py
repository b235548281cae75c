"""Result pages (AIP-158): their sizes, and page tokens.

Page tokens are opaque, signed, and valid only for the request that began the listing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import NamedTuple

from google.protobuf.message import Message

from mesh.errors import InvalidPageToken

_MAC_BYTES = 16


class PageSize(NamedTuple):
    """Default and limit of the number of results on one page."""

    default: int
    """Page size if the request doesn't set one."""
    most: int

    def of(self, requested: int) -> int:
        """Return the page size for the `page_size` of a request, which is 0 if not set."""
        return min(requested, self.most) if requested else self.default


def listing_of(request: Message) -> str:
    """Return the name of the listing that a request is for: its type and its fields except the page's."""
    filters = type(request)()
    filters.CopyFrom(request)
    filters.ClearField("page_size")
    filters.ClearField("page_token")
    return f"{request.DESCRIPTOR.full_name} {filters.SerializeToString(deterministic=True).hex()}"


class PageTokens:
    """Encodes positions in listings as tokens, and decodes them."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, position: str, bound_to: str) -> str:
        """Return a token for a position.

        `bound_to` names the caller and the filters, which must be the same in the next request.
        """
        body = position.encode()
        return base64.urlsafe_b64encode(self._mac(body, bound_to) + body).decode().rstrip("=")

    def open(self, token: str, bound_to: str) -> str:
        """Return the position in the listing that a token contains.

        Raises:
            InvalidPageToken: the token is malformed, or was not created for this `bound_to`.
        """
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise InvalidPageToken from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body, bound_to)):
            raise InvalidPageToken
        return body.decode()

    def _mac(self, body: bytes, bound_to: str) -> bytes:
        scope = hashlib.sha256(bound_to.encode()).digest()
        return hmac.digest(self._key, scope + body, "sha256")[:_MAC_BYTES]
