"""Settings of the flight-data service."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, field_validator

from mesh.settings import MeshSettings
from services.flightdata.caching.freshness import Freshness
from services.flightdata.quota.allowances import AllowanceLimits


class FlightDataSettings(MeshSettings):
    """Settings of the flight-data service, in addition to `MeshSettings`."""

    flightdata_timetable_seed: str = Field(default="readback", min_length=1, max_length=64)
    """Seed of the sample timetable. The same seed gives the same flights on every machine."""
    aviationstack_api_key: str = Field(default="", validation_alias="AVIATIONSTACK_API_KEY", repr=False)
    """Key of AviationStack. The sample timetable is off if a key of AviationStack or FlightAPI.io is set."""
    aviationstack_base_url: str = Field(
        default="https://api.aviationstack.com/v1", validation_alias="AVIATIONSTACK_BASE_URL"
    )
    """Base URL of AviationStack. The vendor's alternative is `https://api.apilayer.net/aviationstack/v1`."""
    aviationstack_timeout_seconds: float = Field(default=6.0, gt=0, le=120)
    """Time limit for an answer of AviationStack, in seconds. Afterwards, the next provider is asked."""
    aviationstack_future_first_day: int = Field(default=1, ge=1, le=365)
    """First future day with AviationStack schedules, in days from today. The vendor has used 1 to 8."""
    aviationstack_future_last_day: int = Field(default=365, ge=1, le=730)
    """Last future day with AviationStack schedules, in days from today."""
    aviationstack_monthly_calls: int = Field(default=100, ge=0)
    """Maximum AviationStack calls a month (the free plan has 100). 0 means no limit by this service."""
    aviationstack_spacing_seconds: float = Field(default=60.0, ge=0, le=3600)
    """Seconds between calls of `/timetable` or of `/flightsFuture`: 60 on the free plan, else 10."""
    flightapi_api_key: str = Field(default="", validation_alias="FLIGHTAPI_API_KEY", repr=False)
    """Key of FlightAPI.io. This provider has prices. By default, it is asked after AviationStack."""
    flightapi_base_url: str = Field(default="https://api.flightapi.io", validation_alias="FLIGHTAPI_BASE_URL")
    """Base URL of FlightAPI.io."""
    flightapi_timeout_seconds: float = Field(default=35.0, gt=0, le=120)
    """Time limit for an answer of FlightAPI.io, in seconds. Its searches take 8 to 45 seconds."""
    flightapi_monthly_credits: int = Field(default=30_000, ge=0)
    """Maximum FlightAPI.io credits a month (smallest plan: 30,000; a search costs 2). 0 means no limit."""
    flightdata_hedge_seconds: float = Field(default=2.5, gt=0, le=120)
    """Seconds without an answer before a second provider is asked too, if its budget allows."""
    flightdata_status_fresh_seconds: float = Field(default=45.0, ge=0, le=3600)
    """Seconds a flight status is fresh. A stale one is served up to three times this age while refreshing."""
    flightdata_search_fresh_seconds: float = Field(default=600.0, ge=0, le=86_400)
    """Seconds flights and prices of a search are fresh. Stale ones are served as for the flight status."""
    flightdata_schedule_fresh_seconds: float = Field(default=21_600.0, ge=0, le=604_800)
    """Seconds a route's or an airport's schedule is fresh. Stale ones are served as for the flight status."""

    flightdata_customer_daily_lookups: int = Field(default=50, ge=1)
    """Paid lookups that one customer may cause in 24 hours. A search over several days or legs is several
    lookups. Sample flights and cached answers are free."""
    flightdata_customers_daily_lookups: int = Field(default=500, ge=1)
    """Paid lookups that all customers together may cause in 24 hours. 500 a day spend the credits of
    FlightAPI.io's smallest plan in a month; AviationStack's free plan has about three calls a day."""
    flightdata_anonymous_daily_lookups: int = Field(default=0, ge=0)
    """Paid lookups in 24 hours for all MCP callers without a token together. 0 means none."""
    flightdata_anonymous_source_daily_lookups: int = Field(default=5, ge=0)
    """Paid lookups of these in 24 hours for one network address."""

    @property
    def allowances(self) -> AllowanceLimits:
        """Limits of paid lookups by caller."""
        return AllowanceLimits(
            self.flightdata_customer_daily_lookups,
            self.flightdata_customers_daily_lookups,
            self.flightdata_anonymous_daily_lookups,
            self.flightdata_anonymous_source_daily_lookups,
        )

    @property
    def freshness(self) -> Freshness:
        """Durations for which answers are fresh, by kind."""
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
            raise ValueError("must be only the key, in printable ASCII, without spaces around it")
        return key
