"""`readback watch`: conversations as they happen."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from rich.console import Console

from cli.account.acting_account import signed_in
from cli.account.credentials_file import CredentialFile
from cli.arguments import since as instant_of
from cli.errors import CommandError, UsageError
from cli.rendering.watch_output import EventReader, JsonLines, Reader
from mesh.calling.channel import open_channel
from mesh.settings import MeshSettings, load
from services.conversation.client.watcher import CursorExpired
from services.conversation.client.watcher import watch as watched

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

DESCRIPTOR = conversation.DESCRIPTOR.services_by_name["ConversationService"]

EXAMPLES = """\b
readback watch                                   everything of yours, as it happens
readback watch --since 2h --speaker customer     what you said in the last two hours, and what you say
readback watch 01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11 --no-follow
readback watch --json | jq -r .entry.utterance.text
readback watch --json --cursor "$(cat cursor)"   what came since a program last looked"""

Watch = AbstractAsyncContextManager[AsyncIterator[conversation.WatchResponse]]
Following = Callable[["ConversationServiceAsyncStub"], Watch]
"""Opens a watch that knows what it is to follow."""


class Who(StrEnum):
    """Whose words to show."""

    CUSTOMER = "customer"
    AGENT = "agent"

    @property
    def speaker(self) -> entry_pb2.Speaker.ValueType:
        """As the contract names them."""
        return entry_pb2.Speaker.Value(f"SPEAKER_{self.name}")


class What(StrEnum):
    """Which entries to show."""

    UTTERANCE = "utterance"
    TOOL_CALL = "tool-call"
    TOOL_RESULT = "tool-result"
    STATE_CHANGE = "state-change"

    @property
    def kind(self) -> conversation.EntryKind.ValueType:
        """As the contract names them."""
        return conversation.EntryKind.Value(f"ENTRY_KIND_{self.name}")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=EXAMPLES)(watch)


def watch(
    conversation_id: Annotated[
        str, typer.Argument(metavar="[CONVERSATION]", help="Only this one; all of yours when left out.")
    ] = "",
    conversation_option: Annotated[
        str, typer.Option("--conversation", help="The same, as `readback call` has it.", hidden=True)
    ] = "",
    cursor: Annotated[str, typer.Option(help="Go on after the event that came with this cursor.")] = "",
    since: Annotated[
        str, typer.Option(help="From here on: how long ago (2h, 1d12h) or when (07:30, 2027-01-31T07:30).")
    ] = "",
    speaker: Annotated[
        list[Who] | None, typer.Option(help="Only what they said. May be given twice.")
    ] = None,
    kind: Annotated[
        list[What] | None, typer.Option(help="Only entries of this kind. May be given several times.")
    ] = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Also words that are still being spoken; a terminal always shows them."),
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for what comes, or stop after what is there.")
    ] = True,
    from_earliest: Annotated[
        bool, typer.Option("--from-earliest", help="If what the cursor stood on is gone, begin anew.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, with cursors to go on from.")
    ] = False,
) -> None:
    """Follow your conversations: everything said and done, from the beginning, each entry once, whatever restarts meanwhile."""
    settings = load(MeshSettings)
    if cursor and since:
        raise UsageError("--cursor and --since both say where to begin; give one of them.")
    if conversation_id and conversation_option not in {"", conversation_id}:
        raise UsageError("Two conversations were named; follow one, or all of yours.")
    start = instant_of(since, datetime.now().astimezone()) if since else None
    if CredentialFile(settings.home).read() is None:
        raise UsageError("Whose conversations? Run `readback login` first.")
    wanted = conversation_id or conversation_option
    reader: EventReader = (
        JsonLines(live=live) if as_json else Reader(Console(), show_live=live, several=not wanted)
    )
    following = partial(
        watched,
        conversation_id=wanted,
        cursor=cursor,
        start_time=start,
        speakers=[who.speaker for who in speaker or ()],
        kinds=[what.kind for what in kind or ()],
        from_earliest=from_earliest,
        include_live=reader.wants_live,
        on_connection=reader.notice,
    )
    asyncio.run(_watch(settings, following, reader, follow=follow))


async def _watch(settings: MeshSettings, following: Following, reader: EventReader, *, follow: bool) -> None:
    async with (
        signed_in(settings) as account,
        open_channel(settings.address_of("conversation"), DESCRIPTOR, tokens=account.token) as channel,
    ):
        stub: ConversationServiceAsyncStub = ConversationServiceStub(channel)
        reading = asyncio.create_task(_read(following(stub), reader, follow=follow))
        deaf = _nobody_listens()
        await asyncio.wait((reading, deaf), return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            raise BrokenPipeError
        await reading


async def _read(following: Watch, reader: EventReader, *, follow: bool) -> None:
    with reader:
        try:
            async with following as events:
                async for event in events:
                    reader.show(event)
                    if event.WhichOneof("event") == "caught_up" and not follow:
                        return
        except CursorExpired:
            raise CommandError(
                "What the cursor stood on is no longer there; --from-earliest begins anew."
            ) from None


def _nobody_listens() -> asyncio.Future[None]:
    """Done when whoever read our output has gone: `readback watch | head` must not wait for the next entry to notice."""
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[None] = loop.create_future()

    def set_done() -> None:
        loop.remove_reader(sys.stdout.fileno())
        gone.set_result(None)

    if stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode):
        # The end of a pipe that is written to is never readable; that its reader has gone makes it so.
        loop.add_reader(sys.stdout.fileno(), set_done)
    return gone
