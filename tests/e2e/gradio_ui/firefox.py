"""Real Firefox, headless, with a fake microphone, controlled over its own protocol (Marionette)."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

PREFERENCES = {
    "marionette.port": 0,  # any free port, which Firefox writes to the profile
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "http://127.0.0.1:9",
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}
PATIENCE_MS = 20_000
UNTIL = """
const fits = () => { %s };
return new Promise((resolve) => {
  const look = () => { const value = fits(); value ? resolve(value) : setTimeout(look, 20); };
  look();
});
"""


class Firefox:
    """One window of a browser."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._ids = itertools.count(1)

    async def start(self) -> None:
        """Begin a session. Firefox greets first."""
        await self._message()
        await self.command("WebDriver:NewSession", {})
        await self.command("WebDriver:SetTimeouts", {"script": PATIENCE_MS})

    async def open(self, url: str) -> None:
        """Load a page."""
        await self.command("WebDriver:Navigate", {"url": url})

    async def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page; return its result, also that of a promise."""
        answer = await self.command("WebDriver:ExecuteScript", {"script": script, "args": list(arguments)})
        return answer["value"]

    async def until(self, script: str) -> Any:
        """Run the body of a function until it returns something truthy, and return that."""
        return await self.run(UNTIL % script)

    async def click(self, testid: str) -> None:
        """Click an element when it is there."""
        await self.until(
            f"const one = document.querySelector('[data-testid={testid}]'); one?.click(); return one && 1;"
        )

    async def command(self, name: str, parameters: dict[str, Any]) -> Any:
        """Send a command and return its result."""
        text = json.dumps([0, next(self._ids), name, parameters])
        self._writer.write(f"{len(text.encode())}:{text}".encode())
        _, _, error, result = await self._message()
        assert error is None, error
        return result

    async def _message(self) -> Any:
        length = await self._reader.readuntil(b":")
        return json.loads(await self._reader.readexactly(int(length[:-1])))


def program() -> str:
    """Return the path of Firefox."""
    found = shutil.which("firefox-esr") or shutil.which("firefox")
    assert found, "Firefox is not installed; run `make system-packages`."
    return found


@asynccontextmanager
async def firefox(profile: Path) -> AsyncIterator[Firefox]:
    """Run Firefox with a new profile until the block ends."""
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    arguments = ("--headless", "--marionette", "--no-remote", "--profile", str(profile))
    with (profile / "firefox.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(program(), *arguments, stdout=log, stderr=log)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(process.wait)
        stack.callback(process.kill)
        reader, writer = await asyncio.open_connection("127.0.0.1", await _port(profile))
        stack.callback(writer.close)
        browser = Firefox(reader, writer)
        await browser.start()
        yield browser


async def _port(profile: Path) -> int:
    active = profile / "MarionetteActivePort"
    async with asyncio.timeout(60):
        while not (active.is_file() and active.read_text().strip()):  # noqa: ASYNC110 -- another process's file
            await asyncio.sleep(0.05)
    return int(active.read_text())
