"""Text of what is being spoken in one log, the latest revision of each utterance: lossy, and never of what is sealed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from readback.conversation.v1 import entry_pb2

MAX_LIVE = 16
"""Open utterances that text is held of at once. Two people talk in a call, so more in one conversation is a writer's mistake."""
REMEMBERED_SEALED = 64
"""Sealed utterances that are remembered, because live text may overtake or trail its entry on the way between processes: so many of
those that were announced, and so many of those that a watcher found in the store by itself."""


class Spoken(NamedTuple):
    """Live text of an utterance."""

    conversation_id: str
    speech: entry_pb2.OpenUtterance


class LiveText:
    """What the watchers of a log share; each remembers only how much of it it has taken."""

    __slots__ = ("_found", "_held", "_sealed", "version")

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[int, Spoken]] = OrderedDict()
        self._sealed: OrderedDict[str, None] = OrderedDict()
        self._found: OrderedDict[str, None] = OrderedDict()
        self.version = 0
        """Counts up with every text that came."""

    def offer(self, spoken: Spoken) -> bool:
        """Takes text; says whether it is news. Of two revisions the higher stays; of what is sealed nothing is taken."""
        speech = spoken.speech
        held = self._held.get(speech.utterance_id)
        if speech.utterance_id in self._sealed or speech.utterance_id in self._found:
            return False
        if held is not None and held[1].speech.revision >= speech.revision:
            return False
        self.version += 1
        self._held[speech.utterance_id] = (self.version, spoken)
        self._held.move_to_end(speech.utterance_id)
        if len(self._held) > MAX_LIVE:
            self._held.popitem(last=False)
        return True

    def seal(self, utterance_ids: Iterable[str]) -> None:
        """Forgets utterances that became entries, and what may still come of them."""
        self._close(utterance_ids, self._sealed)

    def find_sealed(self, utterance_ids: Iterable[str]) -> None:
        """The same for what one watcher read: it may have the entry before anybody announced it. Kept apart, so that who reads an old
        log to its end doesn't push out what was announced just now."""
        self._close(utterance_ids, self._found)

    def _close(self, utterance_ids: Iterable[str], remembered: OrderedDict[str, None]) -> None:
        for utterance_id in utterance_ids:
            self._held.pop(utterance_id, None)
            remembered[utterance_id] = None
            remembered.move_to_end(utterance_id)
        while len(remembered) > REMEMBERED_SEALED:
            remembered.popitem(last=False)

    def forget(self, conversation_id: str) -> None:
        """Drops what was spoken in a conversation that is gone."""
        for utterance_id in [
            key for key, (_, spoken) in self._held.items() if spoken.conversation_id == conversation_id
        ]:
            del self._held[utterance_id]

    def since(self, version: int) -> list[Spoken]:
        """What came after a version, the latest of each."""
        if version == self.version:
            return []
        return [spoken for came, spoken in self._held.values() if came > version]
