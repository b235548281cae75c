"""`readback consent`: the consent that a reply gives to a question."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from cli.errors import UsageError
from cli.rendering.any_encoding import print_json
from cli.standard_input import read_lines
from consent.grammar import Kind
from consent.reading import classify


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(consent)


def consent(
    locale: Annotated[str, typer.Option(metavar="TAG", help="Language of the questions: en or hi.")] = "en",
) -> None:
    """Print whether each reply consents, as a JSON object. Needs no running service.

    Reads JSON lines from stdin: {"question": "… Shall I book it?", "reply": "yes, book it"}
    Prints {"consent": "affirm", "matched": "yes book it"}; the other values of `consent` are deny, change,
    question, backchannel and unclear. `matched` has the words that showed it.
    """
    asyncio.run(_read_all(locale))


async def _read_all(locale: str) -> None:
    async for line in read_lines():
        question, reply = _exchange_of(line)
        reading = classify(reply, locale, question)
        # A condition asks for another quote, as any other change does.
        kind = Kind.CHANGE if reading.kind is Kind.CONDITIONAL else reading.kind
        print_json({"consent": kind.value, "matched": reading.matched})


def _exchange_of(line: str) -> tuple[str, str]:
    """Return the question and the reply of a line.

    Raises:
        UsageError: the line isn't a JSON object with both.
    """
    try:
        given = json.loads(line)
    except ValueError:
        given = None
    if isinstance(given, dict):
        question, reply = given.get("question"), given.get("reply")
        if isinstance(question, str) and isinstance(reply, str):
            return question, reply
    raise UsageError('a line must be a JSON object with the texts "question" and "reply".')
