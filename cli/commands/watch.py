"""`readback watch`: follow conversations while they happen."""

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
from readback_client.watcher import CursorExpired
from rich.console import Console

from cli.account.acting_account import acting_account
from cli.account.credentials_files import credentials_file
from cli.arguments import parse_since
from cli.errors import CommandError, UsageError
from cli.rendering.watch_output import JsonWatchOutput, TerminalWatchOutput, WatchOutput
from mesh.calling.channel import open_channel
from mesh.settings import MeshSettings, load
from services.conversation.client.watcher import watch as open_resuming_watch

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

DESCRIPTOR = conversation.DESCRIPTOR.services_by_name["ConversationService"]

EXAMPLES = """\b
readback watch                                   all your conversations, live
readback watch --since 2h --speaker customer     your own words, from two hours ago on
readback watch 01936d1c-7f5e-7a30-9d2e-0f5a6f2f9d11 --no-follow
readback watch --json | jq -r .entry.utterance.text
readback watch --json --from-now                 events from now on
readback watch --json --cursor "$(cat cursor)"   events after a saved cursor"""

Watch = AbstractAsyncContextManager[AsyncIterator[conversation.WatchResponse]]
OpenWatch = Callable[["ConversationServiceAsyncStub"], Watch]


class Speaker(StrEnum):
    """Values of --speaker."""

    CUSTOMER = "customer"
    AGENT = "agent"


class Kind(StrEnum):
    """Values of --kind."""

    UTTERANCE = "utterance"
    TOOL_CALL = "tool-call"
    TOOL_RESULT = "tool-result"
    STATE_CHANGE = "state-change"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog=EXAMPLES)(watch)


def watch(
    conversation_id: Annotated[
        str, typer.Argument(metavar="[CONVERSATION]", help="Conversation to follow. Default: all of yours.")
    ] = "",
    conversation_option: Annotated[
        str,
        typer.Option(
            "--conversation", help="The same as the argument, for symmetry with `readback call`.", hidden=True
        ),
    ] = "",
    cursor: Annotated[str, typer.Option(help="Continue after the event with this cursor.")] = "",
    since: Annotated[
        str, typer.Option(help="Start here: how long ago (2h, 1d12h) or when (07:30, 2027-01-31T07:30).")
    ] = "",
    from_now: Annotated[bool, typer.Option("--from-now", help="Start now, with the next event.")] = False,
    speaker: Annotated[
        list[Speaker] | None, typer.Option(help="Only words of this speaker. Repeatable.")
    ] = None,
    kind: Annotated[list[Kind] | None, typer.Option(help="Only entries of this kind. Repeatable.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Show words while they are spoken. Always on in a terminal.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for new events, or stop after the stored ones.")
    ] = True,
    from_earliest: Annotated[
        bool,
        typer.Option(
            "--from-earliest", help="If the cursor has expired, start again from the earliest entry."
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object per line, each with a cursor to continue from."),
    ] = False,
) -> None:
    """Follow your conversations from the beginning. Each entry comes exactly once, also across restarts."""
    settings = load(MeshSettings)
    if sum(map(bool, (cursor, since, from_now))) > 1:
        raise UsageError("--cursor, --since and --from-now set the start; use one of them.")
    if conversation_id and conversation_option not in {"", conversation_id}:
        raise UsageError("Two conversations were given; give one, or none to follow all of yours.")
    start = parse_since(since, datetime.now().astimezone()) if since else None
    if credentials_file(settings).read() is None:
        raise UsageError("You can follow only your own conversations; run `readback login` first.")
    chosen = conversation_id or conversation_option
    output: WatchOutput = JsonWatchOutput(live=live)
    if not as_json:
        output = TerminalWatchOutput(Console(), show_live=live, several=not chosen)
    open_watch = partial(
        open_resuming_watch,
        conversation_id=chosen,
        cursor=cursor,
        start_commit_time=start,
        from_now=from_now,
        speakers=[entry_pb2.Speaker.Value(f"SPEAKER_{one.name}") for one in speaker or ()],
        kinds=[conversation.EntryKind.Value(f"ENTRY_KIND_{one.name}") for one in kind or ()],
        from_earliest=from_earliest,
        include_live=output.wants_live,
        include_conversation=output.wants_titles,
        on_connection=output.notice,
    )
    asyncio.run(_watch(settings, open_watch, output, follow=follow))


async def _watch(settings: MeshSettings, open_watch: OpenWatch, output: WatchOutput, *, follow: bool) -> None:
    async with (
        acting_account(settings) as account,
        open_channel(settings.address_of("conversation"), DESCRIPTOR, tokens=account.token) as channel,
    ):
        stub: ConversationServiceAsyncStub = ConversationServiceStub(channel)
        showing = asyncio.create_task(_show(open_watch(stub), output, follow=follow))
        await asyncio.wait((showing, _stdout_reader_gone()), return_when=asyncio.FIRST_COMPLETED)
        if not showing.done():
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
            raise BrokenPipeError
        await showing


async def _show(watch: Watch, output: WatchOutput, *, follow: bool) -> None:
    with output:
        try:
            async with watch as events:
                async for event in events:
                    output.show(event)
                    if event.WhichOneof("event") == "caught_up" and not follow:
                        return
        except CursorExpired:
            raise CommandError(
                "The cursor has expired; use --from-earliest to start again from the earliest entry."
            ) from None


def _stdout_reader_gone() -> asyncio.Future[None]:
    """Return a future that is done when stdout is a pipe and its reader is gone.

    With it, `readback watch | head` ends as soon as `head` ends, and not only when the next entry is written.
    """
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[None] = loop.create_future()

    def set_done() -> None:
        loop.remove_reader(sys.stdout.fileno())
        gone.set_result(None)

    if stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode):
        # The write end of a pipe becomes readable only when its reader is gone.
        loop.add_reader(sys.stdout.fileno(), set_done)
    return gone
