"""`readback flights search` and `readback flights status`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.type.date_pb2 import Date
from readback.flightdata.v1 import flightdata_service_pb2 as flightdata
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from rich.console import Console

from cli import flight_tables, places
from cli.errors import UsageError
from cli.sign_in import signed_in
from mesh.channel import open_channel, streaming
from mesh.settings import MeshSettings, load

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

DESCRIPTOR = flightdata.DESCRIPTOR.services_by_name["FlightDataService"]


class Sort(StrEnum):
    """How to order flights."""

    EARLIEST = "earliest"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    LATEST = "latest"


AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    flights = typer.Typer(help="Look flights up.", no_args_is_help=True)
    flights.command()(search)
    flights.command()(status)
    app.add_typer(flights, name="flights")


def search(
    origin: Annotated[str, typer.Argument(metavar="FROM", help="Where to leave from: a code or a name.")],
    destination: Annotated[str, typer.Argument(metavar="TO", help="Where to go.")],
    day: Annotated[str, typer.Option("--date", help="YYYY-MM-DD, today or tomorrow, on the calendar there.")] = "tomorrow",
    sort: Annotated[Sort, typer.Option(help="How to order them.")] = Sort.EARLIEST,
    passengers: Annotated[int, typer.Option(min=1, max=9, help="How many travel.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Show flights from one place to another on one day."""
    asyncio.run(_search(load(MeshSettings), origin, destination, day, sort, passengers, as_json=as_json))


def status(
    number: Annotated[str, typer.Argument(help="Flight number, for example AI542.")],
    day: Annotated[str, typer.Option("--date", help="YYYY-MM-DD; today at the departure airport when left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Tell how one flight is doing."""
    asyncio.run(_status(load(MeshSettings), number, day, as_json=as_json))


@asynccontextmanager
async def _flight_data(settings: MeshSettings) -> AsyncIterator[FlightDataServiceAsyncStub]:
    async with signed_in(settings) as account, open_channel(settings.address_of("flightdata"), DESCRIPTOR, tokens=account.token) as channel:
        yield FlightDataServiceStub(channel)


async def _search(settings: MeshSettings, origin: str, destination: str, day: str, sort: Sort, passengers: int, *, as_json: bool) -> None:
    async with _flight_data(settings) as stub:
        leave, go = await places.resolved(stub, origin), await places.resolved(stub, destination)
        request = flightdata.SearchFlightsRequest(
            origin=leave.code,
            destination=go.code,
            depart_date=parsed_day(day, datetime.now(ZoneInfo(leave.time_zone)).date()),
            sort=flightdata.FlightSort.Value(f"FLIGHT_SORT_{sort.name}"),
            passengers=passengers,
        )
        found: list[flightdata.Itinerary] = []
        offers: list[flightdata.Offer] = []
        async with streaming(stub.SearchFlights(request)) as responses:
            async for response in responses:
                found.extend(response.results.itineraries)
                offers.extend(response.results.offers)
                done = response.done
    if as_json:
        _print_json(*found)
    else:
        _show(request, found, offers, done)


def _show(
    request: flightdata.SearchFlightsRequest,
    found: list[flightdata.Itinerary],
    offers: list[flightdata.Offer],
    done: flightdata.SearchDone,
) -> None:
    console = Console()
    when = date(request.depart_date.year, request.depart_date.month, request.depart_date.day)
    console.print(f"\n[bold]{request.origin} → {request.destination}[/]  {when:%A, %d %B %Y}, {done.total} flights\n", highlight=False)
    if found:
        console.print(flight_tables.itineraries(found), highlight=False)
    if offers:
        console.print()
        console.print(flight_tables.offers(offers, found), highlight=False)
    if done.provenance.sample:
        console.print(f"\n{flight_tables.SAMPLE}", highlight=False)


async def _status(settings: MeshSettings, number: str, day: str, *, as_json: bool) -> None:
    request = flightdata.GetFlightStatusRequest(flight_number=number.replace(" ", "").upper())
    if day:
        request.date.CopyFrom(parsed_day(day, datetime.now().astimezone().date()))
    async with _flight_data(settings) as stub:
        flight = (await stub.GetFlightStatus(request)).status
    if as_json:
        _print_json(flight)
        return
    console = Console()
    console.print(flight_tables.status(flight), highlight=False)
    if flight.provenance.sample:
        console.print(flight_tables.SAMPLE, highlight=False)


def parsed_day(words: str, today: date) -> Date:
    """A day as typed.

    Raises:
        UsageError: no calendar has it.
    """
    near = {"today": today, "tomorrow": today + timedelta(days=1)}
    try:
        day = near.get(words.lower()) or date.fromisoformat(words)
    except ValueError:
        raise UsageError(f"{words!r} is no date; write YYYY-MM-DD, today or tomorrow.") from None
    return Date(year=day.year, month=day.month, day=day.day)


def _print_json(*messages: Message) -> None:
    for message in messages:
        print(json.dumps(MessageToDict(message, preserving_proto_field_name=True), ensure_ascii=False))
