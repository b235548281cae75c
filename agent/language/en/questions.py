"""Subjects of questions: what an answer to "How many people are travelling?" is about."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.language.meanings import Expectation

_CLAUSE = r"(?:(?! and )[^.?!])*"
_BACK = r"\b(?:return\w*|back|home)\b"
_FROM = r"\b(?:from|depart\w*|leav\w+|start\w*|origin|out of)\b"
_SUBJECTS: Mapping[str, re.Pattern[str]] = {
    "passengers": re.compile(
        r"\bhow many\b(?! (?:stops|bags|days|nights))|"
        r"\bnumber of (?:people|passengers|tickets|seats|travell?ers)"
    ),
    "flight_number": re.compile(r"\bflight number\b|\bwhich flight\b"),
    "return_date": re.compile(rf"\b(?:when|days?|dates?)\b{_CLAUSE}{_BACK}|\breturn(?:ing)? (?:date|day)\b"),
    "date": re.compile(rf"\b(?:when|days?|dates?)\b(?!{_CLAUSE}{_BACK})(?<!return date)(?<!return day)"),
    "origin": re.compile(rf"\b(?:where|which|what|city|airport)\b{_CLAUSE}{_FROM}|{_FROM} where\b"),
    "destination": re.compile(
        rf"\b(?:where|(?:which|what) (?:city|place|airport))\b(?!{_CLAUSE}{_FROM})|\bdestination\b"
    ),
    "cabin": re.compile(r"\b(?:class|cabin)\b"),
    "airline": re.compile(r"\b(?:airlines?|carrier)\b"),
}
_EXPECTED = {
    "origin": Expectation.PLACE,
    "destination": Expectation.PLACE,
    "date": Expectation.DATE,
    "return_date": Expectation.DATE,
    "flight_number": Expectation.FLIGHT_NUMBER,
}
_OPEN = re.compile(r"\b(?:where|when|what|which|how|who)\b")


def asked_by(question: str) -> tuple[Expectation, str | None]:
    """Return the kind of answer that a sentence of the agent in lower case asks for, and its subject.

    Subjects are the names of slots, with "date" for the day of departure. A question about several of them
    has the subject "several".
    """
    if not question.strip():
        return Expectation.NONE, None
    if not _OPEN.search(question):
        return Expectation.YES_NO, None
    subjects = [name for name, pattern in _SUBJECTS.items() if pattern.search(question)]
    if "date" in subjects and "origin" in subjects and "where" not in question and "city" not in question:
        # "What date are you leaving?" asks for no place.
        subjects.remove("origin")
    subject = subjects[0] if len(subjects) == 1 else "several"
    return _EXPECTED.get(subject, Expectation.NONE), subject
