"""Routes as the contract's messages."""

from __future__ import annotations

from datetime import datetime

from readback.flightdata.v1 import flightdata_service_pb2 as pb

from services.flightdata.status.routes import Route, Service
from services.flightdata.wire import values as values
from services.flightdata.wire.messages import provenance


def route(of: Route, now: datetime) -> pb.Route:
    """A route."""
    return pb.Route(
        origin_airport_code=of.origin.code,
        destination_airport_code=of.destination.code,
        origin_time_zone=of.origin.zone,
        destination_time_zone=of.destination.zone,
        distance_km=round(of.kilometres),
        block_time=values.duration(of.block),
        clocks_ahead=values.duration(of.ahead),
        service=_service(of.service, now) if of.service else None,
    )


def _service(of: Service, now: datetime) -> pb.RouteService:
    return pb.RouteService(
        date=values.day(of.day),
        nonstop=bool(of.carriers),
        carriers=[
            pb.RouteCarrier(carrier_code=c.code, carrier=c.name, flights=c.flights) for c in of.carriers
        ],
        provenance=provenance(of.provenance, now),
    )
