"""Failures of a provider. Provider adapters raise only these errors and `FlightNotFound`.

DomainError
└── ProviderError
    ├── ProviderUnavailable      unreachable, too slow, disconnected, or down
    ├── ProviderRateLimited      too many requests; `retry_after` is known
    ├── ProviderQuotaExhausted   the budget is used up; the time of its renewal is known
    ├── ProviderRestricted       the key's plan or the provider doesn't support the request
    ├── ProviderRejected         the vendor refuses the key; no more calls with this key
    └── ProviderBadAnswer        the response doesn't match the documentation

An unknown flight (`FlightNotFound`) and an empty result are answers, not failures. No message contains
text from a URL, because the URLs of both vendors contain the key.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from mesh.errors import DomainError


class Problem(Enum):
    """Kind of a failure, used in progress events, metrics and health."""

    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate limited"
    QUOTA_EXHAUSTED = "quota exhausted"
    RESTRICTED = "restricted"
    REJECTED = "rejected"
    BAD_ANSWER = "bad answer"


class ProviderError(DomainError):
    """A failure of a provider. `provider` is its name; `detail` is the cause, without secrets."""

    problem = Problem.UNAVAILABLE

    def __init__(self, provider: str, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{provider}: {detail}", metadata={"provider": provider}, retry_after=retry_after)
        self.provider = provider
        self.detail = detail


class ProviderUnavailable(ProviderError):
    """The provider is unreachable, too slow or down, or it disconnected."""


class ProviderRateLimited(ProviderError):
    """The provider received too many requests. `retry_after` is the time to wait.

    `by_vendor` is True if the vendor refused a request, False if our own limit prevented it.
    """

    problem = Problem.RATE_LIMITED

    def __init__(self, provider: str, detail: str, *, retry_after: timedelta, by_vendor: bool = True) -> None:
        super().__init__(provider, detail, retry_after=retry_after)
        self.by_vendor = by_vendor


class ProviderQuotaExhausted(ProviderError):
    """The key's budget is used up. `until` (UTC) is the time of its renewal.

    `by_vendor` is True if the vendor refused a request, False if our own budget prevented it.
    """

    problem = Problem.QUOTA_EXHAUSTED

    def __init__(self, provider: str, detail: str, *, until: datetime, by_vendor: bool = True) -> None:
        super().__init__(provider, detail)
        self.until = until
        self.by_vendor = by_vendor


class ProviderRestricted(ProviderError):
    """The key's plan or the provider doesn't support `feature` (an endpoint or one of its parameters).

    If `detail` is empty, the plan excludes the feature for all requests. Otherwise only this request is
    unsupported, for the reason in `detail`.
    """

    problem = Problem.RESTRICTED

    def __init__(self, provider: str, feature: str, detail: str = "") -> None:
        super().__init__(provider, detail or f"{feature} isn't included in this key's plan")
        self.feature = feature
        self.is_about_the_plan = not detail


class ProviderRejected(ProviderError):
    """The vendor refuses the key. The provider is disabled, so no more requests are sent with this key."""

    problem = Problem.REJECTED


class ProviderBadAnswer(ProviderError):
    """The response is neither in the documented format nor a known error."""

    problem = Problem.BAD_ANSWER
