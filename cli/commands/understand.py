"""`readback understand`: the agent's understanding of a line of text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from agent.dialogue.context import Context
from agent.dialogue.several_requests import first_request
from agent.dialogue.understanding import understand as understand_text
from cli.commands.utterances import utterance_of
from cli.errors import UsageError
from cli.rendering.any_encoding import print_json
from cli.standard_input import read_lines

if TYPE_CHECKING:
    from readback.flightdata.v1 import places_pb2


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(understand)


def understand(
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="Lines of text. Default: the lines of stdin."),
    ] = None,
    today: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Use this day as today.")] = "",
) -> None:
    """Print the intent, slots and confidence of each line as a JSON object. Needs no running service.

    A line can be a JSON object with the text and what was said before it:
    {"text": "Two people.", "question": "How many are you?", "frame": {"intent": …, "slots": {…}}}
    `frame` is the printed frame of the request so far. If a line has two requests, the second one's frame is
    in `then`.
    """
    context = Context.pinned(_parse_date(today)) if today else Context(now=datetime.now(UTC))
    asyncio.run(_understand(_lines(texts), context))


def _parse_date(today: str) -> date:
    try:
        return date.fromisoformat(today)
    except ValueError:
        raise UsageError(f"{today!r} is not a date; write YYYY-MM-DD.") from None


async def _lines(texts: list[str] | None) -> AsyncIterator[str]:
    """Yield every line, including empty ones, so that each input line has one output line."""
    for text in texts or ():
        yield text
    if not texts:
        async for line in read_lines():
            yield line


async def _understand(lines: AsyncIterator[str], context: Context) -> None:
    places = _Places()
    async for line in lines:
        text, before = utterance_of(line, context)
        first = await first_request(text, places, before)
        frame = first.frame.to_json()
        if first.rest:
            alone = Context(now=before.now, home=before.home)
            frame["then"] = (await understand_text(first.rest, places, alone)).to_json()
        print_json(frame)


class _Places:
    """`PlaceAnnotator` in this process. It needs neither a service nor a token."""

    async def annotate(self, text: str, *, home_country: str) -> Sequence[places_pb2.PlaceAnnotation]:
        """Return the places that a text names."""
        # Imported here because the import takes 0.3 seconds.
        from services.flightdata import places
        from services.flightdata.wire import place_messages

        return [
            place_messages.annotation(found) for found in places.annotate(text, home_country=home_country)
        ]
