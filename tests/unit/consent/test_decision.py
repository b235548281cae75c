"""The decision on consent: each rule, and what holds for any log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from consent.decision import ECHO_GUARD, SETTLE, Decision, Verdict, decide_consent
from consent.evidence import Evidence, OpenSpeech
from consent.grammar import Kind, Subject
from consent.reading import classify, is_thanks
from tests.unit.consent.logs import CALL, OTHER_QUOTE, QUOTE, TEXT, TO_CONFIRM, Log, at

pytestmark = pytest.mark.unit

LATER = at(1000)


def decided(log: Log, seconds: float = 1000) -> Verdict:
    return decide_consent(log.evidence(), at(seconds)).verdict


def test_a_plain_yes_after_the_read_back_consents() -> None:
    log = Log()
    yes = log.customer("yes, book it", 11)
    found = decide_consent(log.evidence(), LATER)
    assert found.verdict is Verdict.CONSENT
    assert (found.question, found.reply) == (log.readback, yes)
    assert found.reading == classify("yes, book it", "en", TEXT)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("no", Verdict.DENIED),
        ("yes, but in the evening", Verdict.CHANGED),
        ("make it Friday", Verdict.CHANGED),
        ("if it's refundable", Verdict.CHANGED),
        ("how much is it?", Verdict.QUESTION),
        ("okay", Verdict.SECOND_QUESTION),
        ("uh-huh", Verdict.SECOND_QUESTION),
        ("thank you", Verdict.SECOND_QUESTION),
        ("he said yes", Verdict.SECOND_QUESTION),
        ("", Verdict.SECOND_QUESTION),
    ],
)
def test_another_reply_has_its_verdict(reply: str, verdict: Verdict) -> None:
    log = Log()
    log.customer(reply, 11)
    assert decided(log) is verdict


@pytest.mark.parametrize("locale", ["hi-IN", "ta", ""])
def test_without_a_reviewed_grammar_no_reply_consents(locale: str) -> None:
    log = Log()
    for second, reply in enumerate(("हाँ", "yes"), 11):
        log.customer(reply, second)
    evidence = log.evidence(quote=replace(TO_CONFIRM, locale=locale))
    assert decide_consent(evidence, LATER) == Decision(Verdict.STOP)


def test_the_quote_says_what_the_read_back_asks_for() -> None:
    log = Log()
    log.customer("cancel it", 11)
    assert decided(log) is Verdict.DENIED
    cancellation = replace(TO_CONFIRM, subject=Subject.CANCEL)
    assert decide_consent(log.evidence(quote=cancellation), LATER).verdict is Verdict.CONSENT


def test_without_a_reply_there_is_no_consent() -> None:
    assert decided(Log()) is Verdict.NO_REPLY


def test_a_yes_counts_from_200_milliseconds_after_the_delivered_end() -> None:
    for start, verdict in ((9.5, Verdict.SECOND_QUESTION), (10.29, Verdict.SECOND_QUESTION)):
        log = Log()
        log.customer("yes", start)
        assert decided(log) is verdict
        log.customer("yes", 12)
        assert decided(log) is Verdict.CONSENT
    log = Log()
    log.customer("yes", 10.3)
    assert decided(log) is Verdict.CONSENT


@pytest.mark.parametrize(
    ("during", "verdict"),
    [
        ("no", Verdict.DENIED),
        ("not Friday, make it Monday", Verdict.CHANGED),
        ("how much?", Verdict.QUESTION),
        ("hmm", Verdict.SECOND_QUESTION),
        ("mm-hmm", Verdict.CONSENT),
    ],
)
def test_what_was_said_during_the_read_back_qualifies_the_yes_after_it(during: str, verdict: Verdict) -> None:
    log = Log()
    log.customer(during, 5)
    log.customer("yes", 11)
    assert decided(log) is verdict


def test_an_echo_of_the_read_back_neither_objects_nor_consents() -> None:
    log = Log()
    log.customer("Friday the fourth, for five thousand", 5, 3)
    assert decided(log) is Verdict.SECOND_QUESTION
    log.customer("yes", 11)
    assert decided(log) is Verdict.CONSENT
    log.customer("for five thousand rupees", 13)
    assert decided(log) is Verdict.WITHDRAWN
    # A word of the read-back can be the customer's own.
    text = "No refund after today. Shall I?"
    denying = Log()
    assert denying.readback is not None
    denying.readback = replace(denying.readback, text=text)
    denying.customer("no", 5)
    denying.customer("yes", 11)
    assert (
        decide_consent(denying.evidence(quote=replace(TO_CONFIRM, text=text)), LATER).verdict
        is Verdict.DENIED
    )


def test_only_the_first_turn_answers() -> None:
    log = Log()
    log.customer("hmm", 11)
    log.customer("yes", 13)
    assert decided(log) is Verdict.SECOND_QUESTION
    log.customer("no", 15)
    assert decided(log) is Verdict.DENIED


@pytest.mark.parametrize(
    "changes",
    [
        {"whole": False},
        {"epoch": 2},
        {"delivered": None},
        {"readback_of": OTHER_QUOTE},
        {"text": TEXT.replace("five", "four")},
        {"text": ""},
    ],
)
def test_a_read_back_that_was_not_this_or_not_heard_must_be_repeated(changes: dict[str, Any]) -> None:
    log = Log()
    assert log.readback is not None
    log.readback = replace(log.readback, **changes)
    log.customer("yes", 11)
    assert decided(log) is Verdict.READ_BACK


def test_without_a_read_back_it_must_be_read() -> None:
    log = Log()
    log.customer("yes", 11)
    assert decide_consent(log.evidence(readback=None), LATER).verdict is Verdict.READ_BACK


def test_another_agent_must_read_back_again() -> None:
    log = Log(epoch=2)
    log.customer("yes", 11)
    assert decided(log) is Verdict.READ_BACK


@pytest.mark.parametrize("changes", [{"whole": False}, {"epoch": 2}, {"call_id": "another"}, {"own": False}])
def test_a_turn_that_does_not_count_neither_consents_nor_is_skipped(changes: dict[str, Any]) -> None:
    log = Log()
    log.customer("yes", 11, **changes)
    assert decided(log) is Verdict.SECOND_QUESTION
    log.customer("yes", 12)
    assert decided(log) is Verdict.SECOND_QUESTION
    objecting = Log()
    objecting.customer("no", 11, **changes)
    assert decided(objecting) is Verdict.DENIED


@pytest.mark.parametrize("reply", ["yes", "okay", ""])
def test_a_reply_after_other_words_of_the_agent_answers_those(reply: str) -> None:
    log = Log()
    log.says("Are you still there?", 18, 20)
    if reply:
        log.customer(reply, 21)
    assert decided(log) is Verdict.READ_BACK
    log.customer("no", 23)
    assert decided(log) is (Verdict.READ_BACK if reply == "yes" else Verdict.DENIED)


def test_a_read_back_of_another_quote_takes_the_yes() -> None:
    log = Log()
    log.says("Another flight. Shall I?", 12, 14, readback_of=OTHER_QUOTE)
    log.customer("yes", 15)
    assert decided(log) is Verdict.READ_BACK


def test_words_that_the_agent_has_begun_take_the_yes() -> None:
    log = Log(open=[OpenSpeech(by_customer=False, start=at(10.9))])
    log.customer("yes", 11)
    assert decided(log) is Verdict.READ_BACK
    log.open = [OpenSpeech(by_customer=False, start=at(11.6))]
    assert decided(log) is Verdict.CONSENT


# The second question


def asked_again(first: str = "okay", **changes: Any) -> Log:
    log = Log()
    if first:
        log.customer(first, 11)
    log.asks_again(13, **changes)
    return log


@pytest.mark.parametrize("first", ["okay", "hmm", "how much is it again?", ""])
def test_a_plain_yes_to_the_second_question_consents(first: str) -> None:
    log = asked_again(first)
    assert decided(log) is Verdict.NO_REPLY
    yes = log.customer("book it", 16)
    found = decide_consent(log.evidence(), LATER)
    assert (found.verdict, found.reply, found.question) == (Verdict.CONSENT, yes, log.agent[0])


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        ("okay", Verdict.STOP),
        ("hmm", Verdict.STOP),
        ("no", Verdict.DENIED),
        ("tomorrow instead", Verdict.CHANGED),
        ("is it refundable?", Verdict.QUESTION),
    ],
)
def test_another_reply_to_the_second_question_does_not(second: str, verdict: Verdict) -> None:
    log = asked_again()
    log.customer(second, 16)
    assert decided(log) is verdict


def test_the_answer_to_a_question_may_come_before_the_second_question() -> None:
    log = Log()
    log.customer("how much is it again?", 11)
    log.says("Five thousand rupees.", 12, 14)
    log.asks_again(14)
    log.customer("yes", 17)
    assert decided(log) is Verdict.CONSENT


def test_the_second_question_is_asked_once() -> None:
    log = asked_again()
    log.asks_again(17)
    log.customer("book it", 20)
    assert decided(log) is Verdict.READ_BACK
    log = asked_again()
    log.customer("okay", 16)
    log.asks_again(17)
    log.customer("book it", 20)
    assert decided(log) is Verdict.STOP


def test_the_second_question_does_not_undo_a_refusal() -> None:
    for refusal, verdict in (("no", Verdict.DENIED), ("yes, but later", Verdict.CHANGED)):
        log = asked_again(refusal)
        log.customer("book it", 16)
        assert decided(log) is verdict


@pytest.mark.parametrize("changes", [{"delivered": None}, {"whole": False}, {"epoch": 2}])
def test_a_second_question_that_was_not_heard_ends_it(changes: dict[str, Any]) -> None:
    log = asked_again(**changes)
    log.customer("book it", 16)
    assert decided(log) is Verdict.STOP
    log.customer("no", 18)
    assert decided(log) is Verdict.DENIED or log.agent[0].delivered is not None


def test_a_yes_during_the_second_question_does_not_count() -> None:
    log = asked_again()
    log.customer("book it", 14)
    assert decided(log) is Verdict.STOP


# Settling


def test_a_consent_settles_after_800_milliseconds_of_silence() -> None:
    log = Log()
    log.customer("yes", 11)  # ends at 11.5, committed at 11.55
    early = decide_consent(log.evidence(), at(12.34))
    assert (early.verdict, early.wait_until) == (Verdict.WAIT, at(12.35))
    assert decided(log, 12.35) is Verdict.CONSENT
    log.customer("thanks", 12)
    assert decided(log, 12.35) is Verdict.WAIT


def test_while_the_customer_speaks_nothing_is_decided() -> None:
    log = Log(open=[OpenSpeech(by_customer=True, start=at(12))])
    assert decided(log) is Verdict.WAIT
    log.customer("yes", 11)
    assert decided(log) is Verdict.WAIT


@pytest.mark.parametrize(
    ("later", "verdict"),
    [
        ("thank you", Verdict.CONSENT),
        ("yes", Verdict.CONSENT),
        ("no, wait", Verdict.WITHDRAWN),
        ("but not that one", Verdict.WITHDRAWN),
        ("okay", Verdict.WITHDRAWN),
        ("hmm", Verdict.WITHDRAWN),
        ("is it refundable?", Verdict.WITHDRAWN),
    ],
)
def test_only_thanks_or_another_yes_may_follow(later: str, verdict: Verdict) -> None:
    log = Log()
    log.customer("yes", 11)
    log.says("I'm booking it.", 13, 14)
    log.customer(later, 60)
    assert decided(log) is verdict


@pytest.mark.parametrize("changes", [{"whole": False}, {"call_id": "another"}, {"epoch": 2}, {"own": False}])
def test_thanks_that_do_not_count_withdraw(changes: dict[str, Any]) -> None:
    log = Log()
    log.customer("yes", 11)
    log.customer("thanks", 13, **changes)
    assert decided(log) is Verdict.WITHDRAWN


def test_more_words_than_the_evidence_holds_withdraw() -> None:
    log = Log(incomplete=True)
    log.customer("yes", 11)
    assert decided(log) is Verdict.WITHDRAWN


def test_turns_are_judged_in_the_order_of_time_not_of_the_log() -> None:
    log = Log()
    log.customer("yes", 13)
    log.customer("no", 11)
    assert decided(log) is Verdict.DENIED


# Any log

REPLIES = [
    "yes",
    "book it",
    "yes, thank you",
    "okay",
    "thanks",
    "no",
    "hmm",
    "yes, but later",
    "how much?",
    "",
]
SECONDS = st.integers(0, 60).map(lambda tenth: 8 + tenth / 5)
FLAWS: list[dict[str, Any]] = [
    *[{}] * 8,
    {"whole": False},
    {"own": False},
    {"epoch": 2},
    {"call_id": "another"},
]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    log = Log(
        epoch=draw(st.sampled_from([1, 1, 1, 2])), incomplete=draw(st.sampled_from([False] * 5 + [True]))
    )
    for start in sorted(draw(st.lists(SECONDS, min_size=1, max_size=4, unique=True))):
        log.customer(draw(st.sampled_from(REPLIES)), start, 0.4, **draw(st.sampled_from(FLAWS)))
    if draw(st.booleans()):
        log.asks_again(draw(SECONDS) + 3)
    if draw(st.integers(0, 4)) == 0:
        log.says("Are you there?", (start := draw(SECONDS)), start + 1)
    if draw(st.integers(0, 4)) == 0:
        log.open.append(OpenSpeech(draw(st.booleans()), at(draw(SECONDS))))
    return log


def allowed(evidence: Evidence, found: Decision, now: Any) -> bool:
    """State the rules once more, independently of the code: whether this reply to this question consents."""
    question, reply = found.question, found.reply
    assert question is not None
    assert reply is not None
    assert question.delivered is not None
    after_question = [turn for turn in evidence.turns if turn.start >= question.delivered + ECHO_GUARD]
    first = min(after_question, key=lambda turn: turn.start)
    rest = [turn for turn in after_question if turn is not first]
    other_speech = [spoken for spoken in evidence.agent if question.start < spoken.start < reply.start]
    return (
        reply is first
        and classify(reply.text, "en", TEXT).kind is Kind.AFFIRM
        and QUOTE in (question.readback_of, question.second_question_of)
        and all(
            turn.whole and turn.own and (turn.call_id, turn.epoch) == (CALL, evidence.epoch)
            for turn in (reply, *rest)
        )
        and all(
            classify(turn.text, "en", TEXT).kind is Kind.AFFIRM or is_thanks(turn.text, "en") for turn in rest
        )
        and not other_speech
        and not evidence.incomplete
        and not any(
            speech.by_customer or question.start < speech.start < reply.start for speech in evidence.open
        )
        and now >= max(turn.end for turn in evidence.turns) + SETTLE
    )


@given(logs(), st.integers(10, 60))
def test_a_consent_obeys_every_rule(log: Log, seconds: int) -> None:
    found = decide_consent(log.evidence(), at(seconds))
    assert found.verdict is not Verdict.CONSENT or allowed(log.evidence(), found, at(seconds))


@given(
    logs(), st.sampled_from([reply for reply in REPLIES if reply in {"okay", "no", "hmm", "how much?", ""}])
)
def test_no_consent_survives_a_later_objection(log: Log, objection: str) -> None:
    log.customer(objection, 25)
    assert decided(log) is not Verdict.CONSENT


@given(logs(), st.permutations(range(4)))
def test_the_order_of_the_log_does_not_matter(log: Log, order: list[int]) -> None:
    evidence = log.evidence()
    shuffled = [log.turns[place] for place in order if place < len(log.turns)]
    assert decide_consent(replace(evidence, turns=shuffled), LATER) == decide_consent(evidence, LATER)


@given(logs(), st.integers(0, 30), st.integers(0, 30))
def test_time_alone_gives_no_verdict_but_consent(log: Log, one: int, other: int) -> None:
    verdicts = [decided(log, seconds) for seconds in sorted((one, other))]
    assert verdicts[0] is verdicts[1] or verdicts == [Verdict.WAIT, Verdict.CONSENT]


@pytest.mark.parametrize("verdict", Verdict)
def test_generated_logs_reach_every_verdict(verdict: Verdict) -> None:
    find(logs(), lambda log: decided(log) is verdict, settings=settings(max_examples=3000, deadline=None))
