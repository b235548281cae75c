"""Phrases of a language, and spoken forms of amounts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from google.type.money_pb2 import Money
from readback.booking.v1.quotes_pb2 import Amount

from agent.language import Language, language_for

LOCALES = ("en",)
"""Languages that quotes can be read in: those with a file here."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of a language, and its spoken forms of numbers and times."""

    locale: str
    phrases: dict[str, Any]
    language: Language

    def say(self, *path: str, **parts: str) -> str:
        """Return the phrase at a path of the file, with its parts filled in."""
        found: Any = self.phrases
        for name in path:
            found = found[name]
        return str(found).format(**parts)

    def listed(self, items: Sequence[str]) -> str:
        """Return "a, b and c"."""
        return str(self.phrases["and"]).join([*([", ".join(items[:-1])] if items[:-1] else []), items[-1]])

    def amount(self, amount: Amount) -> str:
        """Return an exact amount in words, with its minor units if there are any."""
        whole, minor = divmod(amount.minor_units, 10**amount.exponent)
        words = self.language.price(Money(currency_code=amount.currency_code, units=whole))
        if not minor:
            return words
        one, many = self.phrases["subunits"].get(amount.currency_code, self.phrases["other_subunit"])
        return self.listed([words, f"{self.language.number(minor)} {one if minor == 1 else many}"])


@cache
def phrases_of(locale: str) -> Phrases:
    """Return the phrases of one of `LOCALES`."""
    text = (resources.files(__package__) / f"{locale}.json").read_text("utf-8")
    return Phrases(locale, json.loads(text), language_for(locale))
