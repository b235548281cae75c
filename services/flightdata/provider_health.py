"""How a provider has been doing: what went wrong last, and whether asking it again makes sense yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.flightdata.provider_errors import ProviderError, ProviderQuotaExhausted, ProviderRejected


@dataclass(slots=True)
class ProviderHealth:
    """What is remembered of one provider in this process. `off` is why it isn't asked at all just now."""

    last_success: datetime | None = None
    last_failure: datetime | None = None
    last_error: ProviderError | None = None
    _off: ProviderError | None = None

    def succeeded(self, now: datetime) -> None:
        """It answered."""
        self.last_success = now
        self._off = None

    def failed(self, error: ProviderError, now: datetime) -> None:
        """It failed. A refused key and a used-up budget are not tried again before something changes."""
        self.last_failure, self.last_error = now, error
        if isinstance(error, ProviderRejected | ProviderQuotaExhausted):
            self._off = error

    def off(self, now: datetime) -> ProviderError | None:
        """The error that asking would end in anyway; None when it may be asked."""
        if isinstance(self._off, ProviderQuotaExhausted) and self._off.until <= now:
            self._off = None
        return self._off
