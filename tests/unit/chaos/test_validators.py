"""The validators accept a sound history, and each finds its violations in manipulated ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.history import Append, History, Outcome, Received, Seen, Stream, Watcher
from tests.chaos.validators import (
    VALIDATORS,
    atomic,
    bookmarkable,
    ordered,
    reliable,
    resumable,
    unique,
    violations,
)

pytestmark = pytest.mark.unit

TALK = "talk"


def entry(number: int, *, entry_id: str = "", words: str = "") -> Seen:
    """Number `number` of the talk, which is `e{number}` by its id."""
    content = f"utterance {words or number}".encode()
    return Seen(TALK, number, entry_id or f"e{number}", content, content)


def append(number: int, *, at: float, order: int = 0, acked_after: float = 0.5) -> Append:
    return Append(
        TALK,
        f"e{number}",
        "writer",
        order or number,
        "",
        f"utterance {number}".encode(),
        at,
        outcome=Outcome.OK,
        acked=at + acked_after,
        number=number,
    )


def received(seen: Seen, *, cursor: str = "") -> Received:
    return Received("entry", (seen,), cursor or f"c{seen.number}", 10.0 + seen.number)


def caught_up(number: int) -> Received:
    return Received("caught_up", (), f"bookmark {number}", 10.0 + number)


def sound() -> History:
    """Six entries by one writer; a watcher over two streams, the second from a bookmark behind entry 4."""
    history = History(logs={TALK: [entry(number) for number in range(1, 7)]})
    history.appends = {f"e{number}": append(number, at=float(number)) for number in range(1, 7)}
    first = Stream(
        3.6, "", [*(received(entry(number)) for number in (1, 2, 3)), caught_up(3), received(entry(4))]
    )
    first.received.append(Received("heartbeat", (), "bookmark 4", 15.0))
    second = Stream(20.0, "bookmark 4", [received(entry(5)), received(entry(6)), caught_up(6)])
    yielded = [entry(number) for number in range(1, 7)]
    history.watchers = [Watcher("watcher", TALK, [first, second], yielded, complete=True)]
    return history


def watcher(history: History) -> Watcher:
    return history.watchers[0]


def test_a_sound_history_breaks_no_rule() -> None:
    assert violations(sound()) == []


def test_every_validator_is_among_the_six() -> None:
    assert list(VALIDATORS) == ["ordered", "unique", "atomic", "reliable", "resumable", "bookmarkable"]


def test_an_unacknowledged_append_may_be_stored_or_not() -> None:
    history = sound()
    history.appends["e6"] = replace(history.appends["e6"], outcome=Outcome.UNKNOWN, number=0)
    history.appends["e7"] = replace(append(7, at=7.0), outcome=Outcome.UNKNOWN, number=0)
    assert violations(history) == []


def test_ordered_catches_a_stream_that_goes_back() -> None:
    history = sound()
    stream = watcher(history).streams[1]
    stream.received[0], stream.received[1] = stream.received[1], stream.received[0]
    assert any("received 5 of talk after 6" in sentence for sentence in ordered(history))


def test_ordered_catches_a_kit_that_hands_out_of_order() -> None:
    history = sound()
    watcher(history).yielded.reverse()
    assert any("yielded 5 of talk after 6" in sentence for sentence in ordered(history))


def test_ordered_catches_two_entries_of_one_writer_that_changed_places() -> None:
    history = sound()
    history.appends["e2"].order, history.appends["e3"].order = 3, 2
    assert any("sent e3 before e2" in sentence for sentence in ordered(history))


def test_ordered_catches_an_entry_before_one_that_was_acknowledged_earlier() -> None:
    history = sound()
    late = replace(append(2, at=9.0), writer="another")
    history.appends["e2"] = late
    assert any(
        "e2 has number 2, though 6 was acknowledged before" in sentence for sentence in ordered(history)
    )


def test_ordered_catches_live_text_after_its_entry() -> None:
    history = sound()
    watcher(history).streams[1].received.append(Received("live", (), "c6", 30.0, about="e6"))
    assert any("live text of e6 after its entry" in sentence for sentence in ordered(history))


def test_unique_catches_an_entry_that_has_two_numbers() -> None:
    history = sound()
    history.logs[TALK].append(entry(7, entry_id="e3"))
    assert any("e3 is number 3 and number 7" in sentence for sentence in unique(history))


def test_unique_catches_a_number_that_has_two_entries() -> None:
    history = sound()
    watcher(history).yielded[2] = entry(3, entry_id="another")
    assert any("number 3 of talk is" in sentence for sentence in unique(history))


def test_unique_catches_an_entry_handed_out_twice() -> None:
    history = sound()
    watcher(history).yielded.insert(3, entry(3))
    assert list(unique(history)) == ["watcher yielded e3 (number 3) twice"]


def test_unique_catches_an_entry_received_twice_on_one_stream() -> None:
    history = sound()
    watcher(history).streams[0].received.insert(2, received(entry(2)))
    assert list(unique(history)) == ["watcher received e2 (number 2) twice"]


def test_unique_catches_acks_that_disagree() -> None:
    history = sound()
    history.ok("e3", 8)
    assert list(unique(history)) == ["e3 was acknowledged as 3 and as 8"]


def grouped(*numbers: int) -> History:
    history = sound()
    for number in numbers:
        history.appends[f"e{number}"].group = "group"
    return history


def test_atomic_lets_a_group_pass_that_is_all_there_or_not_at_all() -> None:
    assert list(atomic(grouped(2, 3, 4))) == []
    history = grouped()
    for number in (7, 8):
        history.appends[f"e{number}"] = replace(
            append(number, at=9.0), group="group", outcome=Outcome.UNKNOWN, number=0
        )
    assert list(atomic(history)) == []


def test_atomic_catches_half_a_group() -> None:
    history = grouped(5, 6)
    history.logs[TALK].pop()
    assert list(atomic(history)) == ["1 of the 2 drafts of group are stored"]


def test_atomic_catches_a_group_that_was_torn_apart() -> None:
    assert list(atomic(grouped(2, 4))) == ["the drafts of group are numbered [2, 4]"]


def test_reliable_catches_an_acknowledged_entry_that_is_lost() -> None:
    history = sound()
    history.logs[TALK].pop()
    assert any("e6 was acknowledged as 6 and is not in the log" in sentence for sentence in reliable(history))


def test_reliable_catches_an_acknowledged_entry_with_another_number() -> None:
    history = sound()
    history.appends["e6"].number = 5
    assert any("e6 was acknowledged as 5 and is number 6" in sentence for sentence in reliable(history))


def test_reliable_catches_other_words_than_were_acknowledged() -> None:
    history = sound()
    history.logs[TALK][1] = entry(2, words="something else")
    assert any("e2 (number 2) has other content" in sentence for sentence in reliable(history))


def test_reliable_catches_a_gap_in_the_log() -> None:
    history = sound()
    del history.appends["e4"]
    del history.logs[TALK][3]
    assert any("the log of talk is numbered" in sentence for sentence in reliable(history))


def test_reliable_catches_an_entry_that_no_writer_appended() -> None:
    history = sound()
    del history.appends["e4"]
    assert list(reliable(history)) == ["no writer appended e4 (number 4 of talk)"]


def test_reliable_takes_what_the_service_adds_for_its_own() -> None:
    history = sound()
    del history.appends["e4"]
    history.opened.add("e4")
    assert list(reliable(history)) == []


def test_reliable_catches_a_refused_append_that_is_stored() -> None:
    history = sound()
    history.appends["e4"].outcome = Outcome.FAIL
    assert list(reliable(history)) == ["e4 was refused and is number 4"]


def test_reliable_catches_an_entry_that_a_watcher_missed() -> None:
    history = sound()
    del watcher(history).yielded[3]
    assert any("yielded" in sentence for sentence in reliable(history))


def test_reliable_catches_a_watcher_that_missed_the_end() -> None:
    history = sound()
    watcher(history).yielded.pop()
    assert list(reliable(history)) == ["watcher yielded 5 of the 6 entries of talk"]
    watcher(history).complete = False
    assert list(reliable(history)) == []


def test_reliable_catches_a_watcher_that_was_handed_other_words() -> None:
    history = sound()
    watcher(history).yielded[1] = entry(2, words="something else")
    assert any(
        "yielded b'utterance something else' as number 2" in sentence for sentence in reliable(history)
    )


def test_resumable_catches_a_stream_that_resumes_too_late() -> None:
    history = sound()
    first, second = watcher(history).streams
    first.received.pop()
    second.cursor = "c4"
    del second.received[0]
    assert list(resumable(history)) == ["watcher received 6 of talk instead of 5 after resuming"]


def test_resumable_catches_a_stream_that_resumes_too_early() -> None:
    history = sound()
    second = watcher(history).streams[1]
    second.cursor = "c4"
    second.received.insert(0, received(entry(4)))
    assert any("received 4 of talk instead of 5" in sentence for sentence in resumable(history))


def test_resumable_catches_a_gap_in_a_stream_from_the_beginning() -> None:
    history = sound()
    del watcher(history).streams[0].received[1]
    assert any("received 3 of talk instead of 2" in sentence for sentence in resumable(history))


def test_bookmarkable_catches_a_bookmark_that_stands_too_far_ahead() -> None:
    history = sound()
    del watcher(history).streams[1].received[0]
    assert list(bookmarkable(history)) == ["watcher received 6 of talk instead of 5 after resuming"]
    assert list(resumable(history)) == []


def test_bookmarkable_catches_caught_up_before_all_that_was_acknowledged() -> None:
    history = sound()
    stream = watcher(history).streams[0]
    stream.received.insert(1, caught_up(1))
    assert list(bookmarkable(history)) == [
        "watcher was caught up at 1 of talk, though 3 was acknowledged before"
    ]


def test_a_stream_that_broke_before_it_caught_up_promised_nothing() -> None:
    history = sound()
    watcher(history).streams[1].received.clear()
    assert list(bookmarkable(history)) == []
