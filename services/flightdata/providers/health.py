"""How a provider has been doing: what went wrong last, and whether asking it again makes sense yet. Replicas tell each other."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from mesh.clock import Clock
from services.flightdata.providers.breaker import Breaker
from services.flightdata.providers.budgets import Meter, Remaining
from services.flightdata.providers.protocol import Capability
from services.flightdata.providers.provider_errors import (
    ProviderBadAnswer,
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
)
from services.flightdata.quota.shared_state import SharedNote

REMEMBERED = timedelta(days=1)
"""How long replicas, and the next process, know of it: a refused key may have been put right where it was bought."""
OFF = "off"
"""The fact that says whether the vendor refuses the key; each capability's breaker has one of its own, by its name."""
_SICK = (ProviderUnavailable, ProviderBadAnswer)


class ProviderHealth:
    """What is known of one provider. Without a `note` only this process knows; without a `meter` nothing is counted."""

    def __init__(
        self, provider: str, clock: Clock, note: SharedNote | None = None, meter: Meter | None = None
    ) -> None:
        self._provider, self._clock, self._note, self._meter = provider, clock, note, meter
        self.last_success: datetime | None = None
        self.last_failure: datetime | None = None
        self.last_error: ProviderError | None = None
        self.remaining: Remaining | None = None
        self._off: ProviderError | None = None
        self._off_changed: datetime | None = None
        self._waits: dict[Capability, ProviderRateLimited] = {}
        self._waits_until: dict[Capability, datetime] = {}
        self.breakers: defaultdict[Capability, Breaker] = defaultdict(Breaker)

    async def hear(self) -> None:
        """Learns what is left of the budget, and what other replicas have met."""
        self.remaining = await self._meter.remaining() if self._meter else None
        for fact, written in (await self._note.read() if self._note else {}).items():
            self._believe(fact, written)

    def refusal(self, capability: Capability, *, last_resort: bool = False) -> ProviderError | None:
        """The error that asking would most likely end in; None when it may be asked. Each question counts: call it once."""
        if error := self.off(self._clock.now()) or self._wait(capability):
            return error
        if self.breakers[capability].admits(self._clock.now(), last_resort=last_resort):
            return None
        return self._resting(capability)

    def foreseen(self, capability: Capability) -> ProviderError | None:
        """What `refusal` would say, without a question being counted."""
        if error := self.off(self._clock.now()) or self._wait(capability):
            return error
        return None if self.breakers[capability].would_admit(self._clock.now()) else self._resting(capability)

    def _resting(self, capability: Capability) -> ProviderUnavailable:
        rests = self.breakers[capability].rests_until
        wait = max(timedelta(seconds=1), rests - self._clock.now()) if rests else None
        return ProviderUnavailable(
            self._provider, "has failed too often and is left alone for a while", retry_after=wait
        )

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
        if self._off:
            await self._turn(None, now)
        if self.breakers[capability].succeeded(now):
            await self._tell(capability)

    async def overtaken(self, capability: Capability) -> None:
        """Another one that was asked later answered sooner; nobody waited to hear whether it would have."""
        if self.breakers[capability].failed(self._clock.now(), overtaken=True):
            await self._tell(capability)

    async def failed(self, capability: Capability, error: ProviderError) -> None:
        """It failed. A key that the vendor refuses or calls used up is not tried again before something changes.

        That our own budget doesn't hold a call is nothing to remember: a cheaper one may fit, and the budget be larger after a restart.
        """
        now = self._clock.now()
        self.last_failure, self.last_error = now, error
        if isinstance(error, ProviderRejected) or (isinstance(error, ProviderQuotaExhausted) and error.told):
            await self._turn(error, now)
        elif isinstance(error, ProviderRateLimited) and error.told and error.retry_after:
            self._waits[capability], self._waits_until[capability] = error, now + error.retry_after
        elif isinstance(error, _SICK) and self.breakers[capability].failed(now):
            await self._tell(capability)

    def _wait(self, capability: Capability) -> ProviderRateLimited | None:
        until, now = self._waits_until.get(capability), self._clock.now()
        if until is None or until <= now:
            return None
        return ProviderRateLimited(self._provider, self._waits[capability].detail, retry_after=until - now)

    async def _turn(self, off: ProviderError | None, now: datetime) -> None:
        """Turns it off for a reason, or on again; for all."""
        self._off, self._off_changed = off, now
        if self._note is None:
            return
        until = off.until if isinstance(off, ProviderQuotaExhausted) else now + REMEMBERED
        why, detail = (type(off).__name__, off.detail) if off else ("", "")
        await self._note.write(
            OFF, {"why": why, "detail": detail, "until": until.isoformat(), "changed": now.isoformat()}
        )

    async def _tell(self, capability: Capability) -> None:
        breaker = self.breakers[capability]
        if self._note is None or breaker.changed is None:
            return
        resting = breaker.rests_until.isoformat() if breaker.rests_until else ""
        await self._note.write(capability.value, [resting, breaker.changed.isoformat()])

    def _believe(self, fact: str, written: Any) -> None:
        """What another replica wrote, if it is newer than what is known here."""
        try:
            if fact == OFF:
                self._believe_off(written)
            else:
                rests_until, changed = written
                resting = datetime.fromisoformat(rests_until) if rests_until else None
                self.breakers[Capability(fact)].hear(resting, datetime.fromisoformat(changed))
        except (KeyError, ValueError, TypeError, AttributeError):
            # Of another version, or spoiled: found out anew.
            return

    def _believe_off(self, written: Any) -> None:
        until, changed = datetime.fromisoformat(written["until"]), datetime.fromisoformat(written["changed"])
        if until <= self._clock.now() or (self._off_changed and changed <= self._off_changed):
            return
        why, detail = written["why"], str(written["detail"])
        off = {
            ProviderRejected.__name__: ProviderRejected(self._provider, detail),
            ProviderQuotaExhausted.__name__: ProviderQuotaExhausted(self._provider, detail, until=until),
        }
        self._off, self._off_changed = off.get(why), changed
