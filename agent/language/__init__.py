"""Languages that the agent speaks and understands: one folder each, chosen by the conversation's locale.

This package imports no other part of the agent and no service, so services can use it too. To add a language,
add a folder that provides all functions of `agent.language.language.Language`, and list it in `_LANGUAGES`.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.language import en
from agent.language.language import Language as Language

ENGLISH: Language = en
_LANGUAGES: Mapping[str, Language] = {"en": ENGLISH}


def language_for(locale: str) -> Language:
    """Return the language of a BCP 47 tag such as "en-IN". Unknown languages and "" give English."""
    return _LANGUAGES.get(locale.partition("-")[0].lower(), ENGLISH)
