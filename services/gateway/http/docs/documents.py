"""The documents about the contracts: OpenAPI, descriptors, and pages that load nothing from other hosts."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from importlib import metadata, resources

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.http.docs.grpc_reference import grpc_page
from services.gateway.http.docs.openapi import openapi
from services.gateway.http.errors import GatewayError

OPENAPI = "/openapi.json"
DESCRIPTORS = "/contracts.binpb"
"""The public contracts as a `FileDescriptorSet`, from which `buf generate` makes a client."""
_FILES: Mapping[str, tuple[str, str]] = {
    "/docs": ("http.html", "text/html"),
    "/docs/assets/docs.css": ("docs.css", "text/css"),
    "/docs/assets/start.js": ("start.js", "text/javascript"),
    "/docs/assets/swagger-ui.css": ("swagger_ui/swagger-ui.css", "text/css"),
    "/docs/assets/swagger-ui-bundle.js": ("swagger_ui/swagger-ui-bundle.js", "text/javascript"),
}
"""File and media type of each path. A path that isn't listed is never looked up in the file system."""
_HEADERS: Mapping[str, str] = {
    # Swagger UI draws its icons from `data:`.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",  # browsers ask whether the entity tag is still the same
    "vary": "accept-encoding",
}


@dataclass
class _Document:
    """Bytes that stay the same while the process runs; made and compressed when first asked for."""

    media_type: str
    make: Callable[[], bytes]

    @cached_property
    def content(self) -> bytes:
        return self.make()

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.content, mtime=0)

    @cached_property
    def entity_tag(self) -> str:
        return f'"{sha256(self.content).hexdigest()[:20]}"'


class Documents:
    """The documents about these services, by path."""

    def __init__(self, services: Sequence[ServiceDescriptor]) -> None:
        self._by_path = {
            path: _Document(media_type, partial(_read, name)) for path, (name, media_type) in _FILES.items()
        }
        self._by_path["/docs/grpc"] = _Document("text/html", lambda: grpc_page(services).encode())
        self._by_path[OPENAPI] = _Document("application/json", partial(_openapi, services))
        self._by_path[DESCRIPTORS] = _Document("application/octet-stream", _descriptors)
        self.paths = self._by_path.keys()
        self._making = asyncio.Lock()

    async def response(self, request: Request) -> Response:
        """Return the document of a path in `paths`.

        Raises:
            GatewayError: the verb is neither GET nor HEAD.
        """
        if request.method not in ("GET", "HEAD"):
            text = "Use GET, HEAD for this path."
            raise GatewayError(405, grpc.StatusCode.UNIMPLEMENTED, text, allow="GET, HEAD")
        document = self._by_path[request.url.path]
        async with self._making:
            # Making and compressing one takes up to a second, which must not hold up other requests.
            tag, content, compressed = await asyncio.to_thread(_made, document)
        headers = {**_HEADERS, "etag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            content = compressed
        return Response(content, headers=headers, media_type=document.media_type)


def _made(document: _Document) -> tuple[str, bytes, bytes]:
    return document.entity_tag, document.content, document.compressed


def _read(name: str) -> bytes:
    return (resources.files(__package__) / name).read_bytes()


def _openapi(services: Sequence[ServiceDescriptor]) -> bytes:
    document = openapi(services, metadata.version("readback"))
    return json.dumps(document, ensure_ascii=False).encode()


def _descriptors() -> bytes:
    return (resources.files("readback_client") / "gen/contracts.binpb").read_bytes()
