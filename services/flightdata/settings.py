"""Settings of the flight-data service."""

from __future__ import annotations

from pydantic import Field

from mesh.settings import MeshSettings


class FlightDataSettings(MeshSettings):
    """What the flight-data service needs to know beside `MeshSettings`."""

    flightdata_timetable_seed: str = Field(default="readback", min_length=1, max_length=64)
    """Seed of the sample timetable: the same seed gives the same flights on every machine."""
