"""Roles of the places in a sentence: origin, destination, connecting place or rejected place.

Recognisers lose function words ("I want to fly the cochi", "flight a Chennai"). So places without a cue word
get their roles by their order: the first is the origin, the second the destination. A single place is the
destination.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.language.en.ordinary_words import is_ordinary
from agent.language.meanings import PlaceRoles, SpanT
from agent.language.spans import Span, masked

_FROM = (
    r"from|form|frm|leaving|leave|(?:leav(?:e|ing)|depart(?:ing)?) here (?:at|in)|"
    r"departing|departure|depart|out of|start(?:ing)?|origin|ex|"
    r"(?:i'm|i am|im|we're|we are|currently|live|living|based|stay(?:ing)?) (?:in|at)"
)
_TO = (
    r"to|too|two|2|into|towards?|for|reach(?:ing)?|visit(?:ing)?|be in|get in|arriv(?:e|ing)(?: in| at)?|"
    r"land(?:ing)?(?: in| at)?|going|destination"
)
_TRAILING = r"(?: (?:the|city|of|airport|is|be|either|a|like|maybe|um|uh|ah|er|the city of|going|headed))*"
_FROM_CUE = re.compile(rf"\b(?:{_FROM}){_TRAILING}[ ,:]*$")
_TO_CUE = re.compile(rf"\b(?:{_TO}){_TRAILING}[ ,:]*$")
_NOT_CUE = re.compile(r"\b(?:not|isn't|instead of|rather than)(?: (?:to|from|for|in))?[ ,]*$")
_BETWEEN_CUE = re.compile(r"\bbetween[ ,]*$")
_REPAIR = re.compile(
    r"\b(?:no|sorry|i mean|i meant|rather|actually|make that|wait|or rather|correction|oops)\b"
)
_VIA_CUE = re.compile(
    r"\b(?:via|through|by way of|(?:stop(?:s|ping|over)?|stopover|layover|change|changing|"
    rf"connect(?:ing|ion)?) (?:in|at|over|through|via)){_TRAILING}[ ,]*$"
)
_JOINED = re.compile(r"^[ ,]*(?:to|too|2)[ ,]*$")
_JOINS_DESTINATION = re.compile(r"^[ ,]*(?:to|too|2|-|–|→|and then to)\b")


def _cue(before: str, after: str, has_next: bool) -> str | None:
    if _NOT_CUE.search(before):
        return "rejected"
    if _BETWEEN_CUE.search(before):
        return "origin"
    if _VIA_CUE.search(before):
        return "via"
    # In "leaving for Delhi" the closest cue is "for", so it is checked before "leaving".
    if _TO_CUE.search(before):
        return "destination"
    if _FROM_CUE.search(before) or (has_next and _JOINS_DESTINATION.match(after)):
        return "origin"
    return None


def place_roles(text: str, mentions: Sequence[SpanT]) -> PlaceRoles[SpanT]:
    """Return the role of every place mentioned in lower-case `text`.

    A place after "no" or "sorry" replaces the one before it.
    """
    roles: PlaceRoles[SpanT] = PlaceRoles()
    previous: str | None = None
    end = 0
    for index, mention in enumerate(mentions):
        before, after = text[end : mention.start], text[mention.end :]
        end = mention.end
        cue = _cue(before, after, index + 1 < len(mentions))
        # In "flights for Delhi to Mumbai" the first cue must have been "from", but was misrecognised.
        between = text[end : mentions[index + 1].start] if index + 1 < len(mentions) else ""
        if cue == "destination" and roles.origin is None and _JOINED.match(between):
            cue = "origin"
        if cue is None and previous in ("origin", "destination") and _REPAIR.search(before):
            cue = previous
        if cue is None:
            roles.others.append(mention)
        else:
            setattr(roles, cue, mention)
        previous = cue
    _fill_by_order(roles)
    return roles


def _fill_by_order(roles: PlaceRoles[SpanT]) -> None:
    others = roles.others
    if not roles.origin and not roles.destination and len(others) > 1:
        roles.origin, roles.destination, *roles.others = others
    elif roles.origin and not roles.destination and others:
        roles.destination, *roles.others = others
    elif roles.destination and not roles.origin and others and not roles.rejected:
        roles.origin, *roles.others = others


_STOP = (
    r"to|from|on|in|at|and|the|a|an|my|me|with|fly|go|travel|find|see|know|get|book|be|for|by|via|please|"
    r"this|that|next|is|are|it|you|i|we|flights?|check|show|tell|ask|talk|leave|leaving|take|look|change|"
    r"make|search|hear|one|two|say|come|someone|any|some|there|here|what|where|somewhere|anywhere|home|work|"
    r"use|do|want|like|have|need|go(?:ing)?|return|back|arrive|airport|or|but|of|as|so"
)
_UNKNOWN = re.compile(
    rf"\b(?P<cue>from|to|into|2) (?!(?:{_STOP})\b)(?P<words>[a-z][a-z'-]+"
    rf"(?: (?!(?:{_STOP})\b)[a-z][a-z'-]+){{0,2}})"
)


def unknown_places(text: str, known: Sequence[Span]) -> dict[str, str]:
    """Return words in lower-case `text` that stand in the position of a place and aren't `known`, by role.

    Ordinary words name no place: "to play the violin".
    """
    return {
        "origin" if match["cue"] == "from" else "destination": match["words"].strip()
        for match in _UNKNOWN.finditer(masked(text, known))
        if not is_ordinary(match["words"].split()[0])
    }


_ROUTE_IN_CODES = re.compile(r"\b([A-Z]{3})[-–/>]([A-Z]{3})\b")


def with_routes_in_words(text: str) -> str:
    """Return `text` with routes between airport codes as words: "DEL to BOM" for "DEL-BOM"."""
    return _ROUTE_IN_CODES.sub(r"\1 to \2", text)
