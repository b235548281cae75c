"""Boundaries between requests in one utterance: "find a flight to Delhi, and is AI 542 on time"."""

from __future__ import annotations

import re
from collections.abc import Iterator

_OPENS = (
    r"(?:please )?(?:(?:can|could|would|will) you|what|what's|when|when's|where|where's|how|which|who|find|"
    r"show|search|check|tell|look|list|book|get|give|reserve|track|is|are|has|did|does|do|i|i'd|i'll|from|"
    r"(?:a|another|one) (?:flight|ticket)|flights?|tickets?|status)"
)
_BOUNDARY = re.compile(
    rf"(?:[,;.?!] *| )(?:and|then|and then|and also|also|plus|after that|next|secondly|afterwards)[ ,]+"
    rf"(?=(?:then |also |please )*{_OPENS}\b)|(?<=[.?!;]) +(?={_OPENS}\b)",
    re.IGNORECASE,
)


def request_boundaries(text: str) -> Iterator[tuple[str, str]]:
    """Yield the parts before and after each word or sign of `text`, in any case, that may end a request."""
    for match in _BOUNDARY.finditer(text):
        yield text[: match.start()], text[match.end() :]
