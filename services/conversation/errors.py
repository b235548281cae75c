"""What can go wrong in conversations, worded for the caller.

    DomainError
    ├── ConversationNotFound    also another customer's
    ├── ConversationEnded
    ├── CallNotFound            also another customer's
    ├── CallEnded
    ├── CallRunning             names the running call
    ├── StaleEpoch              the writer lost the call; never retried
    ├── EpochHeld               another writer holds the epoch
    ├── EntryConflict           names the entry's number
    ├── CursorInvalid           malformed, forged, of another log
    ├── CursorExpired           what it stood on is gone; names the earliest cursor
    ├── WatcherTooSlow          names the cursor to resume from
    └── RecordOutOfOrder

A draft that breaks a rule raises the mesh's `InvalidRequest`.
"""

from __future__ import annotations

import grpc

from mesh.errors import DomainError, ErrorTable, StoreUnavailable


class ConversationNotFound(DomainError):
    """No such conversation among the caller's own."""

    def __init__(self) -> None:
        super().__init__("There is no such conversation.")


class ConversationEnded(DomainError):
    """The conversation is only read from now on."""

    def __init__(self) -> None:
        super().__init__("The conversation has ended; start another.")


class CallNotFound(DomainError):
    """No such call among the caller's own."""

    def __init__(self) -> None:
        super().__init__("There is no such call.")


class CallEnded(DomainError):
    """The call is over."""

    def __init__(self) -> None:
        super().__init__("The call has ended; start another in the same conversation.")


class CallRunning(DomainError):
    """A conversation has one running call at most."""

    def __init__(self, call_id: str) -> None:
        super().__init__(
            "The conversation has a running call; rejoin it or end it first.", metadata={"call_id": call_id}
        )


class StaleEpoch(DomainError):
    """Another agent was given the call."""

    def __init__(self, epoch: int) -> None:
        super().__init__("Another agent was given this call; stop speaking.", metadata={"epoch": str(epoch)})


class EpochHeld(DomainError):
    """Another writer came first."""

    def __init__(self, epoch: int) -> None:
        super().__init__(
            "Another writer holds this epoch of the call; stop speaking.", metadata={"epoch": str(epoch)}
        )


class EntryConflict(DomainError):
    """The id is taken by an entry with other content."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "An entry with this id and other content is in the log.", metadata={"number": str(number)}
        )


class CursorInvalid(DomainError):
    """The cursor says nothing about this log."""

    def __init__(self) -> None:
        super().__init__("The cursor is not of this log; start from the beginning.", field="cursor")


class CursorExpired(DomainError):
    """What the cursor stood on is no longer there: the database was restored or replaced, or the entries are gone."""

    def __init__(self, earliest_cursor: str) -> None:
        metadata = {"earliest_cursor": earliest_cursor}
        super().__init__(
            "What the cursor stood on is gone; follow from the earliest cursor, or from a time.",
            metadata=metadata,
        )


class WatcherTooSlow(DomainError):
    """The watcher left a message unread for longer than the service waits."""

    def __init__(self, cursor: str) -> None:
        super().__init__(
            "The watch was read too slowly; resume from the cursor.", metadata={"cursor": cursor}
        )


class RecordOutOfOrder(DomainError):
    """`open` comes first and once."""

    def __init__(self) -> None:
        super().__init__("The first message of the stream, and only the first, must be `open`.")


DOMAIN = "readback.conversation.v1"
"""`ErrorInfo.domain` of these errors."""

ERRORS: ErrorTable = {
    ConversationNotFound: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_CONVERSATION_NOT_FOUND"),
    ConversationEnded: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_CONVERSATION_ENDED"),
    CallNotFound: (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_CALL_NOT_FOUND"),
    CallEnded: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_CALL_ENDED"),
    CallRunning: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_CALL_RUNNING"),
    StaleEpoch: (grpc.StatusCode.ABORTED, "ERROR_REASON_STALE_EPOCH"),
    EpochHeld: (grpc.StatusCode.ABORTED, "ERROR_REASON_EPOCH_HELD"),
    EntryConflict: (grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_ENTRY_CONFLICT"),
    CursorInvalid: (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_CURSOR_INVALID"),
    CursorExpired: (grpc.StatusCode.OUT_OF_RANGE, "ERROR_REASON_CURSOR_EXPIRED"),
    WatcherTooSlow: (grpc.StatusCode.RESOURCE_EXHAUSTED, "ERROR_REASON_WATCHER_TOO_SLOW"),
    RecordOutOfOrder: (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_RECORD_OUT_OF_ORDER"),
    StoreUnavailable: (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_STORE_UNAVAILABLE"),
}
"""gRPC status and `ErrorReason` of each error."""
