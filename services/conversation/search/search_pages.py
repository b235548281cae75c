"""Between a search as the contract asks for it and as the store answers it; a page token holds the place of the last result."""

from __future__ import annotations

from readback.conversation.v1 import conversation_service_pb2 as pb

from services.conversation.model.entries import instant
from services.conversation.model.times import instant_of, micros_of
from services.conversation.search.words import folded_words
from services.conversation.store.search import Place, Wanted


def wanted(customer_id: str, request: pb.SearchEntriesRequest) -> Wanted:
    """What a customer looks for."""
    return Wanted(
        customer_id=customer_id,
        words=folded_words(request.query),
        conversation_id=request.conversation_id.lower(),
        since=instant(request.start_time) if request.HasField("start_time") else None,
        before=instant(request.end_time) if request.HasField("end_time") else None,
        speaker=request.speaker,
    )


def scope(customer_id: str, request: pb.SearchEntriesRequest) -> str:
    """All that must be the same on the next page."""
    rules = pb.SearchEntriesRequest()
    rules.CopyFrom(request)
    rules.ClearField("page_size")
    rules.ClearField("page_token")
    return f"search of {customer_id}, {rules.SerializeToString(deterministic=True).hex()}"


def position(place: Place) -> str:
    """A place among the results as text."""
    time, key, number = place
    return f"{micros_of(time)} {key} {number}"


def place(position: str) -> Place:
    """The place that a text holds."""
    time, key, number = map(int, position.split())
    return instant_of(time), key, number
