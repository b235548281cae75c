"""`readback call`: a real voice call from the command line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from cli.calls.script import Line, in_given_order
from cli.errors import UsageError
from cli.standard_input import typed_lines
from mesh.settings import MeshSettings, load

if TYPE_CHECKING:
    from cli.calls.placing import Utterance

Lines = list[str] | None


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(call)


def call(
    say: Annotated[Lines, typer.Option(metavar="TEXT", help="Speak this with a synthetic voice.")] = None,  # noqa: ARG001  # read in order
    wav: Annotated[Lines, typer.Option(metavar="FILE", help="Play this recording of speech.")] = None,  # noqa: ARG001  # read in order
    text: Annotated[Lines, typer.Option(metavar="TEXT", help="Type this.")] = None,  # noqa: ARG001  # read in order
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what was heard of the agent to a WAV file.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option(metavar="ID", help="Call again in this conversation of yours.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Place a call and say each --say, --wav and --text in the order given, each after the agent has finished.

    Without any of them, lines are typed from the terminal until its end (Ctrl-D). The call is yours when you are logged in; else
    a throw-away account makes it, which is deleted afterwards with everything that was said.
    """
    settings = load(MeshSettings)
    script = in_given_order(sys.argv[1:])
    _require_files(script, out)
    if conversation is not None and not _logged_in(settings):
        raise UsageError("Only your own conversations can be called again; run `readback login` first.")
    asyncio.run(_call(settings, script, out, conversation, as_json=as_json))


def _require_files(script: Sequence[Line], out: Path | None) -> None:
    missing = [line.value for line in script if line.kind == "wav" and not Path(line.value).is_file()]
    if missing:
        raise UsageError(f"There is no file {missing[0]}.")
    if out is not None and not out.absolute().parent.is_dir():
        raise UsageError(f"There is no folder {out.absolute().parent} to write {out.name} to.")


def _logged_in(settings: MeshSettings) -> bool:
    from cli.account.credentials_file import CredentialFile

    return CredentialFile(settings.home).read() is not None


async def _call(
    settings: MeshSettings,
    script: Sequence[Line],
    out: Path | None,
    conversation_id: str | None,
    *,
    as_json: bool,
) -> None:
    # Speech and WebRTC take seconds to import, so a mistake in the command is told before.
    from cli.account.acting_account import signed_in
    from cli.calls.earpiece import HEARD_RATE
    from cli.calls.placing import conversation_of, conversations, place
    from cli.calls.wav import write_wav
    from cli.rendering.call_output import Conversation, JsonLines

    lines = _prepared(script)
    report = JsonLines() if as_json else Conversation(Console())
    async with (
        signed_in(settings) as account,
        conversations(settings, account) as stub,
        conversation_of(stub, account, conversation_id) as talk,
    ):
        heard = await place(stub, talk, _said(lines) if lines else _typed(), report, microphone=bool(lines))
    if out is not None:
        write_wav(out, heard, HEARD_RATE)
    if not as_json and not _logged_in(settings):
        print(
            "This call was a throw-away account's. After `readback login` calls are yours, to be followed and read again."
        )


def _prepared(script: Sequence[Line]) -> list[Utterance]:
    """Everything that will be said, before the line is open: a file that is no WAV must not cost a call."""
    from agent.speech.audio import resampled
    from cli.calls.placing import Spoken, Typed
    from cli.calls.wav import NotAWav, read_wav

    voice = None
    lines: list[Utterance] = []
    for line in script:
        match line.kind:
            case "text":
                lines.append(Typed(line.value))
            case "wav":
                try:
                    lines.append(Spoken(line.value, read_wav(Path(line.value))))
                except NotAWav as error:
                    raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
            case "say":
                from agent.speech.hibari_engine import TTS_RATE, HibariEngine

                voice = voice or HibariEngine()
                lines.append(Spoken(line.value, resampled(voice.say(line.value), TTS_RATE, 16_000)))
    return lines


async def _said(lines: Sequence[Utterance]) -> AsyncIterator[Utterance]:
    for line in lines:
        yield line


async def _typed() -> AsyncIterator[Utterance]:
    """Lines as the person types them."""
    from cli.calls.placing import Typed

    async for line in typed_lines():
        if line.strip():
            yield Typed(line.strip())
