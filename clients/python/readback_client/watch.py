"""Following transcripts with dataclasses."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import grpc

from readback_client.contracts import from_official, message_class, to_official
from readback_client.errors import typed
from readback_client.gen.methods import ConversationService
from readback_client.gen.readback.conversation import v1 as conversation
from readback_client.watcher import Connection, resuming_watch


class Watch:
    """The log of one conversation or of all, from where the request says. Loop over it, once.

        watch = client.watch(cursor=saved)
        async for entry in watch:
            print(entry)
            save(watch.cursor)

    Each entry comes once and in order, across restarts of the service, lost connections and expired tokens.
    The loop ends when the followed conversation has ended or was deleted. `events()` also yields what is no
    entry.
    """

    def __init__(self, service: ConversationService, request: conversation.WatchRequest) -> None:
        self._service, self._request = service, request
        self.cursor = request.cursor or ""
        """Cursor after the last entry that had one. Save it to resume in another program."""

    def __aiter__(self) -> AsyncIterator[conversation.Entry]:
        return self._entries()

    async def _entries(self) -> AsyncGenerator[conversation.Entry]:
        async with aclosing(self.events(live=False)) as events:
            async for event in events:
                if event.entry is not None:
                    yield event.entry

    async def events(
        self,
        *,
        live: bool = True,
        conversations: bool = False,
        from_earliest: bool = False,
        on_connection: Callable[[Connection], None] = lambda _: None,
    ) -> AsyncGenerator[conversation.WatchResponse]:
        """Yield entries, live text, and the other events of the contract except heartbeats.

        Args:
            live: with words while they are spoken. The `tail` of each event is the whole text so far.
            conversations: with each conversation as it is now, when its title, state or call has changed.
            from_earliest: if the cursor has expired, continue from the earliest stored entry.
            on_connection: called when the connection is lost and when the watch continues.

        Raises:
            CursorExpired: the cursor has expired, and `from_earliest` is False.
            ReadbackError: the service answered with an error that is not retried.
        """
        self._request.include_live, self._request.include_conversation = live, conversations
        path = "/readback.conversation.v1.ConversationService/Watch"
        call = self._service.opener(path, message_class(conversation.WatchResponse))
        request = to_official(self._request)
        try:
            async with resuming_watch(
                call, request, from_earliest=from_earliest, on_connection=on_connection
            ) as events:
                async for event in events:
                    self.cursor = event.cursor or self.cursor
                    yield from_official(conversation.WatchResponse, event)
        except grpc.aio.AioRpcError as error:
            raise typed(error) from error
