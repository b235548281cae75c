"""Consent to a quote: evidence in a call's transcript, or a click in the web app.

A token alone is never consent. Without evidence, everything is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Protocol

from mesh.clock import Clock
from mesh.contracts.page_tokens import PageTokens
from mesh.errors import InvalidPageToken
from services.booking.errors import ConsentRequired
from services.booking.model.records import Quote

CLICK_LIFETIME = timedelta(seconds=60)
"""Time in which a click can be used."""


class Verdict(Enum):
    """Judgement of a transcript."""

    AFFIRMED = auto()
    """The customer said yes to exactly this quote, and has said nothing else since."""
    SETTLING = auto()
    """The customer said yes, and may go on speaking."""
    SPEAKING = auto()
    """The customer is speaking."""
    REFUSED = auto()
    """Anything else."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with its reason, in a word, and the facts that support it."""

    verdict: Verdict
    problem: str = ""
    facts: str = "{}"
    """JSON, for the receipt."""


class ConsentEvidence(Protocol):
    """Judges the transcript of a call."""

    async def decide(self, quote: Quote, call_id: str) -> Decision:
        """Return the decision about the consent to a quote, from one consistent read of the log.

        Raises:
            ConsentUnavailable: the log can't be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Click:
    """A click on a button that names a quote, in a customer's session."""

    customer_id: str
    session_id: str
    quote_id: str
    digest: str

    @property
    def binding(self) -> str:
        """The scope of the proof."""
        return json.dumps(["click", self.customer_id, self.session_id, self.quote_id, self.digest])


class Confirmations:
    """Issues proofs of clicks, and checks them.

    A proof names its quote, so it works once, as a quote does.
    """

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._tokens, self._clock = PageTokens(key), clock

    def issue(self, click: Click) -> tuple[str, datetime]:
        """Return the proof of a click at this moment, and its expiry."""
        expires = self._clock.now() + CLICK_LIFETIME
        return self._tokens.seal(expires.isoformat(), click.binding), expires

    def check(self, proof: str, click: Click) -> str:
        """Return facts about the consent, as JSON.

        Raises:
            ConsentRequired: the proof is missing, expired, or of another quote, session or customer.
        """
        if not proof:
            raise ConsentRequired("none")
        try:
            expires = datetime.fromisoformat(self._tokens.open(proof, click.binding))
        except InvalidPageToken:
            raise ConsentRequired("other_quote_or_session") from None
        if expires <= self._clock.now():
            raise ConsentRequired("expired")
        return facts("click", session_id=click.session_id, click_time=(expires - CLICK_LIFETIME).isoformat())


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller who confirms: the customer in a session, or an agent in one call."""

    customer_id: str
    session_id: str | None
    call_id: str | None
    is_agent: bool


class ConsentGate:
    """Decides whether a caller's confirmation of a quote has the customer's consent."""

    def __init__(self, evidence: ConsentEvidence, confirmations: Confirmations) -> None:
        self._evidence, self._confirmations = evidence, confirmations

    async def require(self, caller: Caller, quote: Quote, proof: str) -> str:
        """Return facts about the consent, as JSON.

        Raises:
            ConsentRequired: there is no consent to exactly this quote.
            ConsentUnavailable: the transcript can't be read.
        """
        if not caller.is_agent:
            click = Click(caller.customer_id, caller.session_id or "", quote.quote_id, quote.digest)
            return self._confirmations.check(proof, click)
        decision = await self.recheck(quote, caller.call_id or "")
        if decision.verdict not in (Verdict.AFFIRMED, Verdict.SETTLING):
            raise ConsentRequired(decision.problem or "none")
        return decision.facts

    async def recheck(self, quote: Quote, call_id: str) -> Decision:
        """Return the decision about a spoken consent as the transcript is now.

        Raises:
            ConsentUnavailable: the transcript can't be read.
        """
        return await self._evidence.decide(quote, call_id)


def facts(kind: str, **values: Any) -> str:
    """Return facts about a consent as JSON."""
    return json.dumps({"kind": kind, **values}, sort_keys=True)
