"""`readback watch`: a conversation as it happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from rich.console import Console

from cli.credentials import CredentialFile
from cli.errors import CommandError, UsageError
from cli.sign_in import signed_in
from cli.transcripts import JsonLines, Reader
from mesh.channel import open_channel
from mesh.settings import MeshSettings, load
from services.conversation.client.watcher import watch as watched

if TYPE_CHECKING:
    from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub

DESCRIPTOR = conversation.DESCRIPTOR.services_by_name["ConversationService"]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(watch)


def watch(
    conversation_id: Annotated[str | None, typer.Argument(help="The conversation; your latest when left out.")] = None,
    live: Annotated[bool, typer.Option("--live", help="Also words that are still being spoken.")] = False,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for what comes, or stop after what is there.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Follow one of your conversations: everything said and done, from its beginning."""
    settings = load(MeshSettings)
    if CredentialFile(settings.home).read() is None:
        raise UsageError("Whose conversations? Run `readback login` first.")
    asyncio.run(_watch(settings, conversation_id, live=live, follow=follow, as_json=as_json))


async def _watch(settings: MeshSettings, conversation_id: str | None, *, live: bool, follow: bool, as_json: bool) -> None:
    reader = JsonLines() if as_json else Reader(Console(), show_live=live)
    async with (
        signed_in(settings) as account,
        open_channel(settings.address_of("conversation"), DESCRIPTOR, tokens=account.token) as channel,
    ):
        stub: ConversationServiceAsyncStub = ConversationServiceStub(channel)
        wanted = conversation_id or await _latest(stub)
        with reader:
            async with watched(stub, wanted, include_live=live or reader.wants_live) as events:
                async for event in events:
                    reader.show(event)
                    if event.WhichOneof("event") == "caught_up" and not follow:
                        return


async def _latest(stub: ConversationServiceAsyncStub) -> str:
    page = await stub.ListConversations(conversation.ListConversationsRequest(page_size=1))
    if not page.conversations:
        raise CommandError("You have no conversations yet; `readback call` starts one.")
    return page.conversations[0].conversation_id
