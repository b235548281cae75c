"""`readback flights search` and `readback flights status`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2, flights_pb2, places_pb2
from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceStub
from rich.console import Console

from cli.account.acting_account import acting_account
from cli.arguments import parse_day, parse_place, parse_time
from cli.errors import UsageError
from cli.rendering import flight_tables
from cli.rendering.any_encoding import print_json
from mesh.calling.channel import open_channel, streaming
from mesh.settings import MeshSettings, load

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

DESCRIPTOR = flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"]


class Sort(StrEnum):
    """Order in which flights are listed."""

    EARLIEST = "earliest"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    LATEST = "latest"


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    flights = typer.Typer(help="Search flights and show their status.", no_args_is_help=True)
    flights.command()(search)
    flights.command()(status)
    app.add_typer(flights, name="flights")


def search(
    origin: Annotated[str, typer.Argument(metavar="FROM", help="Place of departure: a code or a name.")],
    destination: Annotated[str, typer.Argument(metavar="TO", help="Place of arrival: a code or a name.")],
    day: Annotated[
        str, typer.Option("--date", help="YYYY-MM-DD, today or tomorrow, in local time of departure.")
    ] = "tomorrow",
    return_day: Annotated[
        str, typer.Option("--return", metavar="DATE", help="Day of the return flight, for a round trip.")
    ] = "",
    sort: Annotated[Sort, typer.Option(help="Order of the flights.")] = Sort.EARLIEST,
    adults: Annotated[int, typer.Option(min=1, max=9, help="Number of adults.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Search flights on one day, or round trips."""
    request = flights_pb2.SearchFlightsRequest(
        sort=flights_pb2.FlightSort.Value(f"FLIGHT_SORT_{sort.name}"), adults=adults
    )
    asyncio.run(_search(request, origin, destination, day, return_day, as_json=as_json))


def status(
    flight: Annotated[
        str,
        typer.Argument(
            metavar="FLIGHT|FROM", help="Flight number, for example AI542, or place of departure."
        ),
    ],
    destination: Annotated[
        str, typer.Argument(metavar="[TO]", help="Place of arrival, if you don't know the number.")
    ] = "",
    day: Annotated[
        str,
        typer.Option(
            "--date", help="YYYY-MM-DD, today or tomorrow. Default: today, at the departure airport."
        ),
    ] = "",
    near: Annotated[
        str, typer.Option(metavar="HH:MM", help="Approximate departure time, to order several flights.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show the status of one flight, or of the flights between two places."""
    if destination.isdecimal():  # a flight number with a space, such as AI 542
        flight, destination = f"{flight} {destination}", ""
    if destination:
        asyncio.run(_route_status(flight, destination, day, near, as_json=as_json))
    elif near:
        raise UsageError("--near needs two places; write FROM and TO instead of a flight number.")
    else:
        asyncio.run(_status(flight, day, as_json=as_json))


@asynccontextmanager
async def _flight_data() -> AsyncIterator[FlightDataServiceAsyncStub]:
    settings = load(MeshSettings)
    async with (
        acting_account(settings) as account,
        open_channel(settings.address_of("flightdata"), DESCRIPTOR, tokens=account.token) as channel,
    ):
        yield FlightDataServiceStub(channel)


async def _search(
    request: flights_pb2.SearchFlightsRequest,
    origin: str,
    destination: str,
    day: str,
    return_day: str,
    *,
    as_json: bool,
) -> None:
    results = flights_pb2.SearchResults()
    async with _flight_data() as stub:
        start, end = await parse_place(stub, origin), await parse_place(stub, destination)
        request.legs.append(_leg(start, end, day))
        if return_day:
            request.legs.append(_leg(end, start, return_day))
        async with streaming(stub.SearchFlights(request)) as responses:
            async for response in responses:
                results.MergeFrom(response.results)
                done = response.done
    if as_json:
        _print_json(*results.itineraries, *results.journeys)
    else:
        _print_results(request, results, done)


def _leg(origin: places_pb2.Place, destination: places_pb2.Place, day: str) -> flights_pb2.SearchLeg:
    return flights_pb2.SearchLeg(
        origin=origin.code,
        origin_kind=origin.kind,
        destination=destination.code,
        destination_kind=destination.kind,
        departure_date=_date(parse_day(day, _today(origin))),
    )


def _today(place: places_pb2.Place) -> date:
    return datetime.now(ZoneInfo(place.time_zone)).date()


def _date(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def _weekday(day: Date) -> str:
    return f"{date(day.year, day.month, day.day):%A, %d %B %Y}"


def _print_results(
    request: flights_pb2.SearchFlightsRequest,
    results: flights_pb2.SearchResults,
    done: flights_pb2.SearchDone,
) -> None:
    console = Console()
    out, *back = request.legs
    when, what = _weekday(out.departure_date), "flights"
    if back:
        when, what = f"{when}, and back on {_weekday(back[0].departure_date)}", "round trips"
    title = f"\n[bold]{out.origin} → {out.destination}[/]  {when}, {done.result_count} {what}\n"
    console.print(title, highlight=False)
    if results.journeys:
        console.print(flight_tables.journeys(results.journeys, results.itineraries), highlight=False)
    elif results.itineraries:
        console.print(flight_tables.itineraries(results.itineraries), highlight=False)
    if results.offers:
        console.print()
        console.print(flight_tables.offers(results.offers, results.itineraries), highlight=False)
    if any(source.sample for source in done.provenances):
        console.print(f"\n{flight_tables.SAMPLE_NOTICE}", highlight=False)
    if flights_pb2.SEARCH_LIMIT_PART in done.limits:
        console.print(f"\n{flight_tables.PARTIAL_NOTICE}", highlight=False)


async def _status(number: str, day: str, *, as_json: bool) -> None:
    request = flight_status_pb2.GetFlightStatusRequest(flight_number=number)
    if day:
        request.departure_date.CopyFrom(_date(parse_day(day, datetime.now().astimezone().date())))
    async with _flight_data() as stub:
        answer = await stub.GetFlightStatus(request)
    _print_statuses(answer.statuses, as_json=as_json)


async def _route_status(origin: str, destination: str, day: str, near: str, *, as_json: bool) -> None:
    async with _flight_data() as stub:
        start, end = await parse_place(stub, origin), await parse_place(stub, destination)
        request = flight_status_pb2.ListRouteFlightStatusesRequest(
            origin=start.code, origin_kind=start.kind, destination=end.code, destination_kind=end.kind
        )
        if day:
            request.departure_date.CopyFrom(_date(parse_day(day, _today(start))))
        if near:
            time = parse_time(near)
            request.near_time.CopyFrom(TimeOfDay(hours=time.hour, minutes=time.minute))
        found = (await stub.ListRouteFlightStatuses(request)).statuses
    if not found and not as_json:
        print(f"No known flight from {start.city} to {end.city} on that day.")
    _print_statuses(found, as_json=as_json)


def _print_statuses(flights: Sequence[flight_status_pb2.FlightStatus], *, as_json: bool) -> None:
    if as_json:
        _print_json(*flights)
        return
    console = Console()
    for flight in flights:
        console.print(flight_tables.status(flight), highlight=False)
    if any(flight.provenance.sample for flight in flights):
        console.print(flight_tables.SAMPLE_NOTICE, highlight=False)


def _print_json(*messages: Message) -> None:
    for message in messages:
        print_json(MessageToDict(message, preserving_proto_field_name=True))
