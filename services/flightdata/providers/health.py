"""Health of a provider: its last results, and whether requests may be sent now. Replicas share it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from mesh.clock import Clock
from services.flightdata.providers.breaker import Breaker
from services.flightdata.providers.budgets import Meter, Remaining
from services.flightdata.providers.errors import (
    ProviderBadAnswer,
    ProviderError,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderUnavailable,
)
from services.flightdata.providers.protocol import Capability
from services.flightdata.quota.store import SharedState

REMEMBERED = timedelta(days=1)
"""Lifetime of the shared state. Afterwards, a refused key is tried again, as the vendor may accept it now."""
OFF = "off"
"""Name of the fact about a disabled provider. The fact of each breaker has the name of its capability."""
_BREAKING = (ProviderUnavailable, ProviderBadAnswer)


class ProviderHealth:
    """The health of one provider.

    Without `shared`, the state isn't shared with other replicas. Without a `meter`, no budget is known.
    """

    def __init__(
        self, provider: str, clock: Clock, shared: SharedState | None = None, meter: Meter | None = None
    ) -> None:
        self._provider, self._clock, self._shared, self._meter = provider, clock, shared, meter
        self.last_success: datetime | None = None
        self.last_failure: datetime | None = None
        self.last_error: ProviderError | None = None
        self.remaining: Remaining | None = None
        self.breakers: defaultdict[Capability, Breaker] = defaultdict(Breaker)
        self._disabled: ProviderError | None = None
        self._disabled_changed: datetime | None = None
        self._rate_limits: dict[Capability, tuple[ProviderRateLimited, datetime]] = {}

    async def refresh(self) -> None:
        """Read the rest of the budget, and the state shared by other replicas."""
        self.remaining = await self._meter.remaining() if self._meter else None
        for fact, value in (await self._shared.read() if self._shared else {}).items():
            self._merge(fact, value)

    def refusal(self, capability: Capability, *, last_resort: bool = False) -> ProviderError | None:
        """Return the error for a request that shouldn't be sent; None if it may be sent.

        Call this exactly once for each request, because the breaker counts every call as a request.
        """
        if error := self.disabled(self._clock.now()) or self._rate_limit(capability):
            return error
        if self.breakers[capability].admits(self._clock.now(), last_resort=last_resort):
            return None
        return self._resting(capability)

    def would_refuse(self, capability: Capability) -> bool:
        """Return whether `refusal` would return an error. Don't count a request."""
        now = self._clock.now()
        blocked = self.disabled(now) or self._rate_limit(capability)
        return blocked is not None or not self.breakers[capability].would_admit(now)

    def disabled(self, now: datetime) -> ProviderError | None:
        """Return the error of a refused key or a used-up budget; None if the provider is enabled."""
        if isinstance(self._disabled, ProviderQuotaExhausted) and self._disabled.until <= now:
            self._disabled = None
        if self._disabled is None and self._meter and self.remaining and not self.remaining.left:
            return self._meter.used_up()
        return self._disabled

    async def succeeded(self, capability: Capability) -> None:
        """Record a successful request."""
        now = self._clock.now()
        self.last_success = now
        if self._disabled:
            await self._set_disabled(None, now)
        if self.breakers[capability].succeeded(now):
            await self._share_breaker(capability)

    async def overtaken(self, capability: Capability) -> None:
        """Record a slow request: another provider was asked later but answered first."""
        if self.breakers[capability].failed(self._clock.now(), slow=True):
            await self._share_breaker(capability)

    async def failed(self, capability: Capability, error: ProviderError) -> None:
        """Record a failure. Disable the provider if the vendor refuses the key or reports a used-up budget.

        A refusal by our own budget doesn't disable the provider. A cheaper call may still be within the
        budget, and the configured budget may be larger after a restart.
        """
        now = self._clock.now()
        self.last_failure, self.last_error = now, error
        if isinstance(error, ProviderRejected) or (
            isinstance(error, ProviderQuotaExhausted) and error.by_vendor
        ):
            await self._set_disabled(error, now)
        elif isinstance(error, ProviderRateLimited) and error.by_vendor and error.retry_after:
            self._rate_limits[capability] = error, now + error.retry_after
        elif isinstance(error, _BREAKING) and self.breakers[capability].failed(now):
            await self._share_breaker(capability)

    def _rate_limit(self, capability: Capability) -> ProviderRateLimited | None:
        now = self._clock.now()
        error, until = self._rate_limits.get(capability, (None, now))
        if error is None or until <= now:
            return None
        return ProviderRateLimited(self._provider, error.detail, retry_after=until - now)

    def _resting(self, capability: Capability) -> ProviderUnavailable:
        rests = self.breakers[capability].rests_until
        wait = max(timedelta(seconds=1), rests - self._clock.now()) if rests else None
        return ProviderUnavailable(self._provider, "not called: too many recent failures", retry_after=wait)

    async def _set_disabled(self, reason: ProviderError | None, now: datetime) -> None:
        """Disable the provider for all replicas, or enable it again if `reason` is None."""
        self._disabled, self._disabled_changed = reason, now
        if self._shared is None:
            return
        until = reason.until if isinstance(reason, ProviderQuotaExhausted) else now + REMEMBERED
        why, detail = (type(reason).__name__, reason.detail) if reason else ("", "")
        await self._shared.write(
            OFF, {"why": why, "detail": detail, "until": until.isoformat(), "changed": now.isoformat()}
        )

    async def _share_breaker(self, capability: Capability) -> None:
        breaker = self.breakers[capability]
        if self._shared is None or breaker.changed is None:
            return
        rests = breaker.rests_until.isoformat() if breaker.rests_until else ""
        await self._shared.write(capability.value, [rests, breaker.changed.isoformat()])

    def _merge(self, fact: str, value: Any) -> None:
        """Apply another replica's fact if it is newer than this replica's state."""
        try:
            if fact == OFF:
                self._merge_disabled(value)
            else:
                rests, changed = value
                rests_until = datetime.fromisoformat(rests) if rests else None
                self.breakers[Capability(fact)].merge(rests_until, datetime.fromisoformat(changed))
        except (KeyError, ValueError, TypeError, AttributeError):
            # Another release wrote the fact, or it is corrupt. This replica learns it from its own calls.
            return

    def _merge_disabled(self, value: Any) -> None:
        until, changed = datetime.fromisoformat(value["until"]), datetime.fromisoformat(value["changed"])
        if until <= self._clock.now() or (self._disabled_changed and changed <= self._disabled_changed):
            return
        why, detail = value["why"], str(value["detail"])
        reasons = {
            ProviderRejected.__name__: ProviderRejected(self._provider, detail),
            ProviderQuotaExhausted.__name__: ProviderQuotaExhausted(self._provider, detail, until=until),
        }
        self._disabled, self._disabled_changed = reasons.get(why), changed
