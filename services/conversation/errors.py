"""Errors of the conversation service. Callers see their texts.

    DomainError
    ├── ConversationNotFound    also if it belongs to another customer
    ├── ConversationEnded
    ├── CallNotFound            also if it belongs to another customer
    ├── CallEnded               metadata: the reason
    ├── CallRunning             metadata: the ids of the running call and its conversation
    ├── TooManyStarts           try again later
    ├── StaleEpoch              the writer has lost the call; don't retry
    ├── EpochHeld               another writer holds the epoch
    ├── EntryConflict           metadata: the stored entry's number
    ├── InvalidCursor           malformed, forged, or of another log
    ├── CursorExpired           its position is gone; metadata: the earliest cursor
    ├── WatcherTooSlow          metadata: the cursor to resume from
    └── RecordOutOfOrder

An invalid draft raises `mesh.errors.InvalidRequest`.
"""

from __future__ import annotations

from datetime import timedelta

import grpc
from readback.conversation.v1 import entry_pb2

from mesh.errors import DomainError, ErrorTable


class ConversationNotFound(DomainError):
    """The caller has no such conversation."""

    def __init__(self) -> None:
        super().__init__("There is no such conversation.")


class ConversationEnded(DomainError):
    """The conversation has ended and is read-only."""

    def __init__(self) -> None:
        super().__init__("The conversation has ended; start another.")


class CallNotFound(DomainError):
    """The caller has no such call."""

    def __init__(self) -> None:
        super().__init__("There is no such call.")


class CallEnded(DomainError):
    """The call has ended."""

    def __init__(
        self, reason: entry_pb2.CallEndReason.ValueType = entry_pb2.CALL_END_REASON_UNSPECIFIED
    ) -> None:
        known = entry_pb2.CallEndReason.DESCRIPTOR.values_by_number.get(reason)  # newer services may add some
        name = known.name.removeprefix("CALL_END_REASON_") if known else str(reason)
        super().__init__(
            "The call has ended; start another in the same conversation.", metadata={"end_reason": name}
        )


class CallRunning(DomainError):
    """The customer already has a running call."""

    def __init__(self, call_id: str, conversation_id: str) -> None:
        super().__init__(
            "You have a running call; rejoin it or end it first.",
            metadata={"call_id": call_id, "conversation_id": conversation_id},
        )


class TooManyStarts(DomainError):
    """The customer has started too many conversations or calls in a short time."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(
            "You have started too many conversations or calls; wait a moment, then try again.",
            retry_after=retry_after,
        )


class StaleEpoch(DomainError):
    """The writer's epoch is not the call's current one, because another agent was dispatched."""

    def __init__(self, epoch: int) -> None:
        super().__init__("Another agent has this call; stop speaking.", metadata={"epoch": str(epoch)})


class EpochHeld(DomainError):
    """Another writer holds the epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__(
            "Another writer holds this epoch of the call; stop speaking.", metadata={"epoch": str(epoch)}
        )


class EntryConflict(DomainError):
    """The log already has an entry with this id and other content."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "An entry with this id and other content already exists; use a new entry id.",
            metadata={"number": str(number)},
        )


class InvalidCursor(DomainError):
    """The cursor does not belong to this log."""

    def __init__(self) -> None:
        super().__init__("The cursor does not belong to this log; start from the beginning.", field="cursor")


class CursorExpired(DomainError):
    """The position of the cursor is gone: the database was replaced, or the entries were deleted."""

    def __init__(self, earliest_cursor: str) -> None:
        metadata = {"earliest_cursor": earliest_cursor}
        super().__init__(
            "The position of the cursor is gone; follow from the earliest cursor, or from a time.",
            metadata=metadata,
        )


class WatcherTooSlow(DomainError):
    """The watcher didn't read a message in time."""

    def __init__(self, cursor: str) -> None:
        super().__init__(
            "The watch was read too slowly; resume from the cursor.", metadata={"cursor": cursor}
        )


class RecordOutOfOrder(DomainError):
    """The first message wasn't `open`, or a later one was."""

    def __init__(self) -> None:
        super().__init__("Send `open` as the first message of the stream, and only once.")


ERRORS: ErrorTable = {
    ConversationNotFound: (grpc.StatusCode.NOT_FOUND, "CONVERSATION_NOT_FOUND"),
    ConversationEnded: (grpc.StatusCode.FAILED_PRECONDITION, "CONVERSATION_ENDED"),
    CallNotFound: (grpc.StatusCode.NOT_FOUND, "CALL_NOT_FOUND"),
    CallEnded: (grpc.StatusCode.FAILED_PRECONDITION, "CALL_ENDED"),
    CallRunning: (grpc.StatusCode.FAILED_PRECONDITION, "CALL_RUNNING"),
    TooManyStarts: (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STARTS"),
    StaleEpoch: (grpc.StatusCode.ABORTED, "STALE_EPOCH"),
    EpochHeld: (grpc.StatusCode.ABORTED, "EPOCH_HELD"),
    EntryConflict: (grpc.StatusCode.ALREADY_EXISTS, "ENTRY_CONFLICT"),
    InvalidCursor: (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_CURSOR"),
    CursorExpired: (grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED"),
    WatcherTooSlow: (grpc.StatusCode.RESOURCE_EXHAUSTED, "WATCHER_TOO_SLOW"),
    RecordOutOfOrder: (grpc.StatusCode.FAILED_PRECONDITION, "RECORD_OUT_OF_ORDER"),
}
"""gRPC status and `ErrorReason` of each error."""
