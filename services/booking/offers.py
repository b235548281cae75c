"""Offers of flight data at their current price, over its contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import grpc
from readback.flightdata.v1.flights_pb2 import RepriceOfferRequest, RepriceOfferResponse

from mesh.errors import DomainError, metadata_of, reason_of
from mesh.security.authentication import bearer
from services.booking.errors import OfferExpired, OfferGone, OfferNotFound

if TYPE_CHECKING:
    from readback.flightdata.v1.flightdata_service_pb2_grpc import FlightDataServiceAsyncStub

_ERRORS: Mapping[str, Callable[[Mapping[str, str]], DomainError]] = {
    "OFFER_NOT_FOUND": lambda _: OfferNotFound(),
    "OFFER_EXPIRED": OfferExpired,
    "OFFER_GONE": lambda _: OfferGone(),
    "FLIGHTS_RESTRICTED": lambda _: OfferGone(),
}
"""Error for each reason of flight data. Other errors are the mesh's, or unexpected."""


class Offers(Protocol):
    """The offers of flight data."""

    async def reprice(self, offer_id: str, token: str) -> RepriceOfferResponse:
        """Return an offer at its current price, asked for with the caller's own token.

        Raises:
            OfferNotFound, OfferExpired, OfferGone: it can't be had.
            grpc.aio.AioRpcError: flight data can't answer.
        """
        ...


class FlightDataOffers:
    """`Offers` of the flight-data service."""

    def __init__(self, flightdata: FlightDataServiceAsyncStub) -> None:
        self._flightdata = flightdata

    async def reprice(self, offer_id: str, token: str) -> RepriceOfferResponse:
        """Return an offer at its current price."""
        try:
            request = RepriceOfferRequest(offer_id=offer_id)
            return await self._flightdata.RepriceOffer(request, metadata=bearer(token))
        except grpc.aio.AioRpcError as error:
            if make := _ERRORS.get(reason_of(error) or ""):
                raise make(metadata_of(error)) from None
            raise
