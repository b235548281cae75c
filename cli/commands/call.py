"""`readback call`: a real voice call from the command line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args
from urllib.parse import urlsplit

import typer
from rich.console import Console

from cli.account.credentials_files import credentials_file
from cli.errors import UsageError
from cli.standard_input import read_lines
from mesh.calling import proxy_variables
from mesh.settings import MeshSettings, load

if TYPE_CHECKING:
    from cli.calls.placing import CallerLine

Kind = Literal["say", "wav", "text"]
KINDS: tuple[Kind, ...] = get_args(Kind)
OTHER_OPTIONS_WITH_VALUES = frozenset({"--out", "--conversation"})
"""Options of `call`, besides the lines, whose value may look like an option."""
Lines = list[str] | None


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One turn of the caller."""

    kind: Kind
    """`say` for synthesised speech, `wav` for a recording, `text` for typed text."""
    value: str
    """The words to say or type, or the path of the recording."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(call)


def call(
    # `read_script` reads these three from the arguments, to keep their order.
    say: Annotated[Lines, typer.Option(metavar="TEXT", help="Speak this with a synthetic voice.")] = None,  # noqa: ARG001  # see above
    wav: Annotated[Lines, typer.Option(metavar="FILE", help="Play this recording of speech.")] = None,  # noqa: ARG001  # see above
    text: Annotated[Lines, typer.Option(metavar="TEXT", help="Type this.")] = None,  # noqa: ARG001  # see above
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the agent's speech to this WAV file.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option(metavar="ID", help="Continue this conversation of yours.")
    ] = None,
    end_running: Annotated[bool, typer.Option("--end-running", help="End your running call first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Place a call. Each --say, --wav and --text is one turn, in the order given.

    Without any of them, type your lines in the terminal; Ctrl-D ends the call.

    Without a login, a guest account places the call; it is deleted afterwards.
    """
    proxy_variables.ignore()
    settings = load(MeshSettings)
    script = read_script(sys.argv[1:])
    _require_files(script, out)
    if conversation is not None and not _logged_in(settings):
        raise UsageError("You can continue only your own conversations; run `readback login` first.")
    asyncio.run(_call(settings, script, out, conversation, end_running=end_running, as_json=as_json))


def read_script(arguments: Sequence[str]) -> list[ScriptLine]:
    """Return the lines that --say, --wav and --text give in `arguments`, in their order.

    Typer groups values by option, so it loses the order of different options. Typer must have accepted
    `arguments` already, so that every option has a value.
    """
    lines = []
    remaining = iter(arguments)
    for argument in remaining:
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        kind = name.removeprefix("--")
        if name.startswith("--") and kind in KINDS:
            lines.append(ScriptLine(kind, value if equals else next(remaining, "")))
        elif argument in OTHER_OPTIONS_WITH_VALUES:
            next(remaining, None)
    return lines


def _require_files(script: Sequence[ScriptLine], out: Path | None) -> None:
    missing = [line.value for line in script if line.kind == "wav" and not Path(line.value).is_file()]
    if missing:
        raise UsageError(f"There is no file {missing[0]}.")
    if out is not None and not out.absolute().parent.is_dir():
        raise UsageError(f"There is no folder {out.absolute().parent} to write {out.name} to.")


def _logged_in(settings: MeshSettings) -> bool:
    return credentials_file(settings).read() is not None


async def _call(
    settings: MeshSettings,
    script: Sequence[ScriptLine],
    out: Path | None,
    conversation_id: str | None,
    *,
    end_running: bool,
    as_json: bool,
) -> None:
    # Speech and WebRTC take seconds to import. Mistakes in the command are reported before these imports.
    from cli.account.acting_account import acting_account
    from cli.calls.earpiece import RECORDING_RATE
    from cli.calls.placing import conversation_for_call, conversation_stub, place_call
    from cli.calls.wav import write_wav
    from cli.rendering.call_output import JsonCallOutput, TerminalCallOutput

    prepared = _prepare(script)
    lines = _each(prepared) if prepared else _typed_lines()
    output = JsonCallOutput() if as_json else TerminalCallOutput(Console())
    async with (
        acting_account(settings) as account,
        conversation_stub(settings, account) as stub,
        conversation_for_call(stub, account, conversation_id) as chosen_id,
    ):
        recording = await place_call(
            stub,
            chosen_id,
            lines,
            output,
            microphone=bool(prepared),
            end_running=end_running,
            service_host=host_of(settings.address_of("conversation")),
        )
    if out is not None:
        write_wav(out, recording, RECORDING_RATE)
    if not as_json and not _logged_in(settings):
        print("A guest account made this call. Run `readback login` to keep your calls and read them later.")


def host_of(address: str) -> str | None:
    """Return the host in a service's address; None for a list of replicas."""
    return None if "," in address else urlsplit(f"//{address.rpartition('/')[2]}").hostname


def _prepare(script: Sequence[ScriptLine]) -> list[CallerLine]:
    """Read and synthesise all speech before the call starts, so that no call starts if a file is bad."""
    from agent.speech.audio import STT_RATE, resampled
    from cli.calls.placing import CallerLine
    from cli.calls.wav import NotAWav, read_wav

    voice = None
    lines: list[CallerLine] = []
    for line in script:
        match line.kind:
            case "text":
                lines.append(CallerLine(line.value))
            case "wav":
                try:
                    lines.append(CallerLine(line.value, read_wav(Path(line.value))))
                except NotAWav as error:
                    raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
            case "say":
                from agent.speech.hibari_engine import TTS_RATE, HibariEngine

                voice = voice or HibariEngine()
                lines.append(CallerLine(line.value, resampled(voice.say(line.value), TTS_RATE, STT_RATE)))
    return lines


async def _each(lines: Sequence[CallerLine]) -> AsyncIterator[CallerLine]:
    for line in lines:
        yield line


async def _typed_lines() -> AsyncIterator[CallerLine]:
    from cli.calls.placing import CallerLine

    async for line in read_lines():
        if line.strip():
            yield CallerLine(line.strip())
