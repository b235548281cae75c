"""`readback doubles`: simulated flight-data vendors, to try the product's live providers without keys."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Annotated

import typer

KEY = "demo"
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doubles)


def doubles(
    aviationstack_port: Port = 8601,
    flightapi_port: Port = 8602,
    older: Annotated[bool, typer.Option(help="Serve FlightAPI.io as it was before November 2025.")] = False,
    monthly: Annotated[int, typer.Option(min=0, help="Monthly budget of calls and credits.")] = 10_000,
) -> None:
    """Serve simulations of AviationStack and FlightAPI.io until Ctrl-C.

    Searches from some airports fail on purpose: from Oslo AviationStack fails and
    FlightAPI.io answers, from Reykjavik both fail. doubles/faults.py and
    doubles/aviationstack/oddities.py list them all.
    """
    asyncio.run(_serve(aviationstack_port, flightapi_port, older=older, monthly=monthly))


async def _serve(aviationstack_port: int, flightapi_port: int, *, older: bool, monthly: int) -> None:
    # Imported here, because these modules load a table of airports that no other command needs.
    from doubles.aviationstack import server as aviationstack
    from doubles.flightapi import server as flightapi
    from doubles.serving import served
    from doubles.world import World
    from mesh.serving.shutdown import stop_event

    stopping = stop_event()
    world = World()
    keys = frozenset({KEY})
    one = aviationstack.AviationStackDouble(world, aviationstack.Terms(keys=keys, monthly=monthly))
    other = flightapi.FlightApiDouble(world, flightapi.Terms(keys=keys, credits=monthly, older=older))
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(served(one.app(), port=aviationstack_port))
        second = await stack.enter_async_context(served(other.app(), port=flightapi_port))
        print("The simulated vendors are running. Start Readback with:\n")
        # The real vendor limits some endpoints to one call a minute; the double doesn't.
        spacing = "READBACK_AVIATIONSTACK_SPACING_SECONDS=0"
        print(f"  export AVIATIONSTACK_API_KEY={KEY} AVIATIONSTACK_BASE_URL={first}/v1 {spacing}")
        print(f"  export FLIGHTAPI_API_KEY={KEY} FLIGHTAPI_BASE_URL={second}\n", flush=True)
        await stopping.wait()
