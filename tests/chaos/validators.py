"""What must be true of every history, in the six words of etcd's robustness suite (`tests/robustness/validate/watch.go`).

ordered      what is appended one after the other is read in that order, by everybody, and never goes back
unique       an entry has one number, a number one entry; nobody is handed one twice
atomic       the drafts of one unary `Append` are all there, side by side, or not at all
reliable     what was acknowledged is there as it was acknowledged; nothing that nobody appended is; watchers miss nothing
resumable    a stream opened from a cursor goes on exactly behind it
bookmarkable `caught_up` and heartbeats tell no lie: what was acknowledged before is behind them, and nothing comes from before them

Each validator yields one sentence a violation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from tests.chaos.history import STATE_CHANGE, Append, History, Outcome, Seen, Stream, Watcher

BOOKMARKS = frozenset({"caught_up", "heartbeat", "end"})

Validator = Callable[[History], Iterator[str]]


def ordered(history: History) -> Iterator[str]:
    """Numbers only rise, along each stream, along each writer and along real time."""
    for watcher in history.watchers:
        for stream in watcher.streams:
            yield from _rising(
                f"{watcher.name} was told", [seen for told in stream.told for seen in told.entries]
            )
            yield from _live_text_before_its_entry(watcher.name, stream)
        yield from _rising(f"{watcher.name} was handed", watcher.handed)
    for writer, appends in _by_writer(history).items():
        for one, other in pairwise(sorted(appends, key=lambda append: append.order)):
            if other.number <= one.number:
                yield f"{writer} handed in {one.entry_id} before {other.entry_id}, numbered {one.number} and {other.number}"
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
    for told in stream.told:
        sealed.update(seen.entry_id for seen in told.entries)
        if told.kind == "live" and told.about in sealed:
            yield f"{who} was told live text of {told.about} after its entry"


def _as_time_went(appends: list[Append]) -> Iterator[str]:
    """Whatever was acknowledged before another was invoked has the lower number."""
    by_ack = sorted(appends, key=lambda append: append.acked)
    highest, position = 0, 0
    for append in sorted(appends, key=lambda append: append.invoked):
        while position < len(by_ack) and by_ack[position].acked < append.invoked:
            highest = max(highest, by_ack[position].number)
            position += 1
        if append.number < highest:
            yield f"{append.entry_id} has number {append.number}, though {highest} was acknowledged before it was handed in"


def unique(history: History) -> Iterator[str]:
    """Numbers and entries belong together one to one, wherever they were seen; nobody is handed one twice."""
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
                f"{watcher.name} was told", [seen for told in stream.told for seen in told.entries]
            )
        yield from _doubled(f"{watcher.name} was handed", watcher.handed)
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
        yield from watcher.handed
        for stream in watcher.streams:
            for told in stream.told:
                yield from told.entries


def atomic(history: History) -> Iterator[str]:
    """The drafts of one unary `Append` stand side by side in the log, or none is in it."""
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
    """Acked entries are in the log, the log has no gaps and no strangers, and who was told of it was told all."""
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
            yield f"{append.entry_id} (number {append.number}) holds other words than were acknowledged"
        if append.outcome is Outcome.FAIL and found is not None:
            yield f"{append.entry_id} was refused and is number {found.number}"


def _foreign(history: History, log: list[Seen]) -> Iterator[str]:
    for seen in log:
        if (
            seen.entry_id not in history.appends
            and seen.entry_id not in history.opened
            and not seen.content.startswith(STATE_CHANGE)
        ):
            yield f"nobody appended {seen.entry_id} (number {seen.number} of {seen.conversation_id})"


def _missed(history: History, watcher: Watcher) -> Iterator[str]:
    handed: dict[str, list[Seen]] = defaultdict(list)
    for seen in watcher.handed:
        handed[seen.conversation_id].append(seen)
    for conversation_id, log in history.logs.items():
        if watcher.conversation_id not in ("", conversation_id):
            continue
        got = handed[conversation_id]
        if any(other.number != one.number + 1 for one, other in pairwise(got)):
            yield f"{watcher.name} was handed {_shortened([seen.number for seen in got])} of {conversation_id}"
        if watcher.complete and len(got) != len(log):
            yield f"{watcher.name} was handed {len(got)} of the {len(log)} entries of {conversation_id}"
        for seen in got:
            if seen.number <= len(log) and seen.whole != log[seen.number - 1].whole:
                yield f"{watcher.name} was handed {seen.whole!r} as number {seen.number}, where {log[seen.number - 1].whole!r} is stored"


def resumable(history: History) -> Iterator[str]:
    """A stream opened from an entry's cursor begins with the next entry of each conversation."""
    yield from _resumed(history, bookmarks=False)


def bookmarkable(history: History) -> Iterator[str]:
    """The same from a bookmark's cursor; and what had been acknowledged when a stream was opened lies before its `caught_up`."""
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
            for seen in (seen for told in stream.told for seen in told.entries):
                expected = at[seen.conversation_id] + 1
                if seen.number != expected:
                    yield f"{watcher.name} was told {seen.number} of {seen.conversation_id} instead of {expected} after resuming"
                at[seen.conversation_id] = max(seen.number, at[seen.conversation_id])


def _bookmarks(watcher: Watcher) -> set[str]:
    """Cursors that a bookmark was the last message to carry."""
    last = {told.cursor: told.kind for stream in watcher.streams for told in stream.told}
    return {cursor for cursor, kind in last.items() if kind in BOOKMARKS}


def _with_positions(watcher: Watcher) -> Iterator[tuple[Stream, dict[str, int]]]:
    """Each stream with the last number of each conversation that its opening cursor stands behind."""
    known: dict[str, dict[str, int]] = {"": {}}
    for stream in watcher.streams:
        at = defaultdict(int, known.get(stream.cursor, {}))
        yield stream, defaultdict(int, at)
        for told in stream.told:
            for seen in told.entries:
                at[seen.conversation_id] = max(seen.number, at[seen.conversation_id])
            if told.cursor:
                known[told.cursor] = dict(at)


def _caught_up(
    watcher: Watcher, stream: Stream, at: dict[str, int], acked: Mapping[str, list[Append]]
) -> Iterator[str]:
    for told in stream.told:
        if told.kind == "caught_up":
            break
        for seen in told.entries:
            at[seen.conversation_id] = max(seen.number, at.get(seen.conversation_id, 0))
    else:
        return
    for conversation_id, appends in acked.items():
        if watcher.conversation_id in ("", conversation_id):
            head = max((append.number for append in appends if append.acked < stream.opened), default=0)
            behind = at.get(conversation_id, 0)
            if head > behind:
                yield f"{watcher.name} was caught up at {behind} of {conversation_id}, though {head} was acknowledged before"


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
    """The numbers around the first that is out of line."""
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
    """All violations of all six, each with the word it breaks."""
    return [
        f"{name}: {sentence}" for name, validator in VALIDATORS.items() for sentence in validator(history)
    ]


def assert_sound(history: History) -> None:
    """Fails with the first violations when there is any."""
    found = violations(history)
    assert not found, f"{len(found)} violations\n" + "\n".join(found[:20])
