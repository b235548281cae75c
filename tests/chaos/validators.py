"""Validators of a history, with the six properties of etcd's robustness suite
(`tests/robustness/validate/watch.go`).

ordered      entries that were appended one after another are read in that order, which never goes back
unique       an entry has one number, and a number has one entry; no client gets an entry twice
atomic       the drafts of one unary `Append` are in the log next to each other, or none is
reliable     acknowledged entries are in the log unchanged, no entry is foreign, and watchers miss none
resumable    a stream opened from a cursor continues directly after it
bookmarkable `caught_up` and heartbeats come after all entries acknowledged before, and before all later ones

Each validator yields one sentence per violation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from tests.chaos.history import STATE_CHANGE, Append, History, Outcome, Seen, Stream, Watcher

BOOKMARKS = frozenset({"caught_up", "heartbeat", "end"})

Validator = Callable[[History], Iterator[str]]


def ordered(history: History) -> Iterator[str]:
    """Check that numbers rise along each stream, along each writer and along real time."""
    for watcher in history.watchers:
        for stream in watcher.streams:
            yield from _rising(
                f"{watcher.name} received", [seen for event in stream.received for seen in event.entries]
            )
            yield from _live_text_before_its_entry(watcher.name, stream)
        yield from _rising(f"{watcher.name} yielded", watcher.yielded)
    for writer, appends in _by_writer(history).items():
        for one, other in pairwise(sorted(appends, key=lambda append: append.order)):
            if other.number <= one.number:
                numbers = f"{one.number} and {other.number}"
                yield f"{writer} sent {one.entry_id} before {other.entry_id}, numbered {numbers}"
    for log in _by_conversation(history).values():
        yield from _as_time_went(log)


def _rising(who: str, seen: list[Seen]) -> Iterator[str]:
    last: dict[str, int] = defaultdict(int)
    for one in seen:
        if one.number < last[one.conversation_id]:
            yield f"{who} {one.number} of {one.conversation_id} after {last[one.conversation_id]}"
        last[one.conversation_id] = one.number


def _live_text_before_its_entry(who: str, stream: Stream) -> Iterator[str]:
    sealed: set[str] = set()
    for event in stream.received:
        sealed.update(seen.entry_id for seen in event.entries)
        if event.kind == "live" and event.about in sealed:
            yield f"{who} received live text of {event.about} after its entry"


def _as_time_went(appends: list[Append]) -> Iterator[str]:
    """Check that an append that was acknowledged before another was sent has the lower number."""
    by_ack = sorted(appends, key=lambda append: append.acked)
    highest, position = 0, 0
    for append in sorted(appends, key=lambda append: append.invoked):
        while position < len(by_ack) and by_ack[position].acked < append.invoked:
            highest = max(highest, by_ack[position].number)
            position += 1
        if append.number < highest:
            before = f"{highest} was acknowledged before it was sent"
            yield f"{append.entry_id} has number {append.number}, though {before}"


def unique(history: History) -> Iterator[str]:
    """Check that numbers and entries correspond one to one, and that no client gets an entry twice."""
    for entry_id, first, second in history.contradictions:
        yield f"{entry_id} was acknowledged as {first} and as {second}"
    numbers: dict[str, tuple[str, int]] = {}
    entries: dict[tuple[str, int], str] = {}
    for conversation_id, number, entry_id in _sightings(history):
        place = (conversation_id, number)
        if numbers.setdefault(entry_id, place) != place:
            yield f"{entry_id} is number {numbers[entry_id][1]} and number {number}"
        if entries.setdefault(place, entry_id) != entry_id:
            yield f"number {number} of {conversation_id} is {entries[place]} and {entry_id}"
    for watcher in history.watchers:
        for stream in watcher.streams:
            yield from _doubled(
                f"{watcher.name} received", [seen for event in stream.received for seen in event.entries]
            )
        yield from _doubled(f"{watcher.name} yielded", watcher.yielded)
    for log in history.logs.values():
        yield from _doubled("the log holds", log)


def _doubled(who: str, entries: list[Seen]) -> Iterator[str]:
    known: set[str] = set()
    for seen in entries:
        if seen.entry_id in known:
            yield f"{who} {seen.entry_id} (number {seen.number}) twice"
        known.add(seen.entry_id)


def _sightings(history: History) -> Iterator[tuple[str, int, str]]:
    for append in history.acked:
        yield append.conversation_id, append.number, append.entry_id
    for seen in _seen(history):
        yield seen.conversation_id, seen.number, seen.entry_id


def _seen(history: History) -> Iterator[Seen]:
    for log in history.logs.values():
        yield from log
    for watcher in history.watchers:
        yield from watcher.yielded
        for stream in watcher.streams:
            for event in stream.received:
                yield from event.entries


def atomic(history: History) -> Iterator[str]:
    """Check that the drafts of one unary `Append` are next to each other in the log, or none is in it."""
    stored = {seen.entry_id: seen.number for log in history.logs.values() for seen in log}
    groups: dict[str, list[Append]] = defaultdict(list)
    for append in history.appends.values():
        if append.group and append.conversation_id in history.logs:
            groups[append.group].append(append)
    for group, appends in groups.items():
        numbers = [stored[append.entry_id] for append in appends if append.entry_id in stored]
        if numbers and len(numbers) != len(appends):
            yield f"{len(numbers)} of the {len(appends)} drafts of {group} are stored"
        if any(other != one + 1 for one, other in pairwise(numbers)):
            yield f"the drafts of {group} are numbered {numbers}"


def reliable(history: History) -> Iterator[str]:
    """Check that acked entries are in the log, it has no gap or foreign entry, and watchers missed none."""
    for conversation_id, log in history.logs.items():
        numbers = [seen.number for seen in log]
        if numbers != list(range(1, len(log) + 1)):
            yield f"the log of {conversation_id} is numbered {_shortened(numbers)}"
        stored = {seen.entry_id: seen for seen in log}
        yield from _kept(history, conversation_id, stored)
        yield from _foreign(history, log)
    for watcher in history.watchers:
        yield from _missed(history, watcher)


def _kept(history: History, conversation_id: str, stored: Mapping[str, Seen]) -> Iterator[str]:
    for append in history.appends.values():
        if append.conversation_id != conversation_id:
            continue
        found = stored.get(append.entry_id)
        if append.outcome is Outcome.OK and (found is None or found.number != append.number):
            where = "is not in the log" if found is None else f"is number {found.number}"
            yield f"{append.entry_id} was acknowledged as {append.number} and {where}"
        elif append.outcome is Outcome.OK and found is not None and found.content != append.content:
            yield f"{append.entry_id} (number {append.number}) has other content than was acknowledged"
        if append.outcome is Outcome.FAIL and found is not None:
            yield f"{append.entry_id} was refused and is number {found.number}"


def _foreign(history: History, log: list[Seen]) -> Iterator[str]:
    for seen in log:
        if (
            seen.entry_id not in history.appends
            and seen.entry_id not in history.opened
            and not seen.content.startswith(STATE_CHANGE)
        ):
            yield f"no writer appended {seen.entry_id} (number {seen.number} of {seen.conversation_id})"


def _missed(history: History, watcher: Watcher) -> Iterator[str]:
    yielded: dict[str, list[Seen]] = defaultdict(list)
    for seen in watcher.yielded:
        yielded[seen.conversation_id].append(seen)
    for conversation_id, log in history.logs.items():
        if watcher.conversation_id not in ("", conversation_id):
            continue
        got = yielded[conversation_id]
        if any(other.number != one.number + 1 for one, other in pairwise(got)):
            yield f"{watcher.name} yielded {_shortened([seen.number for seen in got])} of {conversation_id}"
        if watcher.complete and len(got) != len(log):
            yield f"{watcher.name} yielded {len(got)} of the {len(log)} entries of {conversation_id}"
        for seen in got:
            if seen.number <= len(log) and seen.whole != log[seen.number - 1].whole:
                stored = log[seen.number - 1].whole
                yield f"{watcher.name} yielded {seen.whole!r} as number {seen.number}, not {stored!r}"


def resumable(history: History) -> Iterator[str]:
    """Check that a stream opened from an entry's cursor starts with the next entry of each conversation."""
    yield from _resumed(history, bookmarks=False)


def bookmarkable(history: History) -> Iterator[str]:
    """Check the same for a bookmark's cursor, and that `caught_up` comes after all earlier acked entries."""
    yield from _resumed(history, bookmarks=True)
    acked = _by_conversation(history)
    for watcher in history.watchers:
        for stream, before in _with_positions(watcher):
            yield from _caught_up(watcher, stream, dict(before), acked)


def _resumed(history: History, *, bookmarks: bool) -> Iterator[str]:
    for watcher in history.watchers:
        marks = _bookmarks(watcher)
        for stream, at in _with_positions(watcher):
            if (stream.cursor in marks) is not bookmarks:
                continue
            for seen in (seen for event in stream.received for seen in event.entries):
                expected = at[seen.conversation_id] + 1
                if seen.number != expected:
                    got = f"{seen.number} of {seen.conversation_id} instead of {expected}"
                    yield f"{watcher.name} received {got} after resuming"
                at[seen.conversation_id] = max(seen.number, at[seen.conversation_id])


def _bookmarks(watcher: Watcher) -> set[str]:
    """Return the cursors whose last message was a bookmark."""
    last = {event.cursor: event.kind for stream in watcher.streams for event in stream.received}
    return {cursor for cursor, kind in last.items() if kind in BOOKMARKS}


def _with_positions(watcher: Watcher) -> Iterator[tuple[Stream, dict[str, int]]]:
    """Yield each stream with the last number of each conversation before its opening cursor."""
    known: dict[str, dict[str, int]] = {"": {}}
    for stream in watcher.streams:
        at = defaultdict(int, known.get(stream.cursor, {}))
        yield stream, defaultdict(int, at)
        for event in stream.received:
            for seen in event.entries:
                at[seen.conversation_id] = max(seen.number, at[seen.conversation_id])
            if event.cursor:
                known[event.cursor] = dict(at)


def _caught_up(
    watcher: Watcher, stream: Stream, at: dict[str, int], acked: Mapping[str, list[Append]]
) -> Iterator[str]:
    for event in stream.received:
        if event.kind == "caught_up":
            break
        for seen in event.entries:
            at[seen.conversation_id] = max(seen.number, at.get(seen.conversation_id, 0))
    else:
        return
    for conversation_id, appends in acked.items():
        if watcher.conversation_id in ("", conversation_id):
            head = max((append.number for append in appends if append.acked < stream.opened), default=0)
            behind = at.get(conversation_id, 0)
            if head > behind:
                at_number = f"{behind} of {conversation_id}"
                yield f"{watcher.name} was caught up at {at_number}, though {head} was acknowledged before"


def _by_writer(history: History) -> dict[str, list[Append]]:
    found: dict[str, list[Append]] = defaultdict(list)
    for append in history.acked:
        found[append.writer].append(append)
    return found


def _by_conversation(history: History) -> dict[str, list[Append]]:
    found: dict[str, list[Append]] = defaultdict(list)
    for append in history.acked:
        found[append.conversation_id].append(append)
    return found


def _shortened(numbers: list[int]) -> str:
    """Return the numbers around the first gap."""
    odd = next((place for place, (one, other) in enumerate(pairwise(numbers)) if other != one + 1), 0)
    return f"… {numbers[max(0, odd - 2) : odd + 4]} …"


VALIDATORS: Mapping[str, Validator] = {
    "ordered": ordered,
    "unique": unique,
    "atomic": atomic,
    "reliable": reliable,
    "resumable": resumable,
    "bookmarkable": bookmarkable,
}


def violations(history: History) -> list[str]:
    """Return the violations of all six properties, each with the name of its property."""
    return [
        f"{name}: {sentence}" for name, validator in VALIDATORS.items() for sentence in validator(history)
    ]


def assert_sound(history: History) -> None:
    """Fail with the first violations, if there are any."""
    found = violations(history)
    assert not found, f"{len(found)} violations\n" + "\n".join(found[:20])
