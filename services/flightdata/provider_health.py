"""How a provider has been doing: what went wrong last, and whether asking it again makes sense yet. Replicas tell each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mesh.clock import Clock
from services.flightdata.breaker import Breaker
from services.flightdata.budgets import Meter, Remaining
from services.flightdata.provider_errors import (
    ProviderBadAnswer,
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
)
from services.flightdata.providers import Capability
from services.flightdata.shared.note import SharedNote

REMEMBERED = timedelta(days=1)
"""How long replicas, and the next process, know of it: a refused key may have been put right where it was bought."""
_SICK = (ProviderUnavailable, ProviderBadAnswer)


class ProviderHealth:
    """What is known of one provider. Without a `note` only this process knows; without a `meter` nothing is counted."""

    def __init__(self, provider: str, clock: Clock, note: SharedNote | None = None, meter: Meter | None = None) -> None:
        self._provider, self._clock, self._note, self._meter = provider, clock, note, meter
        self.last_success: datetime | None = None
        self.last_failure: datetime | None = None
        self.last_error: ProviderError | None = None
        self.remaining: Remaining | None = None
        self._off: ProviderError | None = None
        self._waits: dict[Capability, ProviderRateLimited] = {}
        self._waits_until: dict[Capability, datetime] = {}
        self.breakers: defaultdict[Capability, Breaker] = defaultdict(Breaker)

    async def hear(self) -> None:
        """Learns what is left of the budget, and what other replicas have met."""
        self.remaining = await self._meter.remaining() if self._meter else None
        written = await self._note.read() if self._note else None
        if written:
            self._believe(written)

    def refusal(self, capability: Capability, *, last_resort: bool = False) -> ProviderError | None:
        """The error that asking would most likely end in; None when it may be asked. Each question counts: call it once."""
        if error := self.off(self._clock.now()) or self._wait(capability):
            return error
        if self.breakers[capability].admits(self._clock.now(), last_resort=last_resort):
            return None
        rests = self.breakers[capability].rests_until
        wait = max(timedelta(seconds=1), rests - self._clock.now()) if rests else None
        return ProviderUnavailable(self._provider, "has failed too often and is left alone for a while", retry_after=wait)

    def off(self, now: datetime) -> ProviderError | None:
        """Why it isn't asked for anything at all, by the vendor's word or because nothing is left to spend; None when it is."""
        if isinstance(self._off, ProviderQuotaExhausted) and self._off.until <= now:
            self._off = None
        if self._off is None and self._meter and self.remaining and not self.remaining.left:
            return self._meter.used_up()
        return self._off

    async def succeeded(self, capability: Capability) -> None:
        """It answered."""
        now = self._clock.now()
        self.last_success = now
        was_off, self._off = self._off, None
        if self.breakers[capability].succeeded(now) or was_off:
            await self._tell()

    async def overtaken(self, capability: Capability) -> None:
        """Another one that was asked later answered sooner; nobody waited to hear whether it would have."""
        if self.breakers[capability].failed(self._clock.now(), overtaken=True):
            await self._tell()

    async def failed(self, capability: Capability, error: ProviderError) -> None:
        """It failed. A key that the vendor refuses or calls used up is not tried again before something changes.

        That our own budget doesn't hold a call is nothing to remember: a cheaper one may fit, and the budget be larger after a restart.
        """
        now = self._clock.now()
        self.last_failure, self.last_error = now, error
        news = False
        if isinstance(error, ProviderRejected) or (isinstance(error, ProviderQuotaExhausted) and error.told):
            self._off, news = error, True
        elif isinstance(error, ProviderRateLimited) and error.told and error.retry_after:
            self._waits[capability], self._waits_until[capability] = error, now + error.retry_after
        elif isinstance(error, _SICK):
            news = self.breakers[capability].failed(now)
        if news:
            await self._tell()

    def _wait(self, capability: Capability) -> ProviderRateLimited | None:
        until, now = self._waits_until.get(capability), self._clock.now()
        if until is None or until <= now:
            return None
        return ProviderRateLimited(self._provider, self._waits[capability].detail, retry_after=until - now)

    async def _tell(self) -> None:
        if self._note is None:
            return
        off = self._off
        await self._note.write(
            {
                "off": type(off).__name__ if off else "",
                "detail": off.detail if off else "",
                "until": off.until.isoformat() if isinstance(off, ProviderQuotaExhausted) else "",
                "breakers": {
                    capability.value: [breaker.rests_until.isoformat() if breaker.rests_until else "", breaker.changed.isoformat()]
                    for capability, breaker in self.breakers.items()
                    if breaker.changed
                },
            }
        )

    def _believe(self, written: Mapping[str, Any]) -> None:
        try:
            self._off = self._off_as_written(written)
            for name, (rests_until, changed) in written["breakers"].items():
                resting = datetime.fromisoformat(rests_until) if rests_until else None
                self.breakers[Capability(name)].hear(resting, datetime.fromisoformat(changed))
        except (KeyError, ValueError, TypeError, AttributeError):
            # Of another version, or spoiled: found out anew.
            return

    def _off_as_written(self, written: Mapping[str, Any]) -> ProviderError | None:
        match written["off"]:
            case "ProviderRejected":
                return ProviderRejected(self._provider, str(written["detail"]))
            case "ProviderQuotaExhausted":
                return ProviderQuotaExhausted(self._provider, str(written["detail"]), until=datetime.fromisoformat(written["until"]))
        return None
