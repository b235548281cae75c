"""`readback consent` as a process: JSON lines in, JSON lines out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

QUESTION = "Chennai to Delhi on Friday, for five thousand rupees. Shall I book it?"


def consent(*lines: object, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    given = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    command = [sys.executable, "-m", "cli", "consent", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)


def test_every_line_has_its_answer_in_the_same_order() -> None:
    replies = [
        "Yes, book it.",
        "no",
        "Yes, but on Monday.",
        "only if it's cheaper",
        "How much?",
        "okay",
        "hm",
    ]
    done = consent(*({"question": QUESTION, "reply": reply} for reply in replies))
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["consent"] for answer in answers] == [
        "affirm",
        "deny",
        "change",
        "change",
        "question",
        "backchannel",
        "unclear",
    ]
    assert answers[0] == {"consent": "affirm", "matched": "yes book it"}


def test_another_language_has_its_own_grammar() -> None:
    line = {"question": "बुक करूँ?", "reply": "जी हाँ"}
    assert json.loads(consent(line, arguments=("--locale", "hi")).stdout)["consent"] == "affirm"
    assert json.loads(consent(line).stdout)["consent"] == "unclear"


@pytest.mark.parametrize(
    "line", [{"reply": "yes"}, {"question": QUESTION}, {"question": 1, "reply": ""}, "yes"]
)
def test_a_line_without_question_and_reply_is_refused(line: object) -> None:
    done = consent({"question": QUESTION, "reply": "yes"}, line)
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr.count("\n") == 1
    assert "question" in done.stderr
