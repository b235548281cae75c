"""What was wished of arrival and airlines, as it is said back."""

from __future__ import annotations

from collections.abc import Sequence

from agent.dialogue.carriers import carriers
from agent.dialogue.state import Draft
from agent.dialogue.wording import window_words


def further_wishes(draft: Draft) -> list[str]:
    """Says "arriving before nine in the morning", "with IndiGo or Vistara", "without Air India", in this order; nothing for nothing."""
    said = [f"arriving {window_words(draft.arrival)}"] if draft.arrival else []
    if draft.airlines:
        said.append(f"with {_either(draft.airlines)}")
    if draft.without_airlines:
        said.append(f"without {_either(draft.without_airlines)}")
    return said


def _either(codes: Sequence[str]) -> str:
    names = [known.name if (known := carriers().get(code)) else " ".join(code) for code in codes]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))
