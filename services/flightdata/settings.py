"""Settings of the flight-data service."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from mesh.settings import MeshSettings
from services.flightdata.caching.freshness import Freshness


class FlightDataSettings(MeshSettings):
    """Settings of the flight-data service, in addition to `MeshSettings`."""

    flightdata_timetable_seed: str = Field(default="readback", min_length=1, max_length=64)
    """Seed of the sample timetable. The same seed gives the same flights on every machine."""
    aviationstack_api_key: str = Field(default="", validation_alias="AVIATIONSTACK_API_KEY", repr=False)
    """Key of AviationStack. With a key of AviationStack or FlightAPI.io the sample timetable is off."""
    aviationstack_base_url: str = Field(
        default="https://api.aviationstack.com/v1", validation_alias="AVIATIONSTACK_BASE_URL"
    )
    """Base URL of AviationStack; its second host is `https://api.apilayer.net/aviationstack/v1`."""
    aviationstack_timeout_seconds: float = Field(default=6.0, gt=0, le=120)
    """Time limit for an answer of AviationStack, after which the next provider is asked."""
    aviationstack_future_first_day: int = Field(default=1, ge=1, le=365)
    """First day ahead with schedules at AviationStack; the vendor has changed it between 1 and 8."""
    aviationstack_future_last_day: int = Field(default=365, ge=1, le=730)
    """Last day ahead with schedules at AviationStack."""
    aviationstack_monthly_calls: int = Field(default=100, ge=0)
    """Calls a month for AviationStack's key (100 on the free plan); 0 sets no limit of our own."""
    aviationstack_spacing_seconds: float = Field(default=60.0, ge=0, le=3600)
    """Seconds between calls of `/timetable`, and of `/flightsFuture`: 60 on the free plan, 10 on others."""
    flightapi_api_key: str = Field(default="", validation_alias="FLIGHTAPI_API_KEY", repr=False)
    """Key of FlightAPI.io, which is asked after AviationStack and has prices."""
    flightapi_base_url: str = Field(default="https://api.flightapi.io", validation_alias="FLIGHTAPI_BASE_URL")
    """Base URL of FlightAPI.io."""
    flightapi_timeout_seconds: float = Field(default=35.0, gt=0, le=120)
    """Time limit for an answer of FlightAPI.io, whose searches take 8 to 45 seconds."""
    flightapi_monthly_credits: int = Field(default=30_000, ge=0)
    """Credits a month for FlightAPI.io's key (30,000 on the smallest plan, 2 a search); 0 sets no limit."""
    flightdata_hedge_seconds: float = Field(default=2.5, gt=0, le=120)
    """Time after which a second provider is asked too, if its budget allows."""
    flightdata_status_fresh_seconds: float = Field(default=45.0, ge=0, le=3600)
    """Seconds for which a status is fresh; it is served up to three times as long during a refresh."""
    flightdata_search_fresh_seconds: float = Field(default=600.0, ge=0, le=86_400)
    """Seconds for which the flights and prices of a search are fresh; stale answers are served as above."""
    flightdata_schedule_fresh_seconds: float = Field(default=21_600.0, ge=0, le=604_800)
    """Seconds for which the schedule of a route or an airport is fresh; stale answers are served as above."""

    @property
    def freshness(self) -> Freshness:
        """Time for which each kind of answer is fresh."""
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
