"""What a process knows of the logs it appends to, so that an append need not ask the database first.

All of it may be out of date: another replica, or a commit beside the appends, may have changed something. That is found out when
the changes are written, because the version of the customer's feed is then another; what was known is doubted then and read again. That
only holds while there is one history: who finds the database gone and back forgets everything (`ports.Reconnected`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.conversation.model.chunks import PageRow
from services.conversation.model.records import Call, Conversation, FeedEnd, FeedRun, OpenSpeech

RECOGNISED = 16_384
"""How many of a log's last entries are recognised when they are handed in again. What a writer holds back unacknowledged is bounded at
a quarter of this (`client.outbox.CAPACITY`), so nothing older can be a retry."""
MAX_KNOWN = 400_000
"""Entry ids held in memory, of all logs together: about 60 MB."""
LOG_WEIGHT = 32
"""What a log weighs beside its entry ids: its row, its call's, its open page."""


@dataclass(slots=True)
class LogState:
    """The growing end of one log as it was last seen."""

    conversation: Conversation
    head: int
    """Number of the last entry."""
    update_time: int
    """Microseconds since 1970."""
    title: str
    page: PageRow | None
    """The last page, if it is still open."""
    known: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Number and fingerprint of the last entries, by id."""
    opened: dict[bytes, OpenSpeech] = field(default_factory=dict)
    """Open utterances by id, the earliest first."""

    def trim(self) -> None:
        """Forgets what is too old to be recognised, now and then."""
        if len(self.known) > 2 * RECOGNISED:
            self.known = dict(list(self.known.items())[-RECOGNISED:])


@dataclass(slots=True)
class CustomerState:
    """What is known of one customer's logs, all as of one version of the feed."""

    customer_id: str
    feed: FeedEnd
    run: FeedRun | None
    """The feed's last run."""
    logs: dict[str, LogState] = field(default_factory=dict)
    """By conversation id."""
    calls: dict[str, Call] = field(default_factory=dict)
    """By call id."""
    former: dict[str, LogState] = field(default_factory=dict)
    """Logs as they were at an earlier version. What they hold still stands, because entries are only added; there may be more."""
    doubted: bool = False
    """Something has changed since that is not known here."""

    @property
    def size(self) -> int:
        """What it weighs, in entry ids."""
        return sum(LOG_WEIGHT + len(log.known) for logs in (self.logs, self.former) for log in logs.values())

    def join(self, earlier: CustomerState) -> None:
        """Takes over what was known before it was read."""
        if earlier.doubted or earlier.feed.version != self.feed.version:
            self.former = {
                name: log for name, log in (earlier.former | earlier.logs).items() if name not in self.logs
            }
        else:
            self.logs, self.calls, self.former = (
                earlier.logs | self.logs,
                earlier.calls | self.calls,
                earlier.former,
            )


class LogStates:
    """What is known of the logs that were last written to, bounded."""

    def __init__(self, most: int = MAX_KNOWN) -> None:
        self._most = most
        self._customers: OrderedDict[str, CustomerState] = OrderedDict()
        self._customer_of: dict[str, str] = {}
        self._sizes: dict[str, int] = {}
        self._total = 0

    def of_call(self, call_id: str) -> CustomerState | None:
        """What is known of the customer whose call this is, doubted or not."""
        return self._customers.get(self._customer_of.get(call_id, ""))

    def fresh(self, call_id: str) -> CustomerState | None:
        """The same if there is no reason to doubt it."""
        state = self.of_call(call_id)
        return None if state is None or state.doubted or call_id not in state.calls else state

    def read(self, state: CustomerState) -> None:
        """Takes note of what was read."""
        earlier = self._customers.get(state.customer_id)
        if earlier is not None:
            state.join(earlier)
            self._forget(call_id for call_id in earlier.calls if call_id not in state.calls)
        self.keep(state)

    def keep(self, state: CustomerState) -> None:
        """Takes note of what is known by now."""
        customer_id = state.customer_id
        for call_id in state.calls:
            self._customer_of[call_id] = customer_id
        self._customers[customer_id] = state
        self._customers.move_to_end(customer_id)
        self._total += state.size - self._sizes.get(customer_id, 0)
        self._sizes[customer_id] = state.size
        while self._total > self._most and len(self._customers) > 1:
            self._drop()

    def doubt(self, customer_id: str) -> None:
        """Says that something has changed which is not known here."""
        state = self._customers.get(customer_id)
        if state is not None:
            state.doubted = True

    def _drop(self) -> None:
        customer_id, state = self._customers.popitem(last=False)
        self._forget(state.calls)
        self._total -= self._sizes.pop(customer_id)

    def _forget(self, call_ids: Iterable[str]) -> None:
        for call_id in call_ids:
            self._customer_of.pop(call_id, None)
