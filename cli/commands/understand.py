"""`readback understand`: what the agent makes of a line of text."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from agent.dialogue.understanding import Context
from agent.dialogue.understanding import understand as understood
from cli.errors import UsageError
from cli.flight_data import running_or_own
from mesh.settings import MeshSettings, load


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(understand)


def understand(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Lines to understand; read from stdin when left out.")
    ] = None,
    today: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Pretend that it is this day.")] = "",
) -> None:
    """Print the frame of each line of text as a JSON object: intent, slots, confidence."""
    context = Context.pinned(_pinned(today)) if today else Context(now=datetime.now(UTC))
    asyncio.run(_understand(load(MeshSettings), _lines(texts), context))


def _pinned(today: str) -> date:
    try:
        return date.fromisoformat(today)
    except ValueError:
        raise UsageError(f"{today!r} is no date; write YYYY-MM-DD.") from None


def _lines(texts: list[str] | None) -> Iterator[str]:
    """One line a text, also an empty one, so that answers can be matched to questions by position."""
    return iter(texts) if texts else (line.rstrip("\r\n") for line in sys.stdin)


async def _understand(settings: MeshSettings, lines: Iterator[str], context: Context) -> None:
    from agent.dialogue.flightdata_places import FlightDataPlaces

    async with running_or_own(settings) as stub:
        places = FlightDataPlaces(stub)
        while (line := await asyncio.to_thread(next, lines, None)) is not None:
            frame = await understood(line, places, context)
            print(json.dumps(frame.to_json(), ensure_ascii=False), flush=True)
