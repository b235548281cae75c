"""Spoken consent: the log of the call, read by the conversation service and judged by `consent`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import TYPE_CHECKING

import grpc
from readback.booking.v1.quotes_pb2 import LocalizedText
from readback.internal.conversation.v1.consent_evidence_service_pb2 import (
    GetConsentEvidenceRequest,
    GetConsentEvidenceResponse,
)

import consent.decision as judged
from consent.evidence import QuoteToConfirm, evidence_of
from consent.grammar import Subject
from mesh.security.authentication import bearer
from mesh.security.workload_identity import WorkloadIdentity
from services.booking.consent import Decision, Verdict, facts
from services.booking.errors import ConsentUnavailable
from services.booking.model.records import Quote
from services.booking.model.states import QuoteKind

if TYPE_CHECKING:
    from readback.internal.conversation.v1.consent_evidence_service_pb2_grpc import (
        ConsentEvidenceServiceAsyncStub,
    )

_SUBJECTS: Mapping[QuoteKind, Subject] = {
    QuoteKind.BOOKING: Subject.BOOK,
    QuoteKind.CANCELLATION: Subject.CANCEL,
    QuoteKind.CHANGE: Subject.CHANGE,
}


class TranscriptEvidence:
    """`ConsentEvidence` from the conversation service."""

    def __init__(self, log: ConsentEvidenceServiceAsyncStub, workload: WorkloadIdentity) -> None:
        self._log, self._workload = log, workload

    async def decide(self, quote: Quote, call_id: str) -> Decision:
        """Return the decision about the consent to a quote, from one consistent read of the log.

        Raises:
            ConsentUnavailable: the log can't be read.
        """
        request = GetConsentEvidenceRequest(
            customer_id=quote.customer_id, call_id=call_id, quote_digest=quote.digest
        )
        try:
            token = await self._workload.own_token()
            found = await self._log.GetConsentEvidence(request, metadata=bearer(token))
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return Decision(Verdict.REFUSED, "no_call")
            raise ConsentUnavailable from error
        read_back = _spoken(quote, found)
        if read_back is None:
            return Decision(Verdict.REFUSED, judged.Verdict.READ_BACK)
        subject = _SUBJECTS[quote.kind]
        asked = QuoteToConfirm(quote.digest, read_back.text, read_back.locale, subject)
        decided = judged.decide_consent(evidence_of(found, asked), found.read_time.ToDatetime(UTC))
        return _decision(decided, call_id, read_back.locale)


def _spoken(quote: Quote, found: GetConsentEvidenceResponse) -> LocalizedText | None:
    """Return the read-back of the quote that the agent spoke; None if it spoke none word for word."""
    words = found.readback.utterance.text.split()
    return next((text for text in quote.terms.read_backs if text.text.split() == words), None)


def _decision(decided: judged.Decision, call_id: str, locale: str) -> Decision:
    question, reply, reading = decided.question, decided.reply, decided.reading
    if decided.verdict is judged.Verdict.WAIT:
        verdict = Verdict.SETTLING if reply is not None else Verdict.SPEAKING
        return Decision(verdict, decided.verdict)
    if decided.verdict is not judged.Verdict.CONSENT or not (question and reply and reading):
        return Decision(Verdict.REFUSED, decided.verdict)
    found = facts(
        "spoken",
        call_id=call_id,
        locale=locale,
        question_entry=question.number,
        reply_entry=reply.number,
        reply_start=reply.start.isoformat(),
        matched=reading.matched,
    )
    return Decision(Verdict.AFFIRMED, facts=found)
