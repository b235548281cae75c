"""Live captions of one log: the latest text of each open utterance, and its last changes.

The captions of an utterance are delivered in the order of their revisions. None is delivered after the
utterance is sealed, so that a watcher doesn't show words twice. Captions may be lost.

A watcher that has an earlier text gets only the text after the first change. The watchers of a log mostly
have the same text, so they share the serialized changes.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import NamedTuple

from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

MAX_LIVE = 16
"""Most captions to keep for one log. Only two people talk in a call, so a conversation with more open
utterances indicates a defect in a writer."""
MAX_CHANGES = 16
"""Most changes of a caption to keep. A watcher that has missed more gets the whole text."""
RECENTLY_SEALED = 64
"""Number of sealed utterances to remember, because a caption may arrive after the entry of its utterance. The
number applies twice: to announced entries, and to entries that watchers read from the store."""


class Caption(NamedTuple):
    """The text of an open utterance."""

    conversation_id: str
    speech: call_record.OpenUtterance


class CaptionChange(NamedTuple):
    """A caption, and its difference from the caption that one watcher has."""

    conversation_id: str
    speech: call_record.OpenUtterance
    data: bytes
    """Serialized `LiveText`."""


class _Live:
    """The latest caption of an utterance, with its last changes."""

    __slots__ = ("_changes", "_serialized", "caption", "version")

    def __init__(self, caption: Caption, version: int) -> None:
        self.caption, self.version = caption, version
        self._changes: deque[tuple[int, int]] = deque([(version, 0)], MAX_CHANGES)
        """Version and offset of each change; what is before the offset didn't change."""
        self._serialized: dict[int, bytes] = {}

    def replace(self, caption: Caption, version: int) -> None:
        """Replace the caption by a later one of the same utterance."""
        earlier, later = self.caption.speech, caption.speech
        if not _is_by_same(earlier, later):
            self._changes.clear()  # watchers learn them only from a whole text
        self._changes.append((version, _unchanged(earlier.text, later.text)))
        self.caption, self.version, self._serialized = caption, version, {}

    def change_since(self, version: int) -> CaptionChange:
        """Return the difference from the caption at a version."""
        offset = 0
        if self._changes[0][0] <= version:
            offset = min(offset for changed, offset in self._changes if changed > version)
        if offset not in self._serialized:
            self._serialized[offset] = _live_text(self.caption, offset).SerializeToString()
        return CaptionChange(*self.caption, self._serialized[offset])


class LiveCaptions:
    """The captions that all watchers of a log share. Each watcher remembers the last version it took."""

    __slots__ = ("_captions", "_sealed_announced", "_sealed_read", "version")

    def __init__(self) -> None:
        self._captions: OrderedDict[str, _Live] = OrderedDict()
        self._sealed_announced: OrderedDict[str, None] = OrderedDict()
        self._sealed_read: OrderedDict[str, None] = OrderedDict()
        self.version = 0
        """Incremented for each new caption."""

    def offer(self, caption: Caption) -> bool:
        """Add a caption; return whether it has another text.

        An old revision or a sealed utterance is ignored.
        """
        utterance_id, revision = caption.speech.utterance_id, caption.speech.revision
        if utterance_id in self._sealed_announced or utterance_id in self._sealed_read:
            return False
        stored = self._captions.get(utterance_id)
        if stored is not None and stored.caption.speech.revision >= revision:
            return False
        if stored is not None and _looks_same(stored.caption.speech, caption.speech):
            stored.caption = caption
            return False
        self.version += 1
        if stored is None:
            self._captions[utterance_id] = _Live(caption, self.version)
        else:
            stored.replace(caption, self.version)
        self._captions.move_to_end(utterance_id)
        if len(self._captions) > MAX_LIVE:
            self._captions.popitem(last=False)
        return True

    def seal(self, utterance_ids: Iterable[str]) -> None:
        """Drop the captions of utterances that were announced as sealed; ignore their later captions."""
        self._drop(utterance_ids, self._sealed_announced)

    def seal_read(self, utterance_ids: Iterable[str]) -> None:
        """Drop the captions of utterances that a watcher read as entries; ignore later captions of them.

        These utterances are remembered separately from announced ones. Otherwise a watcher that reads a long
        log would evict the announced ones.
        """
        self._drop(utterance_ids, self._sealed_read)

    def forget(self, conversation_id: str) -> None:
        """Drop the captions of a deleted conversation."""
        for utterance_id in [
            key for key, live in self._captions.items() if live.caption.conversation_id == conversation_id
        ]:
            del self._captions[utterance_id]

    def since(self, version: int) -> list[CaptionChange]:
        """Return the changes since a version, at which the watcher took all captions: one per utterance."""
        if version == self.version:
            return []
        return [live.change_since(version) for live in self._captions.values() if live.version > version]

    def _drop(self, utterance_ids: Iterable[str], sealed: OrderedDict[str, None]) -> None:
        for utterance_id in utterance_ids:
            self._captions.pop(utterance_id, None)
            sealed[utterance_id] = None
            sealed.move_to_end(utterance_id)
        while len(sealed) > RECENTLY_SEALED:
            sealed.popitem(last=False)


def _is_by_same(earlier: call_record.OpenUtterance, later: call_record.OpenUtterance) -> bool:
    return earlier.speaker == later.speaker and earlier.modality == later.modality


def _looks_same(earlier: call_record.OpenUtterance, later: call_record.OpenUtterance) -> bool:
    return earlier.text == later.text and _is_by_same(earlier, later)


def _unchanged(earlier: str, later: str) -> int:
    """Return the number of leading characters that two texts share."""
    if later.startswith(earlier):
        return len(earlier)
    pairs = enumerate(zip(earlier, later, strict=False))
    return next((index for index, (left, right) in pairs if left != right), len(later))


def _live_text(caption: Caption, offset: int) -> pb.LiveText:
    """Return the text from an offset on. Only the whole text has the fields that don't change."""
    speech = caption.speech
    text = pb.LiveText(
        utterance_id=speech.utterance_id, revision=speech.revision, offset=offset, tail=speech.text[offset:]
    )
    if not offset:
        text.conversation_id = caption.conversation_id
        text.speaker, text.modality = speech.speaker, speech.modality
        if speech.HasField("start_time"):
            text.start_time.CopyFrom(speech.start_time)
    return text
