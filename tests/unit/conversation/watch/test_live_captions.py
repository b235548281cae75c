"""Live captions are the latest of each utterance, and never of a sealed one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import entry_pb2

from services.conversation.watch.live_captions import MAX_LIVE, RECENTLY_SEALED, Caption, LiveCaptions

pytestmark = pytest.mark.unit


def spoken(utterance_id: str, revision: int, conversation_id: str = "c") -> Caption:
    return Caption(
        conversation_id,
        entry_pb2.OpenUtterance(utterance_id=utterance_id, revision=revision, text=f"{revision} words"),
    )


def revisions(live: LiveCaptions, version: int = 0) -> dict[str, int]:
    return {caption.speech.utterance_id: caption.speech.revision for caption in live.since(version)}


def test_latest_revision_wins_whatever_the_order() -> None:
    live = LiveCaptions()
    assert [live.offer(spoken("u", revision)) for revision in (1, 3, 2, 3)] == [True, True, False, False]
    assert revisions(live) == {"u": 3}


def test_reader_gets_only_captions_added_since() -> None:
    live = LiveCaptions()
    live.offer(spoken("a", 1))
    live.offer(spoken("b", 1))
    taken = live.version
    assert live.since(taken) == []
    live.offer(spoken("a", 2))
    assert revisions(live, taken) == {"a": 2}
    assert revisions(live) == {"a": 2, "b": 1}, "a new reader gets all"


def test_caption_after_its_entry_is_dropped() -> None:
    live = LiveCaptions()
    live.offer(spoken("u", 1))
    live.seal(["u"])
    assert not live.offer(spoken("u", 9))
    assert live.since(0) == []


def test_caption_after_an_entry_that_a_watcher_read_itself_is_dropped() -> None:
    live = LiveCaptions()
    live.offer(spoken("held", 1))
    live.seal_read(["held", "found"])
    assert not live.offer(spoken("held", 2))
    assert not live.offer(spoken("found", 1))
    assert live.since(0) == []


def test_reading_an_old_log_keeps_the_announced_seals() -> None:
    live = LiveCaptions()
    live.seal(["announced"])
    live.seal_read(f"old {number}" for number in range(2 * RECENTLY_SEALED))
    assert not live.offer(spoken("announced", 1))


def test_number_of_captions_is_bounded() -> None:
    live = LiveCaptions()
    for number in range(MAX_LIVE + 5):
        live.offer(spoken(f"u{number}", 1))
    assert list(revisions(live)) == [f"u{number}" for number in range(5, MAX_LIVE + 5)]


def test_number_of_remembered_seals_is_bounded() -> None:
    live = LiveCaptions()
    live.seal(["old"])
    live.seal(f"u{number}" for number in range(RECENTLY_SEALED))
    assert live.offer(spoken("old", 1)), "memory is bounded: by then nothing of it is on its way any more"


def test_captions_of_a_deleted_conversation_are_dropped() -> None:
    live = LiveCaptions()
    live.offer(spoken("a", 1, "gone"))
    live.offer(spoken("b", 1, "here"))
    live.forget("gone")
    assert revisions(live) == {"b": 1}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9) | st.none()), max_size=40))
def test_reader_never_sees_an_older_revision_after_a_newer_nor_any_after_the_seal(
    happenings: list[tuple[str, int | None]],
) -> None:
    live, version = LiveCaptions(), 0
    seen: dict[str, int] = {}
    sealed = set()
    for utterance_id, revision in happenings:
        if revision is None:
            live.seal([utterance_id])
            sealed.add(utterance_id)
        else:
            live.offer(spoken(utterance_id, revision))
        for caption in live.since(version):
            assert caption.speech.utterance_id not in sealed
            assert caption.speech.revision > seen.get(caption.speech.utterance_id, -1)
            seen[caption.speech.utterance_id] = caption.speech.revision
        version = live.version
