"""A model of the log: lists and dictionaries, without store, groups or caches."""

from __future__ import annotations

from dataclasses import dataclass, field

RUNNING, ENDED = "running", "ended"
REFUSED = -1
"""Stands for a number: the draft conflicts with another entry of the same id."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """An entry: an utterance or a state change."""

    what: str
    """The words, or the name of a state change with its epoch."""
    entry_id: str = ""
    sealing: str = ""
    late: bool = False


@dataclass(slots=True, eq=False)
class ModelCall:
    """A call and its writer."""

    conversation: ModelConversation
    epoch: int = 1
    writer: str | None = None
    state: str = RUNNING
    opened: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Revision and words of open utterances, by id."""


@dataclass(slots=True, eq=False)
class ModelConversation:
    """A log."""

    entries: list[ModelEntry] = field(default_factory=list)
    calls: list[ModelCall] = field(default_factory=list)
    state: str = RUNNING
    deleted: bool = False

    @property
    def running(self) -> ModelCall | None:
        """The running call."""
        return next((call for call in self.calls if call.state == RUNNING), None)

    def number_of(self, entry_id: str) -> int:
        """The number of an entry; 0 when it is not in the log."""
        return next((number for number, entry in enumerate(self.entries, 1) if entry.entry_id == entry_id), 0)


@dataclass(frozen=True, slots=True)
class ModelDraft:
    """A draft; a revision of an open utterance has a number above 0."""

    entry_id: str
    words: str
    revision: int = 0


class Refusal(Exception):
    """The whole append is refused, for this reason."""


class Model:
    """All logs of one customer, and the feed over them."""

    def __init__(self) -> None:
        self.conversations: list[ModelConversation] = []
        self.feed: list[tuple[int, int]] = []
        """Conversation and number of each entry; number 0 is a deletion."""

    def begin(self) -> ModelConversation:
        """Start a conversation."""
        self.conversations.append(ModelConversation())
        return self.conversations[-1]

    def start(self, conversation: ModelConversation) -> ModelCall:
        """Start a call in a conversation without a running one."""
        call = ModelCall(conversation)
        conversation.calls.append(call)
        self._add(conversation, ModelEntry("CALL_STARTED 1"))
        return call

    def open(self, call: ModelCall, epoch: int, writer: str) -> None:
        """Open a stream: the writer takes its call, or reopens it."""
        self._require(call, epoch)
        if call.writer is None:
            call.writer = writer
            self._add(call.conversation, ModelEntry(f"AGENT_JOINED {call.epoch}"))
        elif call.writer != writer:
            raise Refusal("EpochHeld")

    def append(self, call: ModelCall, epoch: int, writer: str, drafts: list[ModelDraft]) -> list[int]:
        """Append a stream's drafts; return the number of each."""
        self._require(call, epoch)
        if call.writer is None:
            raise Refusal("StaleEpoch")
        if call.writer != writer:
            raise Refusal("EpochHeld")
        return [self._take(call, draft, late=False) for draft in drafts]

    def append_whole(self, call: ModelCall, epoch: int, writer: str, drafts: list[ModelDraft]) -> list[int]:
        """Append drafts outside a stream: all or none, late if the writer lost the call."""
        if call.conversation.deleted:
            raise Refusal("CallNotFound")
        if epoch > call.epoch:
            raise Refusal("StaleEpoch")
        if epoch == call.epoch and call.writer != writer:
            raise Refusal("EpochHeld")
        if call.conversation.state == ENDED:
            raise Refusal("ConversationEnded")
        late = epoch < call.epoch or call.state == ENDED
        if late and any(draft.revision for draft in drafts):
            raise Refusal("StaleEpoch")
        words = {entry.entry_id: entry.what for entry in call.conversation.entries if entry.entry_id}
        sealing = {entry.entry_id: entry.sealing for entry in call.conversation.entries}
        for draft in drafts:
            if not draft.revision and words.setdefault(draft.entry_id, draft.words) != draft.words:
                raise Refusal("EntryConflict")
            if not draft.revision and sealing.get(draft.entry_id, "FINAL") != "FINAL":
                raise Refusal("EntryConflict")
        return [self._take(call, draft, late=late) for draft in drafts]

    def take_over(self, call: ModelCall) -> None:
        """Replace a lost agent."""
        self._truncate(call)
        call.epoch, call.writer = call.epoch + 1, None
        self._add(call.conversation, ModelEntry(f"AGENT_LOST {call.epoch}"))

    def end(self, call: ModelCall) -> None:
        """End a running call."""
        self._truncate(call)
        call.state = ENDED
        self._add(call.conversation, ModelEntry(f"CALL_ENDED {call.epoch}"))

    def finish(self, conversation: ModelConversation) -> None:
        """End a conversation without a running call."""
        conversation.state = ENDED
        self._add(conversation, ModelEntry("CONVERSATION_ENDED 0"))

    def delete(self, conversation: ModelConversation) -> None:
        """Delete a conversation."""
        conversation.deleted = True
        self.feed.append((self.conversations.index(conversation), 0))

    def _require(self, call: ModelCall, epoch: int) -> None:
        if call.conversation.deleted:
            raise Refusal("CallNotFound")
        if call.state == ENDED:
            raise Refusal("CallEnded")
        if epoch != call.epoch:
            raise Refusal("StaleEpoch")

    def _take(self, call: ModelCall, draft: ModelDraft, *, late: bool) -> int:
        conversation = call.conversation
        known = conversation.number_of(draft.entry_id)
        held = next(
            (other.opened[draft.entry_id] for other in conversation.calls if draft.entry_id in other.opened),
            (0, ""),
        )
        if draft.revision:
            if not known and held[0] < draft.revision:
                self._forget(conversation, draft.entry_id)
                call.opened[draft.entry_id] = (draft.revision, draft.words)
            return 0
        if known:
            entry = conversation.entries[known - 1]
            return known if (entry.what, entry.sealing) == (draft.words, "FINAL") else REFUSED
        self._forget(conversation, draft.entry_id)
        return self._add(conversation, ModelEntry(draft.words, draft.entry_id, "FINAL", late))

    def _forget(self, conversation: ModelConversation, entry_id: str) -> None:
        for call in conversation.calls:
            call.opened.pop(entry_id, None)

    def _truncate(self, call: ModelCall) -> None:
        for entry_id, (_, words) in sorted(call.opened.items()):  # all began at the same time
            del call.opened[entry_id]
            if words:
                self._add(call.conversation, ModelEntry(words, entry_id, "TRUNCATED"))

    def _add(self, conversation: ModelConversation, entry: ModelEntry) -> int:
        conversation.entries.append(entry)
        self.feed.append((self.conversations.index(conversation), len(conversation.entries)))
        return len(conversation.entries)
