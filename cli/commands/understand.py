"""`readback understand`: the agent's understanding of a line of text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from agent.dialogue.context import Context
from agent.dialogue.understanding import understand as parse
from cli.errors import UsageError
from cli.standard_input import read_lines
from mesh.settings import MeshSettings, load

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

CONNECT_SECONDS = 1.0


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
    """Print the intent, slots and confidence of each line as a JSON object.

    Uses the running flight-data service, or starts one for the command.
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
    from agent.dialogue.flightdata_tools import FlightDataPlaces

    async with _flight_data(load(MeshSettings)) as stub:
        places = FlightDataPlaces(stub)
        async for line in lines:
            frame = await parse(line, places, context)
            print(json.dumps(frame.to_json(), ensure_ascii=False), flush=True)


@asynccontextmanager
async def _flight_data(settings: MeshSettings) -> AsyncIterator[FlightDataServiceAsyncStub]:
    """Connect, without a token, to the running service, or else to one started in this process."""
    from readback.flightdata.v1 import flightdata_service_pb2 as flightdata
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub

    from mesh.calling.channel import open_channel

    descriptor = flightdata.DESCRIPTOR.services_by_name["FlightDataService"]
    async with open_channel(settings.address_of("flightdata"), descriptor) as channel:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await channel.channel_ready()
        except TimeoutError:
            pass
        else:
            yield FlightDataServiceStub(channel)
            return
    async with _own_service() as address, open_channel(address, descriptor) as channel:
        yield FlightDataServiceStub(channel)


@asynccontextmanager
async def _own_service() -> AsyncIterator[str]:
    """Serve flight data on a free port of this process, and yield the address."""
    from mesh.serving.grpc_server import running
    from services.flightdata.app import grpc_service
    from services.flightdata.settings import FlightDataSettings

    async with grpc_service(load(FlightDataSettings)) as flight_data, running(flight_data) as server:
        yield server.address
