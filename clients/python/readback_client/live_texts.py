"""The texts of open utterances on one stream, put together from their changes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

MAX_TEXTS = 64
"""Most utterances to remember. The service keeps fewer open; some close without an entry."""


class LiveTexts:
    """The text of each open utterance. A stream that is opened again needs a new object."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, Any] = OrderedDict()

    def complete(self, change: Any) -> bool:
        """Complete a change, an official `LiveText`, in place to the whole text with offset 0.

        Return False if the change continues a text that is unknown here.
        """
        earlier = self._texts.pop(change.utterance_id, None)
        if change.offset:
            if earlier is None:
                return False
            whole = type(change)()
            whole.CopyFrom(earlier)
            whole.revision, whole.tail = change.revision, earlier.tail[: change.offset] + change.tail
            change.CopyFrom(whole)
        self._texts[change.utterance_id] = change
        if len(self._texts) > MAX_TEXTS:
            self._texts.popitem(last=False)
        return True

    def close(self, utterance_id: str) -> None:
        """Forget an utterance whose entry has arrived."""
        self._texts.pop(utterance_id, None)
