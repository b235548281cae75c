"""How a provider of flights can fail. Every failure of an adapter is one of these; nothing else leaves it.

DomainError
└── ProviderError
    ├── ProviderUnavailable      can't be reached, too slow, broken off, or down
    ├── ProviderRateLimited      asked too often; says when it may be asked again
    ├── ProviderQuotaExhausted   the budget is used up until a day
    ├── ProviderRestricted       the key's plan, or the provider itself, doesn't do this
    ├── ProviderRejected         the key is refused: off until the configuration changes
    └── ProviderBadAnswer        it answered, and not as documented

A flight that a provider doesn't know is `FlightNotFound`, and flights it hasn't are an empty answer: both are answers. No message
holds anything that came from a URL, since both vendors carry their key there.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from mesh.errors import DomainError


class Problem(Enum):
    """What kind of failure it was, for progress, metrics and health."""

    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate limited"
    QUOTA_EXHAUSTED = "quota exhausted"
    RESTRICTED = "restricted"
    REJECTED = "rejected"
    BAD_ANSWER = "bad answer"


class ProviderError(DomainError):
    """A provider failed. `provider` is its name, `detail` what happened, without secrets."""

    problem = Problem.UNAVAILABLE

    def __init__(self, provider: str, detail: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{provider}: {detail}", metadata={"provider": provider}, retry_after=retry_after)
        self.provider = provider
        self.detail = detail


class ProviderUnavailable(ProviderError):
    """It can't be reached, took too long, broke off, or says it is down."""


class ProviderRateLimited(ProviderError):
    """It was asked too often; `retry_after` says when it may be asked again, and `told` whether it said so itself or we didn't ask."""

    problem = Problem.RATE_LIMITED

    def __init__(self, provider: str, detail: str, *, retry_after: timedelta, told: bool = True) -> None:
        super().__init__(provider, detail, retry_after=retry_after)
        self.told = told


class ProviderQuotaExhausted(ProviderError):
    """What the key may ask is used up until `until` (UTC); `told` whether the vendor said so, or our own budget doesn't hold a call."""

    problem = Problem.QUOTA_EXHAUSTED

    def __init__(self, provider: str, detail: str, *, until: datetime, told: bool = True) -> None:
        super().__init__(provider, detail)
        self.until = until
        self.told = told


class ProviderRestricted(ProviderError):
    """The key's plan or the provider itself doesn't do `feature` (an endpoint or a parameter of one).

    Without a `detail` it is the plan that refuses, which is worth remembering; with one it is this request.
    """

    problem = Problem.RESTRICTED

    def __init__(self, provider: str, feature: str, detail: str = "") -> None:
        super().__init__(provider, detail or f"{feature} isn't part of what this key may ask")
        self.feature = feature
        self.is_about_the_plan = not detail


class ProviderRejected(ProviderError):
    """The key is refused; nobody is asked again until the configuration changes."""

    problem = Problem.REJECTED


class ProviderBadAnswer(ProviderError):
    """It answered, and neither as documented nor with an error we know."""

    problem = Problem.BAD_ANSWER
