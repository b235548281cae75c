"""How the domain's errors look on the wire."""

from __future__ import annotations

import grpc

from mesh.errors import ErrorTable, StoreUnavailable
from services.conversation import errors

DOMAIN = "readback.conversation.v1"

ERRORS: ErrorTable = {
    errors.ConversationNotFound: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_CONVERSATION_NOT_FOUND"),
    errors.ConversationEnded: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_CONVERSATION_ENDED"),
    errors.CallNotFound: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_CALL_NOT_FOUND"),
    errors.CallEnded: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_CALL_ENDED"),
    errors.CallRunning: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_CALL_RUNNING"),
    errors.StaleEpoch: (grpc.StatusCode.ABORTED, "ERROR_REASON_STALE_EPOCH"),
    errors.EpochHeld: (grpc.StatusCode.ABORTED, "ERROR_REASON_EPOCH_HELD"),
    errors.EntryConflict: (grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_ENTRY_CONFLICT"),
    errors.CursorInvalid: (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_CURSOR_INVALID"),
    errors.CursorExpired: (grpc.StatusCode.OUT_OF_RANGE, "ERROR_REASON_CURSOR_EXPIRED"),
    errors.WatcherTooSlow: (grpc.StatusCode.RESOURCE_EXHAUSTED, "ERROR_REASON_WATCHER_TOO_SLOW"),
    errors.RecordOutOfOrder: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_RECORD_OUT_OF_ORDER"),
    StoreUnavailable: (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_STORE_UNAVAILABLE"),
}
