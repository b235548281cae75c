"""Fixtures: a conversation with doubles for places and tools."""

from __future__ import annotations

import pytest

from tests.unit.dialogue.doubles import Conversation, ExactGazetteer, Timetable


@pytest.fixture
def annotator() -> ExactGazetteer:
    """A gazetteer of exact names."""
    return ExactGazetteer()


@pytest.fixture
def timetable() -> Timetable:
    """A fixed timetable."""
    return Timetable()


@pytest.fixture
def conversation(annotator: ExactGazetteer, timetable: Timetable) -> Conversation:
    """A fresh conversation."""
    return Conversation(annotator, timetable)
