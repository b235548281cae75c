"""Evidence from short lines: who spoke when, and what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from consent.evidence import AgentUtterance, CustomerTurn, Evidence, OpenSpeech, QuoteToConfirm
from consent.grammar import Subject

QUOTE, OTHER_QUOTE = "a1" * 32, "b2" * 32
TEXT = "Chennai to Delhi on Friday the fourth, for five thousand rupees. Shall I?"
TO_CONFIRM = QuoteToConfirm(QUOTE, TEXT, "en-IN", Subject.BOOK)
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
CALL = "018f0000-0000-7000-8000-000000000001"


def at(seconds: float) -> datetime:
    """Return the time some seconds after noon."""
    return NOON + timedelta(seconds=seconds)


@dataclass
class Log:
    """A call in which a quote is read back from noon to ten seconds after it, and heard 100 ms later."""

    turns: list[CustomerTurn] = field(default_factory=list)
    agent: list[AgentUtterance] = field(default_factory=list)
    open: list[OpenSpeech] = field(default_factory=list)
    readback: AgentUtterance | None = None
    epoch: int = 1
    incomplete: bool = False

    def __post_init__(self) -> None:
        self.readback = self.readback or self._agent(TEXT, 0, 10, readback_of=QUOTE)

    def customer(self, text: str, start: float, length: float = 0.5, **changes: Any) -> CustomerTurn:
        """Add an utterance of the customer."""
        turn = CustomerTurn(**self._said(text, start, start + length), own=True)
        self.turns.append(replace(turn, **changes))
        return self.turns[-1]

    def says(self, text: str, start: float, end: float, **changes: Any) -> AgentUtterance:
        """Add an utterance of the agent."""
        self.agent.append(self._agent(text, start, end, **changes))
        return self.agent[-1]

    def asks_again(self, start: float, **changes: Any) -> AgentUtterance:
        """Add the second question, two seconds long."""
        text = "Please say book it or no."
        return self.says(text, start, start + 2, second_question_of=QUOTE, **changes)

    def evidence(self, **changes: Any) -> Evidence:
        """Return the evidence in the log."""
        made = Evidence(
            quote=TO_CONFIRM,
            readback=self.readback,
            turns=self.turns,
            agent=self.agent,
            open=self.open,
            epoch=self.epoch,
            incomplete=self.incomplete,
        )
        return replace(made, **changes)

    def _agent(self, text: str, start: float, end: float, **changes: Any) -> AgentUtterance:
        made = AgentUtterance(
            **self._said(text, start, end),
            readback_of="",
            second_question_of="",
            delivered=at(end + 0.1),
        )
        return replace(made, **changes)

    def _said(self, text: str, start: float, end: float) -> dict[str, Any]:
        return {
            "number": 7 + len(self.turns) + len(self.agent) + (self.readback is not None),
            "text": text,
            "start": at(start),
            "end": at(end),
            "commit": at(end + 0.05),
            "call_id": CALL,
            "epoch": 1,
            "whole": True,
        }
