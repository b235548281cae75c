"""Which entries of a log somebody wants."""

from __future__ import annotations

from dataclasses import dataclass

from readback.conversation.v1 import conversation_service_pb2 as pb

from services.conversation.model.entries import KINDS

_KINDS = {
    pb.ENTRY_KIND_UTTERANCE: KINDS["utterance"],
    pb.ENTRY_KIND_TOOL_CALL: KINDS["tool_call"],
    pb.ENTRY_KIND_TOOL_RESULT: KINDS["tool_result"],
    pb.ENTRY_KIND_STATE_CHANGE: KINDS["state_change"],
}
UTTERANCE = KINDS["utterance"]


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """The contract's filter, ready to be asked a hundred thousand times a second. An empty set is no rule."""

    kinds: frozenset[int] = frozenset()
    """Field numbers of contents in `Entry`."""
    speakers: frozenset[int] = frozenset()
    """Entries that are no utterances have no speaker, 0."""

    @classmethod
    def of(cls, message: pb.EntryFilter) -> EntryFilter:
        """The filter that a request asks for."""
        return cls(frozenset(_KINDS[kind] for kind in message.kinds), frozenset(message.speakers))

    def __bool__(self) -> bool:
        return bool(self.kinds or self.speakers)

    def admits(self, kind: int, speaker: int) -> bool:
        """Whether an entry of a kind and a speaker is wanted."""
        return (not self.kinds or kind in self.kinds) and (not self.speakers or speaker in self.speakers)


EVERYTHING = EntryFilter()
"""No rule."""
