"""Decision whether the log holds a customer's consent to a quote.

The customer's first turn after the end of the last read-back must be a plain yes. If it was unclear, the
first turn after the one strict second question must be. Nothing else may have been said between that question
and the reply, and afterwards only thanks or another yes.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from consent.evidence import AgentUtterance, CustomerTurn, Evidence
from consent.grammar import Kind, grammar_for, normalised
from consent.reading import Reading, classify, is_thanks

ECHO_GUARD = timedelta(milliseconds=200)
"""A turn that begins earlier after the end of a question doesn't answer it."""
ECHO_WORDS = 3
"""Fewest words that count as an echo of a question. Single words, such as "no", may be the customer's."""
SETTLE = timedelta(milliseconds=800)
"""Silence after which a consent counts."""
_END = datetime.max.replace(tzinfo=UTC)


class Verdict(StrEnum):
    """The next step for the booking service or the agent."""

    CONSENT = "consent"
    """The quote may be confirmed, once."""
    WAIT = "wait"
    """The customer speaks, or may go on speaking. Read the log again."""
    NO_REPLY = "no_reply"
    """The customer has said nothing since the last question."""
    READ_BACK = "read_back"
    """There is no read-back that can be answered. Read the quote back."""
    SECOND_QUESTION = "second_question"
    """The reply is unclear. Ask the strict second question."""
    STOP = "stop"
    """The reply to the second question is unclear too, or the language has no reviewed grammar. Stop."""
    QUESTION = "question"
    """The customer asked something. Answer; then ask the second question, or read back if it was asked."""
    DENIED = "denied"
    """The customer said no. Withdraw the quote."""
    CHANGED = "changed"
    """The customer wants something else, or has a condition. Make another quote."""
    WITHDRAWN = "withdrawn"
    """The customer said more than thanks after the yes. Send nothing."""


_VERDICTS = {
    Kind.DENY: Verdict.DENIED,
    Kind.CHANGE: Verdict.CHANGED,
    Kind.CONDITIONAL: Verdict.CHANGED,
    Kind.QUESTION: Verdict.QUESTION,
}
_REFUSALS = frozenset({Verdict.DENIED, Verdict.CHANGED})
_OPEN = frozenset({Verdict.NO_REPLY, Verdict.SECOND_QUESTION, Verdict.QUESTION})
"""Verdicts on a read-back after which the second question may be asked."""
_HARMLESS = frozenset({Kind.AFFIRM, Kind.BACKCHANNEL})


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, and the entries that show it."""

    verdict: Verdict
    question: AgentUtterance | None = None
    """The read-back or second question that was answered."""
    reply: CustomerTurn | None = None
    """The customer's turn that decided."""
    reading: Reading | None = None
    """Reading of `reply`."""
    wait_until: datetime | None = None
    """With `WAIT`: time at which the consent settles if the customer stays silent; None while they speak."""


def decide_consent(evidence: Evidence, now: datetime) -> Decision:
    """Decide whether the customer consents to a quote.

    Args:
        now: time of the snapshot, on the log's clock (`read_time` of the evidence).
    """
    grammar, readback = grammar_for(evidence.quote.locale), evidence.readback
    if grammar is None or not grammar.reviewed:
        return Decision(Verdict.STOP)
    if readback is None or not _reads_back(evidence, readback):
        return Decision(Verdict.READ_BACK)
    if any(speech.by_customer for speech in evidence.open):
        return Decision(Verdict.WAIT)
    turns = sorted(evidence.turns, key=lambda turn: (turn.start, turn.number))
    second = _second_question(evidence, readback)
    decided = _answer(evidence, readback, turns, second.start if second else _END)
    if second is not None and decided.verdict in _OPEN:
        decided = _answer(evidence, second, [turn for turn in turns if turn.start >= second.start], _END)
        if decided.verdict not in _REFUSALS and not _played(evidence, second):
            decided = Decision(Verdict.STOP, second)
        elif decided.verdict is Verdict.SECOND_QUESTION:
            decided = replace(decided, verdict=Verdict.STOP)
    return _settled(evidence, decided, turns, now) if decided.verdict is Verdict.CONSENT else decided


def _reads_back(evidence: Evidence, readback: AgentUtterance) -> bool:
    """Return whether a read-back is the quote's, word for word, and was heard to its end in this epoch."""
    return (
        readback.readback_of == evidence.quote.digest
        and readback.text.split() == evidence.quote.text.split()
        and _played(evidence, readback)
    )


def _played(evidence: Evidence, question: AgentUtterance) -> bool:
    return question.whole and question.epoch == evidence.epoch and question.delivered is not None


def _second_question(evidence: Evidence, readback: AgentUtterance) -> AgentUtterance | None:
    """Return the first second question after a read-back; later ones are other speech."""
    asked = [
        spoken
        for spoken in evidence.agent
        if spoken.second_question_of == evidence.quote.digest and spoken.start >= readback.end
    ]
    return min(asked, key=lambda spoken: (spoken.start, spoken.number), default=None)


def _answer(
    evidence: Evidence, question: AgentUtterance, turns: Sequence[CustomerTurn], until: datetime
) -> Decision:
    """Return what the turns that begin before a time answer to a question."""
    read = [(turn, _read(evidence, question, turn)) for turn in turns if turn.start < until]
    quiet = _quiet(question)
    first = next((pair for pair in read if pair[0].start >= quiet), None)
    heard_out = all(reading.kind in _HARMLESS for turn, reading in read if turn.start < quiet)
    agrees = first is not None and heard_out and first[1].kind is Kind.AFFIRM
    refusal = None if agrees else _first_of(read, _REFUSALS)
    if refusal is not None:
        return Decision(refusal[0], question, *refusal[1])
    if _interrupts(evidence, question, first[0].start if first else until):
        return Decision(Verdict.READ_BACK)
    if first is not None and agrees:
        return Decision(Verdict.CONSENT, question, *first)
    if not read:
        return Decision(Verdict.NO_REPLY, question)
    if asked := _first_of(read, {Verdict.QUESTION}):
        return Decision(asked[0], question, *asked[1])
    return Decision(Verdict.SECOND_QUESTION, question, *read[-1])


def _first_of(
    read: Sequence[tuple[CustomerTurn, Reading]], verdicts: Container[Verdict]
) -> tuple[Verdict, tuple[CustomerTurn, Reading]] | None:
    """Return the first turn whose kind has one of these verdicts."""
    found = ((_VERDICTS.get(pair[1].kind), pair) for pair in read)
    return next(((verdict, pair) for verdict, pair in found if verdict and verdict in verdicts), None)


def _quiet(question: AgentUtterance) -> datetime:
    """Return the time from which a turn answers a question."""
    return question.delivered + ECHO_GUARD if question.delivered else _END


def _read(evidence: Evidence, question: AgentUtterance, turn: CustomerTurn) -> Reading:
    """Read a turn. One that doesn't count can object, but neither consent nor be ignored.

    The agent's own words in the caller's microphone, while it speaks, are read as an acknowledgement.
    """
    text = normalised(turn.text)
    is_echo = text.count(" ") >= ECHO_WORDS - 1 and f" {text} " in f" {normalised(question.text)} "
    if is_echo and turn.start < _quiet(question):
        return Reading(Kind.BACKCHANNEL, text)
    reading = classify(turn.text, evidence.quote.locale, evidence.quote.text, evidence.quote.subject)
    counts = turn.whole and turn.own and (turn.call_id, turn.epoch) == (question.call_id, question.epoch)
    return reading if counts or reading.kind not in _HARMLESS else Reading(Kind.UNCLEAR, "")


def _interrupts(evidence: Evidence, question: AgentUtterance, until: datetime) -> bool:
    """Return whether the agent said anything else between a question and a time."""
    others = [spoken.start for spoken in evidence.agent if spoken.number != question.number]
    others += [speech.start for speech in evidence.open if not speech.by_customer]
    return any(question.start <= start < until for start in others)


def _settled(evidence: Evidence, consent: Decision, turns: Sequence[CustomerTurn], now: datetime) -> Decision:
    """Return a consent if nothing but thanks or another yes followed, and silence after that."""
    assert consent.question is not None
    assert consent.reply is not None
    for turn in turns[turns.index(consent.reply) + 1 :]:
        reading = _read(evidence, consent.question, turn)
        thanks = reading.kind is Kind.BACKCHANNEL and is_thanks(turn.text, evidence.quote.locale)
        if reading.kind is not Kind.AFFIRM and not thanks:
            return Decision(Verdict.WITHDRAWN, consent.question, turn, reading)
    if evidence.incomplete:
        return Decision(Verdict.WITHDRAWN, consent.question, consent.reply, consent.reading)
    settled = max(max(turn.end, turn.commit) for turn in turns) + SETTLE
    if now < settled:
        return Decision(Verdict.WAIT, consent.question, consent.reply, consent.reading, settled)
    return consent
