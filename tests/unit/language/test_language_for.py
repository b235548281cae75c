"""The locale decides the language of a conversation; languages without a folder fall back to English."""

from __future__ import annotations

from types import ModuleType

import pytest

import agent.language
from agent.dialogue.context import CallerHome
from agent.dialogue.dialogue import Dialogue
from agent.language import ENGLISH, en, language_for
from tests.unit.dialogue.doubles import NOW, ExactGazetteer, Timetable

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("locale", ["en", "en-IN", "EN-gb", "hi-IN", "", "nonsense"])
def test_english_speaks_for_its_locales_and_for_languages_without_a_folder(locale: str) -> None:
    assert language_for(locale) is ENGLISH


class German(ModuleType):
    """English, with a welcome of its own."""

    def __getattr__(self, name: str) -> object:
        return getattr(en, name)

    @staticmethod
    def phrase(name: str, /, **parts: str) -> str:
        return "Guten Tag." if name == "welcome" else en.phrase(name, **parts)


def test_the_conversations_locale_chooses_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.language, "_LANGUAGES", {"en": en, "de": German("de")})
    dialogue = Dialogue(ExactGazetteer(), Timetable(), home=CallerHome.of("de-DE", "Europe/Berlin"))
    assert [speech.text for speech in dialogue.opening(now=NOW)] == ["Guten Tag."]
