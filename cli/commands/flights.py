"""`readback flights search` and `readback flights status`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flightdata_service_pb2 as flightdata
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from rich.console import Console

from cli import places
from cli.account.acting_account import signed_in
from cli.errors import UsageError
from cli.rendering import flight_tables
from mesh.calling.channel import open_channel, streaming
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
    day: Annotated[
        str, typer.Option("--date", help="YYYY-MM-DD, today or tomorrow, on the calendar there.")
    ] = "tomorrow",
    back: Annotated[
        str,
        typer.Option(
            "--return",
            metavar="DATE",
            help="The day of the way back, when both are wanted: YYYY-MM-DD, today or tomorrow.",
        ),
    ] = "",
    sort: Annotated[Sort, typer.Option(help="How to order them.")] = Sort.EARLIEST,
    passengers: Annotated[int, typer.Option(min=1, max=9, help="How many travel.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Show flights from one place to another on one day, or there and back."""
    asyncio.run(
        _search(
            load(MeshSettings), _Wanted(origin, destination, day, back, sort, passengers), as_json=as_json
        )
    )


def status(
    flight: Annotated[
        str,
        typer.Argument(
            metavar="FLIGHT|FROM", help="Flight number, for example AI542, or where it leaves from."
        ),
    ],
    destination: Annotated[
        str, typer.Argument(metavar="[TO]", help="Where it goes, when the number isn't known.")
    ] = "",
    day: Annotated[
        str, typer.Option("--date", help="YYYY-MM-DD; today at the departure airport when left out.")
    ] = "",
    near: Annotated[
        str, typer.Option(metavar="HH:MM", help="About when it leaves, of several that go there.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Tell how one flight is doing, or those from one place to another."""
    settings = load(MeshSettings)
    if destination:
        asyncio.run(_route_status(settings, flight, destination, day, near, as_json=as_json))
    elif near:
        raise UsageError("--near chooses among the flights to a place; say which.")
    else:
        asyncio.run(_status(settings, flight, day, as_json=as_json))


@asynccontextmanager
async def _flight_data(settings: MeshSettings) -> AsyncIterator[FlightDataServiceAsyncStub]:
    async with (
        signed_in(settings) as account,
        open_channel(settings.address_of("flightdata"), DESCRIPTOR, tokens=account.token) as channel,
    ):
        yield FlightDataServiceStub(channel)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A search as it was typed."""

    origin: str
    destination: str
    day: str
    back: str
    sort: Sort
    passengers: int


async def _search(settings: MeshSettings, wanted: _Wanted, *, as_json: bool) -> None:
    async with _flight_data(settings) as stub:
        request = await _request(stub, wanted)
        results = flightdata.SearchResults()
        async with streaming(stub.SearchFlights(request)) as responses:
            async for response in responses:
                results.MergeFrom(response.results)
                done = response.done
    if as_json:
        _print_json(*results.itineraries, *results.journeys)
    else:
        _show(request, results, done)


async def _request(stub: FlightDataServiceAsyncStub, wanted: _Wanted) -> flightdata.SearchFlightsRequest:
    leave, go = await places.resolved(stub, wanted.origin), await places.resolved(stub, wanted.destination)
    return flightdata.SearchFlightsRequest(
        origin=leave.code,
        destination=go.code,
        depart_date=parsed_day(wanted.day, _today(leave)),
        return_date=parsed_day(wanted.back, _today(go)) if wanted.back else None,
        sort=flightdata.FlightSort.Value(f"FLIGHT_SORT_{wanted.sort.name}"),
        passengers=wanted.passengers,
    )


def _today(place: flightdata.Place) -> date:
    return datetime.now(ZoneInfo(place.time_zone)).date()


def _show(
    request: flightdata.SearchFlightsRequest, results: flightdata.SearchResults, done: flightdata.SearchDone
) -> None:
    console = Console()
    when, what = f"{_day(request.depart_date):%A, %d %B %Y}", "flights"
    if request.HasField("return_date"):
        when, what = f"{when}, and back on {_day(request.return_date):%A, %d %B %Y}", "ways to go"
    console.print(
        f"\n[bold]{request.origin} → {request.destination}[/]  {when}, {done.total} {what}\n", highlight=False
    )
    if results.journeys:
        console.print(flight_tables.journeys(results.journeys, results.itineraries), highlight=False)
    elif results.itineraries:
        console.print(flight_tables.itineraries(results.itineraries), highlight=False)
    if results.offers:
        console.print()
        console.print(flight_tables.offers(results.offers, results.itineraries), highlight=False)
    if done.provenance.sample:
        console.print(f"\n{flight_tables.SAMPLE}", highlight=False)
    if flightdata.SEARCH_LIMIT_PART in done.limits:
        console.print(f"\n{flight_tables.PARTIAL}", highlight=False)


def _day(of: Date) -> date:
    return date(of.year, of.month, of.day)


async def _status(settings: MeshSettings, number: str, day: str, *, as_json: bool) -> None:
    request = flightdata.GetFlightStatusRequest(flight_number=number.replace(" ", "").upper())
    if day:
        request.date.CopyFrom(parsed_day(day, datetime.now().astimezone().date()))
    async with _flight_data(settings) as stub:
        answer = await stub.GetFlightStatus(request)
    _tell([answer.status, *answer.further_legs], as_json=as_json)


async def _route_status(
    settings: MeshSettings, origin: str, destination: str, day: str, near: str, *, as_json: bool
) -> None:
    async with _flight_data(settings) as stub:
        leave, go = await places.resolved(stub, origin), await places.resolved(stub, destination)
        request = flightdata.ListRouteStatusRequest(
            origin=leave.code,
            destination=go.code,
            date=parsed_day(day, _today(leave)) if day else None,
            near=parsed_time(near) if near else None,
        )
        found = (await stub.ListRouteStatus(request)).statuses
    if not found and not as_json:
        print(f"Nobody is known to fly from {leave.city} to {go.city} that day.")
    _tell(found, as_json=as_json)


def _tell(flights: Sequence[flightdata.FlightStatus], *, as_json: bool) -> None:
    if as_json:
        _print_json(*flights)
        return
    console = Console()
    for flight in flights:
        console.print(flight_tables.status(flight), highlight=False)
    if any(flight.provenance.sample for flight in flights):
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


def parsed_time(words: str) -> TimeOfDay:
    """A time of day as typed.

    Raises:
        UsageError: no clock shows it.
    """
    try:
        moment = time.fromisoformat(words)
    except ValueError:
        raise UsageError(f"{words!r} is no time of day; write HH:MM.") from None
    return TimeOfDay(hours=moment.hour, minutes=moment.minute)


def _print_json(*messages: Message) -> None:
    for message in messages:
        print(json.dumps(MessageToDict(message, preserving_proto_field_name=True), ensure_ascii=False))
