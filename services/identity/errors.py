"""Errors of identity, and their gRPC codes and reasons.

DomainError
├── EmailTaken
├── WeakPassword
├── WrongCredentials        doesn't tell whether the address or the password is wrong
├── WrongPassword           of the signed-in customer
├── TooManyAttempts         has the time until the next attempt
│   └── TooManyRegistrations
├── SessionEnded
│   └── RefreshTokenReused  another party may have the token
├── SessionNotFound         also if it belongs to another customer
├── UnknownActor            the reason is logged, not sent
├── GrantEnded
└── CustomerNotFound
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import grpc

from mesh.errors import DomainError, ErrorTable


class EmailTaken(DomainError):
    """The e-mail address already has an account."""

    text = "This e-mail address already has an account; sign in instead."


class WeakPassword(DomainError):
    """The password is too easy to guess, too short or too long."""

    def __init__(
        self, problem: Literal["short", "long", "repetitive", "common", "personal"], advice: str
    ) -> None:
        super().__init__(advice, metadata={"problem": problem}, field="password")


class WrongCredentials(DomainError):
    """E-mail address and password don't match."""

    text = "The e-mail address or the password is wrong."
    security_event = "wrong credentials"


class WrongPassword(DomainError):
    """The password of the signed-in customer is wrong. `field` is the field with the password."""

    text = "The password is wrong."
    security_event = "wrong password"


class TooManyAttempts(DomainError):
    """The source of the request must wait before its next attempt, even with the right password."""

    text = "Too many failed attempts; wait a moment and try again."
    security_event = "sign-in throttled"

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(retry_after=retry_after)


class TooManyRegistrations(TooManyAttempts):
    """The source of the request has registered too many accounts."""

    text = "Too many accounts were created from your network; wait a few minutes and try again."
    security_event = "registration throttled"


class SessionEnded(DomainError):
    """The session has ended, or never existed."""

    text = "The session has ended; sign in again."


class RefreshTokenReused(SessionEnded):
    """A spent refresh token was used. Two parties may have the session, so it was ended."""

    text = "This refresh token was used before, so the session was ended for safety; sign in again."
    security_event = "refresh token reused"

    def __init__(self, session_id: str, customer_id: str) -> None:
        super().__init__()
        self.logged = {"session": session_id, "customer": customer_id}


class SessionNotFound(DomainError):
    """The customer has no such session."""

    text = "There is no such session."


class UnknownActor(DomainError):
    """The assertion doesn't prove its sender's identity.

    `problem` is only logged, because it would help an attacker to forge assertions.
    """

    text = "The assertion does not prove a known service; check its key and clock."
    security_event = "assertion refused"

    def __init__(self, problem: str) -> None:
        super().__init__()
        self.logged = {"problem": problem}


class GrantEnded(DomainError):
    """The grant is unknown, expired or revoked."""

    text = "The grant for this call has ended; the customer must start a new call."


class CustomerNotFound(DomainError):
    """The customer of the token no longer exists."""

    text = "This account no longer exists."


ERRORS: ErrorTable = {
    EmailTaken: (grpc.StatusCode.ALREADY_EXISTS, "EMAIL_TAKEN"),
    WeakPassword: (grpc.StatusCode.INVALID_ARGUMENT, "WEAK_PASSWORD"),
    WrongCredentials: (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS"),
    WrongPassword: (grpc.StatusCode.INVALID_ARGUMENT, "WRONG_PASSWORD"),
    TooManyAttempts: (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_ATTEMPTS"),
    SessionEnded: (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED"),
    RefreshTokenReused: (grpc.StatusCode.UNAUTHENTICATED, "REFRESH_TOKEN_REUSED"),
    SessionNotFound: (grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND"),
    UnknownActor: (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_ACTOR"),
    GrantEnded: (grpc.StatusCode.UNAUTHENTICATED, "GRANT_ENDED"),
    CustomerNotFound: (grpc.StatusCode.NOT_FOUND, "CUSTOMER_NOT_FOUND"),
}
"""gRPC code and reason of each error. A new reason also goes into `ErrorReason` of the contracts."""
