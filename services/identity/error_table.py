"""How the domain's errors look on the wire."""

from __future__ import annotations

import grpc

from mesh.errors import ErrorTable
from services.identity import errors

ERRORS: ErrorTable = {
    errors.EmailTaken: (grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_EMAIL_TAKEN"),
    errors.WeakPassword: (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_WEAK_PASSWORD"),
    errors.WrongCredentials: (grpc.StatusCode.UNAUTHENTICATED, "ERROR_REASON_WRONG_CREDENTIALS"),
    errors.TooManyAttempts: (grpc.StatusCode.RESOURCE_EXHAUSTED, "ERROR_REASON_TOO_MANY_ATTEMPTS"),
    errors.SessionEnded: (grpc.StatusCode.UNAUTHENTICATED, "ERROR_REASON_SESSION_ENDED"),
    errors.RefreshTokenReused: (grpc.StatusCode.UNAUTHENTICATED, "ERROR_REASON_REFRESH_TOKEN_REUSED"),
    errors.UnknownActor: (grpc.StatusCode.UNAUTHENTICATED, "ERROR_REASON_UNKNOWN_ACTOR"),
    errors.GrantEnded: (grpc.StatusCode.UNAUTHENTICATED, "ERROR_REASON_GRANT_ENDED"),
    errors.CustomerNotFound: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_CUSTOMER_NOT_FOUND"),
}
