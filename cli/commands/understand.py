"""`readback understand`: what the agent makes of a line of text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from agent.dialogue.understanding import Context
from agent.dialogue.understanding import understand as understood
from cli.errors import UsageError
from cli.flight_data import running_or_own
from cli.standard_input import typed_lines
from mesh.settings import MeshSettings, load


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(understand)


def understand(
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="Lines to understand; read from stdin when left out."),
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


async def _lines(texts: list[str] | None) -> AsyncIterator[str]:
    """One line a text, also an empty one, so that answers can be matched to questions by position."""
    for text in texts or ():
        yield text
    if not texts:
        async for line in typed_lines():
            yield line


async def _understand(settings: MeshSettings, lines: AsyncIterator[str], context: Context) -> None:
    from agent.dialogue.flightdata_places import FlightDataPlaces

    async with running_or_own(settings) as stub:
        places = FlightDataPlaces(stub)
        async for line in lines:
            frame = await understood(line, places, context)
            print(json.dumps(frame.to_json(), ensure_ascii=False), flush=True)
