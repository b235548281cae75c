"""An RPC's answer as JSON: the contract's own JSON form, a stream's messages laid into one, cut to a length a model can read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from services.gateway.mcp.hanging import ITINERARIES, JOURNEYS, RESULTS, drop_hanging

CHARACTERS_A_TOKEN = 4
"""About what tokenizers make of JSON in English."""


def as_json(messages: Iterable[Message]) -> dict[str, Any]:
    """One object: fields of later messages are laid over those of earlier ones, lists go on where they stood."""
    whole: dict[str, Any] = {}
    for message in messages:
        _lay(whole, json_format.MessageToDict(message, preserving_proto_field_name=True))
    return whole


def _lay(whole: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        held = whole.get(name)
        if isinstance(held, dict) and isinstance(value, dict):
            _lay(held, value)
        elif isinstance(held, list) and isinstance(value, list):
            held.extend(value)
        else:
            whole[name] = value


def within(answer: dict[str, Any], tokens: int) -> dict[str, Any]:
    """The answer, its lists shortened from the end, the costliest first, until it fits; `omitted` then says how many items of which.

    Nothing that is left names anything that was left out.
    """
    omitted: Counter[str] = Counter()
    while tokens_of(_telling(answer, omitted)) > tokens:
        lists = _cuttable(answer)
        if not lists:
            break
        path, longest = lists[-1]
        # Halving costs few rounds; a list keeps one item, since "some" says more than none.
        dropped = max(1, len(longest) // 2)
        del longest[-dropped:]
        omitted[path] += dropped
        omitted.update(
            {f"{RESULTS}.{name}": count for name, count in drop_hanging(answer.get(RESULTS, {})).items()}
        )
    return _telling(answer, omitted)


def _telling(answer: dict[str, Any], omitted: Counter[str]) -> dict[str, Any]:
    return answer | ({"omitted": dict(omitted)} if omitted else {})


def _cuttable(answer: dict[str, Any]) -> Sequence[tuple[str, list[Any]]]:
    """Lists that can be shortened, the costliest last; itineraries of journeys go with their journeys and count as theirs."""
    lists = dict(_lists(answer))
    costs = {path: tokens_of(items) for path, items in lists.items()}
    if answer.get(RESULTS, {}).get(JOURNEYS):
        followers = costs.pop(f"{RESULTS}.{ITINERARIES}", 0)
        if (journeys := f"{RESULTS}.{JOURNEYS}") in costs:
            costs[journeys] += followers
    return [(path, lists[path]) for path in sorted(costs, key=lambda path: costs[path])]


def tokens_of(answer: object) -> int:
    """About how many tokens its JSON is."""
    return len(compact(answer)) // CHARACTERS_A_TOKEN


def compact(answer: object) -> str:
    """Its JSON without blanks."""
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _lists(value: Any, path: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Lists that can be shortened, with the path of each; items of lists are not looked into."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _lists(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and len(value) > 1:
        yield path, value
