"""An RPC's answer as JSON: the contract's own JSON form, a stream's messages laid into one, cut to a length a model can read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

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
    """The answer, its lists shortened from the end, the costliest first, until it fits; `omitted` then says how many items of which."""
    omitted: dict[str, int] = {}
    while tokens_of(answer | ({"omitted": omitted} if omitted else {})) > tokens:
        lists = sorted(_lists(answer), key=lambda found: tokens_of(found[1]))
        if not lists:
            break
        path, longest = lists[-1]
        # Halving costs few rounds; a list keeps one item, since "some" says more than none.
        dropped = max(1, len(longest) // 2)
        del longest[-dropped:]
        omitted[path] = omitted.get(path, 0) + dropped
    return answer | ({"omitted": omitted} if omitted else {})


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
