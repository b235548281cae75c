"""Providers and how they have been doing, as the contract's messages."""

from __future__ import annotations

from datetime import datetime

from readback.flightdata.v1 import flightdata_service_pb2 as pb

from services.flightdata.providers.health import ProviderHealth
from services.flightdata.providers.protocol import FlightProvider
from services.flightdata.wire.messages import PROBLEMS
from services.flightdata.wire.values import timestamp


def provider(of: FlightProvider, health: ProviderHealth, now: datetime) -> pb.Provider:
    """A source of flights, as it is now."""
    error = health.last_error
    return pb.Provider(
        name=of.name,
        sample=of.is_sample,
        capabilities=sorted(capability.value for capability in of.capabilities()),
        off=health.disabled(now) is not None,
        last_success_time=timestamp(health.last_success) if health.last_success else None,
        last_failure_time=timestamp(health.last_failure) if health.last_failure else None,
        last_problem=PROBLEMS[error.problem if error else None],
        last_error=error.detail if error else "",
        budget_left=health.remaining.left if health.remaining else 0,
        budget=health.remaining.of if health.remaining else 0,
        resting_capabilities=sorted(
            capability.value for capability, breaker in health.breakers.items() if breaker.is_open
        ),
    )
