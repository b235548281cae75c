"""Settings of the flight-data service."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from mesh.settings import MeshSettings
from services.flightdata.caching.freshness import Freshness


class FlightDataSettings(MeshSettings):
    """What the flight-data service needs to know beside `MeshSettings`."""

    flightdata_timetable_seed: str = Field(default="readback", min_length=1, max_length=64)
    """Seed of the sample timetable: the same seed gives the same flights on every machine."""
    aviationstack_api_key: str = Field(default="", validation_alias="AVIATIONSTACK_API_KEY", repr=False)
    """Key of AviationStack. With it, or that of FlightAPI.io, flights are real and the sample timetable is off."""
    aviationstack_base_url: str = Field(
        default="https://api.aviationstack.com/v1", validation_alias="AVIATIONSTACK_BASE_URL"
    )
    """Where AviationStack is; its second host is `https://api.apilayer.net/aviationstack/v1`."""
    aviationstack_timeout_seconds: float = Field(default=6.0, gt=0, le=120)
    """How long AviationStack may take for an answer before the next provider is asked."""
    aviationstack_future_first_day: int = Field(default=1, ge=1, le=365)
    """First day ahead whose schedules AviationStack tells; the vendor has moved it between 1 and 8."""
    aviationstack_future_last_day: int = Field(default=365, ge=1, le=730)
    """Last day ahead whose schedules AviationStack tells."""
    aviationstack_monthly_calls: int = Field(default=100, ge=0)
    """Calls a month that AviationStack's key may spend (100 on the free plan); 0 counts none and leaves it to the vendor to refuse."""
    aviationstack_spacing_seconds: float = Field(default=60.0, ge=0, le=3600)
    """Seconds between two calls of AviationStack's `/timetable`, and of `/flightsFuture`: 60 on the free plan, 10 on paid ones."""
    flightapi_api_key: str = Field(default="", validation_alias="FLIGHTAPI_API_KEY", repr=False)
    """Key of FlightAPI.io, which is asked after AviationStack and knows prices."""
    flightapi_base_url: str = Field(default="https://api.flightapi.io", validation_alias="FLIGHTAPI_BASE_URL")
    """Where FlightAPI.io is."""
    flightapi_timeout_seconds: float = Field(default=35.0, gt=0, le=120)
    """How long FlightAPI.io may take for an answer; searches take it 8 to 45 seconds."""
    flightapi_monthly_credits: int = Field(default=30_000, ge=0)
    """Credits a month that FlightAPI.io's key may spend (30,000 on the smallest paid plan, a search costs 2); 0 counts none."""
    flightdata_hedge_seconds: float = Field(default=2.5, gt=0, le=120)
    """How long the first provider may take before the next is asked as well, where its budget allows."""
    flightdata_status_fresh_seconds: float = Field(default=45.0, ge=0, le=3600)
    """How long a flight's status is told again without asking; three times as long while it is asked again."""
    flightdata_search_fresh_seconds: float = Field(default=600.0, ge=0, le=86_400)
    """How long a search's flights and prices are told again without asking; three times as long while they are asked for again."""
    flightdata_schedule_fresh_seconds: float = Field(default=21_600.0, ge=0, le=604_800)
    """How long the flights of a route or an airport are told again without asking; three times as long while they are asked for again."""

    @property
    def freshness(self) -> Freshness:
        """How long each kind of answer is told without asking."""
        seconds = (
            self.flightdata_status_fresh_seconds,
            self.flightdata_search_fresh_seconds,
            self.flightdata_schedule_fresh_seconds,
        )
        return Freshness(*(timedelta(seconds=fresh) for fresh in seconds))

    @field_validator("aviationstack_base_url", "flightapi_base_url")
    @classmethod
    def _url(cls, url: str) -> str:
        if not url.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return url

    @field_validator("aviationstack_api_key", "flightapi_api_key")
    @classmethod
    def _key(cls, key: str) -> str:
        if not key.isascii() or not key.isprintable() or key != key.strip():
            raise ValueError("must be the key alone, without spaces around it")
        return key
