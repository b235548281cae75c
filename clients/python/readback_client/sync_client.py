"""The same client for programs without asyncio."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from readback_client.client import Client, TranscriptFormat
from readback_client.gen.readback.conversation import v1 as conversation
from readback_client.gen.readback.flightdata import v1 as flightdata
from readback_client.gen.readback.identity import v1 as identity

T = TypeVar("T")


class SyncClient:
    """A client whose methods wait for their results.

        with SyncClient() as client:
            client.sign_in("ana@example.com", "correct horse 7")
            for entry in client.watch():
                print(entry.utterance)

    The arguments are those of `Client`. Its event loop runs in a thread of its own. `call` makes any RPC:
    `client.call(lambda it: it.conversation.get_conversation(request))`.
    """

    def __init__(self, make: Callable[[], Client] = Client) -> None:
        """Connect with the client that `make` returns."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="readback-client", daemon=True)
        self._thread.start()
        try:
            self._client = self._run(_made(make))
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the session stays in its store."""
        try:
            self._run(self._client.close())
            self._run(self._loop.shutdown_asyncgens())
        finally:
            self._stop()

    def call(self, method: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        """Return the result of a coroutine of the asynchronous client."""
        return self._run(method(self._client))

    def register(
        self, email: str, password: str, display_name: str, *, locale: str = ""
    ) -> identity.Customer:
        """Create an account and sign in."""
        return self._run(self._client.register(email, password, display_name, locale=locale))

    def sign_in(self, email: str, password: str) -> identity.Customer:
        """Sign in and keep the session in the store."""
        return self._run(self._client.sign_in(email, password))

    def sign_out(self) -> None:
        """End the session, here and at the service."""
        self._run(self._client.sign_out())

    def search_flights(
        self, request: flightdata.SearchFlightsRequest
    ) -> Iterator[flightdata.SearchFlightsResponse]:
        """Search for flights; yield results and progress as they come, `done` last."""
        return self._iterate(self._client.search_flights(request))

    def watch(self, conversation_id: str = "", *, cursor: str = "") -> Iterator[conversation.Entry]:
        """Follow a conversation, or all of them if the id is empty; yield each entry once."""
        return self._iterate(aiter(self._client.watch(conversation_id, cursor=cursor)))

    def export(self, conversation_id: str, file_format: TranscriptFormat = TranscriptFormat.TEXT) -> bytes:
        """Return a whole transcript as a file."""
        return self._run(self._client.export(conversation_id, file_format))

    def _iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        try:
            while (item := self._run(_next(items))) is not None:
                yield item
        finally:
            close = getattr(items, "aclose", None)
            if close is not None and self._loop.is_running():
                self._run(close())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # Ctrl-C while waiting
            raise

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _made(make: Callable[[], Client]) -> Client:
    return make()


async def _next(items: AsyncIterator[T]) -> T | None:
    return await anext(items, None)
