"""gRPC servicer of the evidence of consent, for the booking service."""
# ruff: noqa: ARG002 -- gRPC passes a context to every method

from __future__ import annotations

from typing import Any

from readback.internal.conversation.v1 import consent_evidence_service_pb2 as pb
from readback.internal.conversation.v1.consent_evidence_service_pb2_grpc import ConsentEvidenceServiceServicer

from mesh.clock import Clock
from services.conversation.calls import calls
from services.conversation.evidence.consent_evidence import evidence
from services.conversation.store import Store

Context = Any  # the generated servicer's context type is generic over messages, which isn't useful here


class ConsentEvidenceServicer(ConsentEvidenceServiceServicer):
    """Servicer of `readback.internal.conversation.v1.ConsentEvidenceService`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def GetConsentEvidence(
        self, request: pb.GetConsentEvidenceRequest, context: Context
    ) -> pb.GetConsentEvidenceResponse:
        """Return the last read-back of a quote in a call, and everything that was said after it."""
        # Before the snapshot, so that the silence until then isn't counted as longer than it was.
        now = self._clock.now()
        async with self._store.reading() as transaction:
            call = await calls.owned(transaction, request.customer_id.lower(), request.call_id)
            return await evidence(transaction, call, request.quote_digest, now)
