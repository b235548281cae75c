"""A conversation with doubles for what is around it."""

from __future__ import annotations

import pytest

from tests.unit.dialogue.doubles import Conversation, ExactGazetteer, Timetable


@pytest.fixture
def annotator() -> ExactGazetteer:
    """Finds places by their exact names."""
    return ExactGazetteer()


@pytest.fixture
def timetable() -> Timetable:
    """A timetable that always says the same."""
    return Timetable()


@pytest.fixture
def conversation(annotator: ExactGazetteer, timetable: Timetable) -> Conversation:
    """A fresh conversation."""
    return Conversation(annotator, timetable)
