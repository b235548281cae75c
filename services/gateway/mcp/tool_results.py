"""Results of tools: responses and errors as JSON, shortened to what a model can read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.message import Message

from mesh.contracts.tool_arguments import arguments_from
from mesh.errors import (
    FieldViolation,
    InvalidRequest,
    Overloaded,
    Unauthenticated,
    Unavailable,
    reason_of,
    retry_after_of,
    violations_of,
)
from services.gateway.compact_json import compact_json

CHARACTERS_PER_TOKEN = 4
"""Approximate length of a token in English JSON."""
NO_ANSWER = "The service gave no answer; try again in a moment."
_WORDS = {"type": "string"}
_FIELDS = {"type": "object", "additionalProperties": _WORDS}
_CANDIDATE = {"type": "object", "properties": {"place": _WORDS, "code": _WORDS, "write": _WORDS}}
_AMBIGUOUS = {
    "type": "object",
    "properties": {"given": _WORDS, "candidates": {"type": "array", "items": _CANDIDATE}},
}
_ERROR = {
    "type": "object",
    "properties": {
        "code": _WORDS | {"description": "gRPC code."},
        "reason": _WORDS | {"description": "Reason, as in the contracts."},
        "message": _WORDS,
        "fields": _FIELDS | {"description": "The wrong arguments, each with its problem."},
        "retry_after_seconds": {"type": "number"},
    },
    "required": ["code", "reason", "message"],
}
ANSWER_PROPERTIES: Mapping[str, Any] = {
    "speech": _WORDS | {"description": "The answer in a line to read aloud."},
    "question": {
        "type": "object",
        "description": "Ambiguous places by argument. Call again with `write` of the right candidate.",
        "additionalProperties": _AMBIGUOUS,
    },
    "omitted": {
        "type": "object",
        "description": "Number of items that were removed from each list.",
        "additionalProperties": {"type": "integer"},
    },
    "error": _ERROR,
}
"""Schemas of what a result may have besides the fields of the response."""
_RESULTS = "results"
_ITINERARIES, _JOURNEYS, _OFFERS = "itineraries", "journeys", "offers"


def as_json(messages: Iterable[Message]) -> dict[str, Any]:
    """Return the messages merged into one object: later fields replace earlier ones, lists are joined."""
    merged: dict[str, Any] = {}
    for message in messages:
        _merge(merged, arguments_from(message))
    return merged


def _merge(merged: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        existing = merged.get(name)
        if isinstance(existing, dict) and isinstance(value, dict):
            _merge(existing, value)
        elif isinstance(existing, list) and isinstance(value, list):
            existing.extend(value)
        else:
            merged[name] = value


def shortened(result: dict[str, Any], tokens: int) -> dict[str, Any]:
    """Return the result shortened to `tokens` tokens. Its `omitted` counts the items removed from each list.

    Lists are cut from the end, the longest first. Items that refer to removed items are removed too.
    """
    omitted: Counter[str] = Counter()
    while count_tokens(_with_omitted(result, omitted)) > tokens:
        lists = _lists_by_length(result)
        if not lists:
            break
        path, longest = lists[-1]
        # Halving needs few rounds. One item stays: an empty list would look like a search without results.
        dropped = max(1, len(longest) // 2)
        del longest[-dropped:]
        omitted[path] += dropped
        for name, count in _drop_dangling(_flights(result)).items():
            omitted[f"{_RESULTS}.{name}"] += count
    return _with_omitted(result, omitted)


def kept_of_page(result: dict[str, Any]) -> int:
    """Return the number of items left of a page that was cut; 0 if it is whole."""
    return next((len(result[path]) for path in result.get("omitted", ()) if path in result), 0)


def _with_omitted(result: dict[str, Any], omitted: Counter[str]) -> dict[str, Any]:
    return result | ({"omitted": dict(omitted)} if omitted else {})


def _lists_by_length(result: dict[str, Any]) -> Sequence[tuple[str, list[Any]]]:
    """Return the lists that can be cut, the longest last.

    If there are journeys, the length of the itineraries is added to theirs.
    """
    lists = dict(_lists(result))
    lengths = {path: count_tokens(items) for path, items in lists.items()}
    if _flights(result).get(_JOURNEYS):
        itineraries = lengths.pop(f"{_RESULTS}.{_ITINERARIES}", 0)
        if (journeys := f"{_RESULTS}.{_JOURNEYS}") in lengths:
            lengths[journeys] += itineraries
    return [(path, lists[path]) for path in sorted(lengths, key=lambda path: lengths[path])]


def _flights(result: dict[str, Any]) -> dict[str, Any]:
    """Return the results of a search for flights; empty for other answers."""
    results = result.get(_RESULTS)
    return results if isinstance(results, dict) else {}


def _lists(value: Any, path: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield the lists of two or more items with their paths; ignores lists inside lists."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _lists(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and len(value) > 1:
        yield path, value


def _drop_dangling(results: dict[str, Any]) -> dict[str, int]:
    """Remove itineraries without a journey, then offers on removed itineraries; return the counts."""
    before = {name: len(results.get(name, ())) for name in (_ITINERARIES, _OFFERS)}
    if journeys := results.get(_JOURNEYS):
        used = {name for journey in journeys for name in journey["itinerary_ids"]}
        results[_ITINERARIES] = [one for one in results[_ITINERARIES] if one["itinerary_id"] in used]
    if results.get(_OFFERS):
        kept = {itinerary["itinerary_id"] for itinerary in results[_ITINERARIES]}
        results[_OFFERS] = [offer for offer in results[_OFFERS] if kept.issuperset(offer["itinerary_ids"])]
    after = {name: len(results.get(name, ())) for name in before}
    return {name: count - after[name] for name, count in before.items() if count > after[name]}


def count_tokens(result: object) -> int:
    """Return the approximate number of tokens in the JSON of a result."""
    return len(compact_json(result)) // CHARACTERS_PER_TOKEN


def rpc_failed(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """Return `{"error": {"code", "reason", "message", …}}` for a service's error."""
    code, reason = error.code().name, reason_of(error)
    if reason is None:
        # Without a reason the error is gRPC's own, with text about addresses and connections.
        return _error(code, "OVERLOADED" if code == "RESOURCE_EXHAUSTED" else "UNAVAILABLE", NO_ANSWER)
    message = error.details() or NO_ANSWER
    result = _error(code, reason, message, violations_of(error))
    if (wait := retry_after_of(error)) is not None:
        result["error"]["retry_after_seconds"] = wait.total_seconds()
    return result


def invalid_arguments(error: InvalidRequest) -> dict[str, Any]:
    """Return the error for arguments that don't match the tool's schema."""
    return _error("INVALID_ARGUMENT", "INVALID_REQUEST", str(error), error.violations)


def places_unknown(error: InvalidRequest) -> dict[str, Any]:
    """Return the error for arguments that name unknown places."""
    return _error("NOT_FOUND", "PLACE_NOT_RECOGNIZED", str(error), error.violations)


def not_authenticated(error: Unauthenticated | Unavailable) -> dict[str, Any]:
    """Return the error for a caller whose token is invalid or can't be verified."""
    code = "UNAVAILABLE" if isinstance(error, Unavailable) else "UNAUTHENTICATED"
    return _error(code, code, str(error))


def overloaded(error: Overloaded) -> dict[str, Any]:
    """Return the error for a caller with too many calls at once."""
    return _error("RESOURCE_EXHAUSTED", "OVERLOADED", str(error))


def unknown_tool(name: str) -> dict[str, Any]:
    """Return the error for a tool that doesn't exist."""
    return _error("NOT_FOUND", "NO_SUCH_TOOL", f"There is no tool {name!r}; list the tools.")


def _error(code: str, reason: str, message: str, violations: Iterable[FieldViolation] = ()) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "reason": reason, "message": message}
    if fields := {violation.field: violation.description for violation in violations}:
        error["fields"] = fields
    return {"error": error}
