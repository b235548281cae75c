"""Live captions are the latest of each utterance, and never of a sealed one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback_client.live_texts import LiveTexts

from services.conversation.watch.live_captions import (
    MAX_CHANGES,
    MAX_LIVE,
    RECENTLY_SEALED,
    Caption,
    LiveCaptions,
)

pytestmark = pytest.mark.unit


def spoken(utterance_id: str, revision: int, conversation_id: str = "c") -> Caption:
    return Caption(
        conversation_id,
        call_record.OpenUtterance(utterance_id=utterance_id, revision=revision, text=f"{revision} words"),
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


class Reader:
    """A watcher that takes the changes now and then, and puts the texts together by the contract's rule."""

    def __init__(self) -> None:
        self.version, self.texts, self._texts = 0, dict[str, str](), LiveTexts()
        self.received: list[pb.LiveText] = []

    def take(self, live: LiveCaptions) -> None:
        for change in live.since(self.version):
            message = pb.LiveText.FromString(change.data)
            self.received.append(message)
            text = self.texts.get(message.utterance_id, "")
            self.texts[message.utterance_id] = text[: message.offset] + message.tail
            whole = pb.LiveText.FromString(change.data)
            assert self._texts.complete(whole)
            assert (whole.tail, whole.offset) == (self.texts[message.utterance_id], 0)
            assert (whole.speaker, whole.modality) == (change.speech.speaker, change.speech.modality)
        self.version = live.version


def of(text: str, revision: int, utterance_id: str = "u", speaker: int = 1) -> Caption:
    speech = call_record.OpenUtterance(
        utterance_id=utterance_id,
        revision=revision,
        text=text,
        speaker=entry_pb2.Speaker.values()[speaker],
        modality=entry_pb2.MODALITY_VOICE,
    )
    return Caption("c", speech)


WORDS = st.text(st.sampled_from("ab \u0301é日💺👩\u200d"), max_size=8)
HAPPENINGS = st.one_of(
    st.tuples(st.just("revise"), st.sampled_from("uv"), WORDS, st.integers(1, 2)),
    st.tuples(st.just("extend"), st.sampled_from("uv"), WORDS, st.just(1)),
    st.tuples(st.just("seal"), st.sampled_from("uv"), st.just(""), st.just(0)),
    st.tuples(st.just("take"), st.sampled_from("012"), st.just(""), st.just(0)),
)


@given(st.lists(HAPPENINGS, max_size=60))
def test_a_reader_that_skips_any_revisions_has_the_text_that_was_spoken(
    happenings: list[tuple[str, str, str, int]],
) -> None:
    live, readers = LiveCaptions(), [Reader(), Reader(), Reader()]
    spoken_texts: dict[str, str] = {}
    sealed: set[str] = set()
    for revision, (what, who, words, speaker) in enumerate(happenings):
        if what == "take":
            readers[int(who)].take(live)
        elif what == "seal":
            live.seal([who])
            sealed.add(who)
        else:
            text = spoken_texts.get(who, "") * (what == "extend") + words
            if live.offer(of(text, revision, who, speaker)):
                spoken_texts[who] = text
        for reader in readers:
            if reader.version == live.version:
                current = {key: text for key, text in spoken_texts.items() if key not in sealed}
                assert {key: text for key, text in reader.texts.items() if key not in sealed} == current


def test_a_reader_that_is_up_to_date_gets_only_the_new_words() -> None:
    live, reader = LiveCaptions(), Reader()
    for revision, text in enumerate(("There", "There are", "There are 💺 seats", "There are 💺 seats.")):
        live.offer(of(text, revision))
        reader.take(live)
    assert [(one.offset, one.tail) for one in reader.received] == [
        (0, "There"),
        (5, " are"),
        (9, " 💺 seats"),
        (17, "."),
    ]


def test_revision_with_the_same_text_is_not_sent() -> None:
    live, reader = LiveCaptions(), Reader()
    live.offer(of("There", 1))
    reader.take(live)
    assert not live.offer(of("There", 2))
    assert live.offer(of("There", 3, speaker=2))
    reader.take(live)
    assert [(one.offset, one.tail) for one in reader.received] == [(0, "There"), (0, "There")]


def test_readers_with_the_same_text_share_one_serialized_change() -> None:
    live = LiveCaptions()
    live.offer(of("There", 1))
    taken = live.version
    live.offer(of("There are", 2))
    (one,), (other,) = live.since(taken), live.since(taken)
    assert one.data is other.data


def test_a_reader_that_missed_too_many_changes_gets_the_whole_text() -> None:
    live, slow, slower = LiveCaptions(), Reader(), Reader()
    live.offer(of("a", 0))
    slower.take(live)
    for revision in range(1, MAX_CHANGES + 1):
        if revision == 2:
            slow.take(live)
        live.offer(of("a" * (revision + 1), revision))
    for reader in (slow, slower):
        reader.take(live)
        assert reader.texts == {"u": "a" * (MAX_CHANGES + 1)}
    assert (slow.received[-1].offset, slower.received[-1].offset) == (2, 0)
