"""Number of travellers: "for two", "me, my wife and our two kids", "three economy class tickets".

"Me and my kids" and "a few tickets" name several travellers without their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from agent.language.en.numbers import CARDINAL, cardinal
from agent.language.spans import Found, found_at

_CHILD = r"(?:child(?:ren)?|kids?|infants?|bab(?:y|ies)|toddlers?|minors?)"
_RELATIVE = (
    r"(?:wife|husband|partner|spouse|fianc[eé]e?|sons?|daughters?|mother|mom|mum|father|dad|grandmother|"
    r"grandfather|grandma|grandpa|aunt|uncle|cousins?|brothers?|sisters?|friends?|boss|colleagues?|"
    r"girlfriend|boyfriend|parents|in-laws|grandparents)"
)
_PERSON = r"(?:people|persons?|passengers?|pax|travell?ers?|individuals?|folks|guests?|of us)"
_ADULT = r"(?:adults?|grown-?ups?|(?:senior )?citizens?|seniors?|m[ae]n|wom[ae]n|students?)"
_TICKET = r"(?:tickets?|seats?|spots|places(?! to))"
_NOUN = (
    rf"(?:(?P<ticket>{_TICKET})|(?P<person>{_PERSON})|(?P<adult>{_ADULT})|(?P<child>{_CHILD})|"
    rf"(?P<relative>{_RELATIVE}))"
)
_COUNT = rf"(?:half a dozen|(?:a )?dozen|an?(?: couple(?: of)?| pair of)?|couple(?: of)?|both|{CARDINAL})"
_DESCRIBING = (
    r"(?:one[ -]?way|round[ -]?trip|return|single|economy|business|premium|first|coach|executive|class|cabin|"
    r"flight|plane|air|airline|airplane|direct|non-?stop|cheap(?:est)?|more|extra|other|adult|full|of|the|"
    r"grown|small|little|young|my|our)"
)
_COUNTED = re.compile(
    rf"\b(?:(?:my|our|his|her) )?(?<![.:\d-])(?P<count>{_COUNT})"
    rf"(?P<describing>(?:[ -]{_DESCRIBING})*)[ -]{_NOUN}\b"
)
_MINE = re.compile(rf"\b(?:my|our|his|her) (?P<relative>{_RELATIVE}|{_CHILD})\b")
_SEVERAL = (
    r"(?:kids|children|sons|daughters|brothers|sisters|friends|cousins|colleagues|co-?workers|relatives|"
    r"grandchildren|grandkids|aunts|uncles|(?:(?:whole|entire) )?(?:family|group|team|crew|gang))"
)
_VAGUE = (
    r"(?:(?:quite )?a few|several|multiple|many|a (?:bunch|number|group|handful|lot) of|lots of|"
    rf"(?:more than|at least|about|around|roughly) {CARDINAL}|{CARDINAL} ?(?:or|to|-|–) ?{CARDINAL})"
)
_UNCOUNTED = re.compile(
    rf"\b(?:my|our|his|her|the|their) {_SEVERAL}\b(?! (?:of|is|has|have|with) (?:{_COUNT})\b)|"
    rf"(?:(?<=and )|(?<=with )){_SEVERAL}\b|"
    rf"\b{_VAGUE}(?: {_DESCRIBING})* (?:{_TICKET}|{_PERSON}|{_ADULT}|{_CHILD}|{_RELATIVE})\b|"
    r"\bfor (?:all of us|us(?: all)?|everyone|everybody)\b|"
    r"\b(?:family|group) (?:trip|vacation|holiday|getaway|booking)\b|\bgroup of (?:people|friends)\b"
)
_SELF = re.compile(r"\b(?:me|myself|i)\b")
_ALSO = re.compile(rf"(?:, (?:and )?|\band )(?P<relative>{_RELATIVE})\b")
_JOIN = re.compile(r",? (?:and|plus|with|along with|together with|as well as) |, (?:and )?| ?[+&] ?|,? ")
_WITH = re.compile(r"\b(?:with|along with|together with|bring(?:ing)?|tak(?:e|ing)) $")
_INCLUDING = re.compile(r",? (?:includ(?:ing|es)|of (?:which|whom)|among them) ")
_FOR = re.compile(r"\b(?:with|for|bring(?:ing)?|tak(?:e|ing)|and|plus) $")


_STAYS_WITH = re.compile(
    r"\b(?:be|(?:stay|liv(?:e|ing)|meet|spend|celebrat|reuni|visit)\w*(?: \w+){0,3}) (?:with|and) $"
)
_TRAVELS = re.compile(
    r" (?:is|are|will|wants? to|needs? to|would like to) (?:be )?(?:fly|go|travel|com(?:e|ing)\b)"
)


class _Kind(Enum):
    TICKET = auto()
    PERSON = auto()
    ADULT = auto()
    CHILD = auto()
    RELATIVE = auto()
    SELF = auto()
    SEVERAL = auto()


_NAMED = (_Kind.TICKET, _Kind.PERSON, _Kind.ADULT, _Kind.CHILD, _Kind.RELATIVE)


@dataclass(frozen=True, slots=True)
class _Member:
    """Travellers of one kind, named together: "two kids", "my wife", "me".

    `count` is None if the words tell no number.
    """

    kind: _Kind
    count: int | None


def _count(words: str) -> int:
    if "dozen" in words:
        return 6 if words.startswith("half") else 12
    if "couple" in words or "pair" in words or words == "both":
        return 2
    return 1 if words in ("a", "an") else cardinal(words)


def _members(text: str) -> Iterator[Found[_Member]]:
    for match in _COUNTED.finditer(text):
        kind = next(kind for kind in _NAMED if match[kind.name.lower()])
        # "An economy ticket" doesn't tell the number of travellers.
        if not (kind is _Kind.TICKET and match["describing"] and match["count"] in ("a", "an")):
            yield found_at(match, _Member(kind, _count(match["count"])))
    for match in (*_MINE.finditer(text), *_ALSO.finditer(text)):
        word = match["relative"]
        plural = word.endswith("s") and word not in ("boss", "parents", "grandparents", "in-laws")
        if not plural and word != "children":
            both = 2 if word in ("parents", "grandparents", "in-laws") else 1
            start = match.start("relative") if match.re is _ALSO else match.start()
            yield Found(start, match.end(), _Member(_Kind.RELATIVE, both))
    for match in _UNCOUNTED.finditer(text):
        # "With a few friends" needs the same evidence as "with my friends"; "a few tickets" needs none.
        own = re.search(rf"(?:{_SEVERAL}|{_RELATIVE})$", match.group())
        yield found_at(match, _Member(_Kind.RELATIVE if own else _Kind.SEVERAL, None))
    for match in _SELF.finditer(text):
        yield found_at(match, _Member(_Kind.SELF, 1))


_GROWN_UP = (_Kind.SELF, _Kind.PERSON, _Kind.ADULT, _Kind.TICKET)
_TOTALS = (_Kind.PERSON, _Kind.TICKET)
_GROUPS = (_Kind.PERSON, _Kind.ADULT, _Kind.CHILD, _Kind.RELATIVE)
_Party = list[Found[_Member]]


def _parties(text: str) -> list[_Party]:
    """Return the members that are named together: "me, my wife and our two kids"."""
    parties: list[_Party] = []
    for member in sorted(_members(text), key=lambda found: (found.start, -found.end)):
        last = parties[-1][-1] if parties else None
        if last and member.start < last.end:
            continue
        between = text[last.end : member.start] if last else ""
        if last and _INCLUDING.fullmatch(between):
            parties[-1].append(Found(member.start, member.end, _Member(member.value.kind, 0)))
        elif last and _joined(between, last.value, member.value):
            parties[-1].append(member)
        else:
            parties.append([member])
    return [party for party in parties if _counts(text, party)]


def _joined(between: str, first: _Member, second: _Member) -> bool:
    if between == " ":  # "two adults two children", but not "find me a seat"
        return first.kind in _GROUPS and second.kind in _GROUPS
    # "Find me two tickets" names the tickets of one request.
    return _JOIN.fullmatch(between) is not None and second.kind is not _Kind.TICKET


def _counts(text: str, party: _Party) -> bool:
    """Return whether the members tell the number of travellers. "I'm visiting my mother" doesn't."""
    if len(party) > 1:
        return any(member.value.kind is not _Kind.SELF for member in party)
    kind = party[0].value.kind
    if kind is _Kind.RELATIVE:
        before, after = text[: party[0].start], text[party[0].end :]
        company = _FOR.search(before) is not None and not _STAYS_WITH.search(before)
        return company or _TRAVELS.match(after) is not None
    return kind is not _Kind.SELF


def _size(text: str, party: _Party) -> int | None:
    """Return the number of travellers, or None if it isn't known: "me and my kids"."""
    members = [member.value for member in party]
    stated = [member.count for member in members if member.count and member.kind in _TOTALS]
    if any(member.count is None for member in members):
        return stated[0] if stated else None
    total, first = sum(member.count or 0 for member in members), members[0]
    # "Four passengers, two adults and two children" are four.
    if stated and first.kind in _TOTALS and len(members) > 2 and total == 2 * stated[0]:
        return stated[0]
    if any(member.kind in _GROWN_UP for member in members):
        return total
    # Children don't travel alone, and in "with two kids and my wife" the caller travels too.
    alone = all(member.kind is _Kind.CHILD for member in members)
    return total + (1 if alone or _WITH.search(text[: party[0].start]) else 0)


_GROUP = re.compile(
    rf"\b(?:group|party|family|team)(?: (?:of|is|has|have|with|just|only|about))* (?P<count>{_COUNT})\b|"
    rf"\b(?P<of>{CARDINAL}) in (?:my|our|the) (?:group|party|family)\b"
)
_WE_ARE = re.compile(
    rf"\b(?:we are|we're|there are|there will be|there'll be) (?:just |only )?(?P<count>{CARDINAL})\b"
    r"(?! (?:flights?|options?|days?|weeks?|stops?))(?![:.]\d)"
)
_AMOUNTS_TO = re.compile(
    rf"\b(?:{_TICKET}|{_PERSON}|{_ADULT})(?: \w+)? ?(?:is|are|will be|would be|should be|:|=) ?"
    rf"(?:just |only )?(?P<count>{CARDINAL})\b(?![:.]\d)"
)
_ALONE = re.compile(
    r"\b(?:just|only) (?:for )?(?:me|myself)\b|\b(?:alone|for myself|by myself|nobody (?:else )?but me)\b"
)
_AFTER_A_COUNT = (
    r"(?:from|to|on|in|out|please|tomorrow|today|next|this|and|at|with|of|leaving|returning|departing|flying|"
    r"going|travell?ing)\b"
)
_ENDS = rf"(?=[ ,.?!]*$| ?[,.]| {_AFTER_A_COUNT})"
# "For two" must end the phrase: "for two weeks" is not a number of people.
_FOR_N = re.compile(
    rf"\bfor (?:just |only )?(?P<count>(?:a )?dozen|{CARDINAL}){_ENDS}|"
    rf"\b(?:just|only) (?P<only>{CARDINAL})(?=[ .?!]*$)|"
    rf"\b(?:book|buy|purchase|reserve) (?!one)(?P<buy>{CARDINAL})(?=[ .?!]*$|,? please)"
)
_PLUS = re.compile(rf"\b(?:me|myself) (?:plus|and) (?P<count>{CARDINAL})\b")
_BARE = re.compile(
    rf"^\W*(?:(?:yes|no|we are|we're|just|only|make it|it's|it is|for|there are|there will be|us|all)[ ,]+)*"
    rf"(?P<count>(?:a )?dozen|{CARDINAL})\b"
)


def find_passengers(text: str, *, asked: bool = False) -> Found[int | None] | None:
    """Find the number of travellers in lower-case `text`. The piece covers all words about it.

    The number is None if the words name several travellers without it: "me and my kids", "a few tickets".
    With `asked`, the open question is about this number, so a number alone is an answer.
    """
    parties = _parties(text)
    found = [Found(party[0].start, party[-1].end, _size(text, party)) for party in parties]
    # "Two tickets for three people" are two tickets. "Two tickets, no, three tickets" are three.
    tickets = [
        piece
        for piece, party in zip(found, parties, strict=True)
        if party[0].value.kind is _Kind.TICKET and piece.value is not None
    ]
    if counted := tickets or [piece for piece in found if piece.value is not None]:
        return counted[-1]
    return _counted_without_noun(text, asked=asked) or next(iter(found), None)


def _counted_without_noun(text: str, *, asked: bool) -> Found[int] | None:
    if match := _PLUS.search(text):
        return found_at(match, 1 + cardinal(match["count"]))
    for pattern in (_GROUP, _WE_ARE, _AMOUNTS_TO, _FOR_N, *([_BARE] if asked else [])):
        if match := pattern.search(text):
            return found_at(match, _count(next(filter(None, match.groups()))))
    match = _ALONE.search(text)
    return found_at(match, 1) if match else None
