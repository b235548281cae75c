"""`readback mcp`: the MCP server over standard input and output, for assistants that start MCP servers.

It passes each message on to the gateway over HTTP, with the token of the saved login. So it starts fast: to
import the MCP library alone takes more than a second.
"""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import httpx

    from mesh.security.authentication import TokenSource
    from mesh.settings import MeshSettings

PARSE_ERROR, INTERNAL_ERROR = -32700, -32603
"""JSON-RPC codes."""
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 120.0
"""Timeouts of the gateway; a flight vendor may take 45 s."""
_VERSION = "io.modelcontextprotocol/protocolVersion"
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods whose requests name their subject in a header."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(mcp)


def mcp() -> None:
    """Serve the MCP tools over standard input and output, for the logged-in account.

    Passes requests on to the gateway of `readback up`, at http://127.0.0.1:8080/mcp (READBACK_MCP_URL).
    """
    # Ctrl-C ends the process at once, because the thread that waits for input can't be interrupted.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(_serve())


async def _serve() -> None:
    import httpx

    from mesh.settings import load, reachable_host, with_port
    from services.gateway.settings import GatewaySettings

    settings = load(GatewaySettings)
    url = settings.mcp_url or f"http://{with_port(reachable_host(settings.bind), settings.mcp_port)}/mcp"
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    async with httpx.AsyncClient(timeout=timeout) as http, asyncio.TaskGroup() as requests:
        bridge = Bridge(url, http, saved_login(settings))
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip():
                requests.create_task(bridge.pass_on(line))


def saved_login(settings: MeshSettings) -> TokenSource:
    """Return a source of the saved login's tokens; they are empty without a login.

    A login or logout takes effect at the next message.
    """

    async def token() -> str:
        from cli.account.credentials_files import credentials_file

        file = credentials_file(settings)
        saved = file.read()
        if saved is None or saved.fresh_at(time.time()):
            return saved.access_token if saved else ""
        from cli.account.acting_account import SavedLogin, identity_stub
        from mesh.clock import SystemClock
        from mesh.logs import configure

        configure(settings, "mcp")  # logs go to standard error; standard output is for messages
        async with identity_stub(settings) as stub:
            return await SavedLogin(file, stub, SystemClock()).token()

    return token


class Bridge:
    """Passes JSON-RPC messages of standard input on to an MCP server, and its answers to standard output."""

    def __init__(self, url: str, http: httpx.AsyncClient, token: TokenSource) -> None:
        self._url, self._http, self._token = url, http, token
        self._version = ""
        """Version that `initialize` has negotiated."""
        self._running: dict[object, asyncio.Task[None]] = {}

    async def pass_on(self, line: str) -> None:
        """Pass a message on and write what the server answers."""
        message = _message(line)
        if message is None:
            text = "This is not a JSON-RPC message; send one JSON object on each line."
            _write(_error(None, PARSE_ERROR, text))
        elif message.get("method") == "notifications/cancelled":
            # The server learns of it from the closed connection, because it keeps no sessions.
            if task := self._running.get(str(_params(message).get("requestId"))):
                task.cancel()
        else:
            await self._answer(message)

    async def _answer(self, message: Mapping[str, Any]) -> None:
        key, task = str(message.get("id")), asyncio.current_task()
        if task is not None and "id" in message:
            self._running[key] = task
        try:
            async for answer in self._answers(message):
                result = answer.get("result")
                if message.get("method") == "initialize" and isinstance(result, dict):
                    self._version = str(result.get("protocolVersion", ""))
                _write(answer)
        except Exception as error:  # noqa: BLE001  # the assistant must get an answer, whatever happened
            if "id" in message:
                _write(_error(message["id"], INTERNAL_ERROR, self._in_words(error)))
        finally:
            self._running.pop(key, None)

    async def _answers(self, message: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        headers = self._headers(message) | await self._authorization()
        async with self._http.stream("POST", self._url, json=message, headers=headers) as response:
            if response.headers.get("content-type", "").startswith("text/event-stream"):
                async for line in response.aiter_lines():
                    if line.startswith("data:") and (answer := _message(line[5:])):
                        yield answer
                return
            answer = _message((await response.aread()).decode(errors="replace"))
            if "id" not in message:
                return
            if answer is None or "jsonrpc" not in answer:
                problem = (answer or {}).get("error_description", f"HTTP status {response.status_code}")
                answer = _error(None, INTERNAL_ERROR, f"The MCP server refused the request: {problem}")
            yield answer | {"id": message["id"]}

    async def _authorization(self) -> dict[str, str]:
        token = await self._token()
        return {"authorization": f"Bearer {token}"} if token else {}

    def _headers(self, message: Mapping[str, Any]) -> dict[str, str]:
        """Return the headers that MCP over HTTP has besides the message."""
        params, method = _params(message), str(message.get("method", ""))
        meta = params.get("_meta")
        version = (meta.get(_VERSION) if isinstance(meta, dict) else "") or self._version
        headers = {"accept": "application/json, text/event-stream"}
        headers |= {"mcp-protocol-version": str(version)} if version else {}
        headers |= {"mcp-method": _in_ascii(method)} if method else {}
        if subject := params.get(_NAMED.get(method, "")):
            headers["mcp-name"] = _in_ascii(str(subject))
        return headers

    def _in_words(self, error: Exception) -> str:
        import httpx

        from cli.errors import CommandError

        if isinstance(error, httpx.TimeoutException):
            return f"The MCP server at {self._url} didn't answer in time; try again."
        if isinstance(error, httpx.TransportError):
            return f"The MCP server at {self._url} can't be reached; start it with `readback up`."
        if isinstance(error, CommandError):
            return str(error)
        return f"The request to {self._url} failed; run `readback doctor`."


def _message(text: str) -> dict[str, Any] | None:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _params(message: Mapping[str, Any]) -> dict[str, Any]:
    params = message.get("params")
    return params if isinstance(params, dict) else {}


def _in_ascii(value: str) -> str:
    """Return a header's value, encoded as MCP prescribes if it has other characters."""
    if value.isascii() and value.isprintable() and value == value.strip():
        return value
    return f"=?base64?{base64.b64encode(value.encode(errors='replace')).decode()}?="


def _error(identity: object, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": text}}


def _write(answer: Mapping[str, Any]) -> None:
    print(json.dumps(answer, ensure_ascii=False, separators=(",", ":")), flush=True)
