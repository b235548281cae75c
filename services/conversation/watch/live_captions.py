"""Live captions of one log: the latest text of each open utterance.

The captions of an utterance are delivered in the order of their revisions. None is delivered after the
utterance is sealed, so that a watcher doesn't show words twice. Captions may be lost.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from readback.conversation.v1 import entry_pb2

MAX_LIVE = 16
"""Most captions to keep for one log. Only two people talk in a call, so a conversation with more open
utterances indicates a defect in a writer."""
RECENTLY_SEALED = 64
"""Number of sealed utterances to remember, because a caption may arrive after the entry of its utterance. The
number applies twice: to announced entries, and to entries that watchers read from the store."""


class Caption(NamedTuple):
    """The text of an open utterance."""

    conversation_id: str
    speech: entry_pb2.OpenUtterance


class LiveCaptions:
    """The captions that all watchers of a log share. Each watcher remembers the last version it took."""

    __slots__ = ("_captions", "_sealed_announced", "_sealed_read", "version")

    def __init__(self) -> None:
        self._captions: OrderedDict[str, tuple[int, Caption]] = OrderedDict()
        self._sealed_announced: OrderedDict[str, None] = OrderedDict()
        self._sealed_read: OrderedDict[str, None] = OrderedDict()
        self.version = 0
        """Incremented for each new caption."""

    def offer(self, caption: Caption) -> bool:
        """Add a caption; return whether it is new. An old revision or a sealed utterance is ignored."""
        utterance_id, revision = caption.speech.utterance_id, caption.speech.revision
        if utterance_id in self._sealed_announced or utterance_id in self._sealed_read:
            return False
        stored = self._captions.get(utterance_id)
        if stored is not None and stored[1].speech.revision >= revision:
            return False
        self.version += 1
        self._captions[utterance_id] = (self.version, caption)
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
            key for key, (_, caption) in self._captions.items() if caption.conversation_id == conversation_id
        ]:
            del self._captions[utterance_id]

    def since(self, version: int) -> list[Caption]:
        """Return the captions that were added after a version: the latest one of each utterance."""
        if version == self.version:
            return []
        return [caption for added, caption in self._captions.values() if added > version]

    def _drop(self, utterance_ids: Iterable[str], sealed: OrderedDict[str, None]) -> None:
        for utterance_id in utterance_ids:
            self._captions.pop(utterance_id, None)
            sealed[utterance_id] = None
            sealed.move_to_end(utterance_id)
        while len(sealed) > RECENTLY_SEALED:
            sealed.popitem(last=False)
