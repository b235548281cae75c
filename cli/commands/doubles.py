"""`readback doubles`: the flight-data vendors as servers of this machine, for trying the product with "real" providers and no keys."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Annotated

import typer

KEY = "demo"
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; any free one when 0.")]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(doubles)


def doubles(
    aviationstack_port: Port = 8601,
    flightapi_port: Port = 8602,
    older: Annotated[bool, typer.Option(help="FlightAPI.io in its shapes before November 2025.")] = False,
    monthly: Annotated[
        int, typer.Option(min=0, help="Calls a month, and credits, before the budget is used up.")
    ] = 10_000,
) -> None:
    """Serve stand-ins of AviationStack and FlightAPI.io until Ctrl-C.

    Journeys that begin at some airports meet with trouble: from Oslo AviationStack fails and FlightAPI.io answers, from Reykjavik
    neither does. doubles/faults.py and doubles/aviationstack/oddities.py list them all.
    """
    asyncio.run(_serve(aviationstack_port, flightapi_port, older=older, monthly=monthly))


async def _serve(aviationstack_port: int, flightapi_port: int, *, older: bool, monthly: int) -> None:
    # Imported here: they read a table of airports, which no other command needs.
    from doubles.aviationstack import server as aviationstack
    from doubles.flightapi import server as flightapi
    from doubles.serving import served
    from doubles.world import World
    from mesh.serving.shutdown import stop_event

    stopping = stop_event()
    world = World()
    one = aviationstack.AviationStackDouble(
        world, aviationstack.Terms(keys=frozenset({KEY}), monthly=monthly)
    )
    other = flightapi.FlightApiDouble(
        world, flightapi.Terms(keys=frozenset({KEY}), credits=monthly, older=older)
    )
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(served(one.app(), port=aviationstack_port))
        second = await stack.enter_async_context(served(other.app(), port=flightapi_port))
        print("The vendors' doubles are up. Start Readback with:\n")
        # The real vendor answers some endpoints once a minute; the double has no such rate to be kept to.
        spacing = "READBACK_AVIATIONSTACK_SPACING_SECONDS=0"
        print(f"  export AVIATIONSTACK_API_KEY={KEY} AVIATIONSTACK_BASE_URL={first}/v1 {spacing}")
        print(f"  export FLIGHTAPI_API_KEY={KEY} FLIGHTAPI_BASE_URL={second}\n", flush=True)
        await stopping.wait()
