"""Deletion of conversations on both databases: nothing remains, and watchers get an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from sqlalchemy import text

from mesh.database.migrations import migrated
from mesh.deleted_customers import delete_customers
from mesh.errors import RequestIdReused, StoreUnavailable
from mesh.ids import uuid7
from services.conversation.assembly import MIGRATIONS
from services.conversation.calls import conversations
from services.conversation.deletion import Deletion
from services.conversation.errors import CallNotFound, ConversationNotFound
from services.conversation.export.export import export
from services.conversation.log.bus import Committed
from services.conversation.model.entries import LogEntry
from services.conversation.model.feeds import RunKind
from services.conversation.model.records import conversation_message
from services.conversation.result_pages import PAGE_BYTES
from services.conversation.search.entry_search import EntrySearch
from services.conversation.search.indexing import Indexing
from services.conversation.slow_work import STEP_BYTES
from services.conversation.store import Store
from services.conversation.store.reads import LogReads
from services.conversation.store.schema import NOBODY
from services.conversation.store.search import IndexedUtterance, SearchQuery, SqliteIndex
from tests.integration.conversation.feed_runs import feed_runs
from tests.unit.conversation.core import Core

pytestmark = pytest.mark.integration

SECRET = "xylophone"


class DeletionCore(Core):
    """The core with deletion and search."""

    def __init__(self, store: Store, file: Path | None) -> None:
        super().__init__(store)
        self.file = file
        self.indexing = Indexing(store, self.clock)
        self.deletion = Deletion(store, self, self.calls, self.clock)
        self.commits: list[Committed] = []

    def committed(self, commit: Committed) -> None:
        self.commits.append(commit)
        self.bus.committed(commit)

    def spoken(self, customer_id: str, conversation_id: str, speech: object) -> None:
        raise NotImplementedError  # a deletion has no live text

    def hint_call(self, call_id: str) -> None:
        raise NotImplementedError  # only holds send hints

    async def delete(self, conversation_id: str, request_id: str | None = None) -> None:
        await self.deletion.delete(
            self.customer_id,
            pb.DeleteConversationRequest(conversation_id=conversation_id, request_id=request_id or uuid7()),
        )

    async def find(self, word: str) -> int:
        return len(
            await EntrySearch(self.store, self.indexing).search(
                SearchQuery(self.customer_id, [word]), after=None, limit=10
            )
        )

    async def rows(self) -> dict[str, int]:
        """Return the number of rows of each table."""
        tables = (
            "conversations",
            "calls",
            "log_pages",
            "open_utterances",
            "spoken_entries",
            "indexed_logs",
            "requests",
        )
        async with self.store.reading() as transaction:
            return {
                t: (await transaction.connection.execute(text(f"SELECT count(*) FROM {t}"))).scalar_one()
                for t in tables
            }

    def on_disk(self, words: str) -> bool:
        """Return whether a file of the database contains these words."""
        assert self.file is not None
        return any(
            words.encode() in path.read_bytes() for path in self.file.parent.glob(f"{self.file.name}*")
        )


@pytest.fixture(params=["sqlite", "postgresql"])
async def archive(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DeletionCore]:
    """Core on an empty database of each kind."""
    file = tmp_path / "log.sqlite3" if request.param == "sqlite" else None
    url = f"sqlite+aiosqlite:///{file}" if file else request.getfixturevalue("postgres").new_database()
    engine = await migrated(url, MIGRATIONS)
    try:
        yield DeletionCore(Store(engine), file)
    finally:
        await engine.dispose()


async def test_nothing_remains_and_other_conversations_stay(archive: DeletionCore) -> None:
    call, writer = await archive.held_call()
    await archive.append(
        writer, [archive.said(f"a {SECRET} in Delhi"), archive.saying("still speaking", 1, entry_id=uuid7())]
    )
    other, other_writer = await archive.held_call()
    await archive.append(other_writer, [archive.said("a piano in Delhi")])
    assert (await archive.find(SECRET), await archive.find("delhi")) == (1, 2)
    await archive.delete(call.conversation_id)
    assert (await archive.find(SECRET), await archive.find("delhi")) == (0, 1)
    rows = await archive.rows()
    assert rows == {
        "conversations": 1,
        "calls": 1,
        "log_pages": 1,
        "open_utterances": 0,
        "spoken_entries": 1,
        "indexed_logs": 1,
        "requests": 1,
    }
    assert await archive.utterances(other.conversation_id) == [("a piano in Delhi", "FINAL")]


@pytest.mark.parametrize("archive", ["sqlite"], indirect=True)
async def test_no_file_contains_the_words(archive: DeletionCore) -> None:
    call, writer = await archive.held_call()
    for number in range(40):
        await archive.append(writer, [archive.said(f"{SECRET} {number} to Delhi")])
    await archive.append(writer, [archive.saying(f"zither {SECRET}", 1, entry_id=uuid7())])
    _, other_writer = await archive.held_call()
    await archive.append(other_writer, [archive.said("a piano in Delhi")])
    assert await archive.find(SECRET) == 10
    assert archive.on_disk(SECRET[1:])
    assert archive.on_disk("zither")
    await archive.delete(call.conversation_id)
    assert not archive.on_disk(SECRET[1:])
    assert not archive.on_disk("zither")
    assert archive.on_disk("piano")


@pytest.mark.parametrize("archive", ["sqlite"], indirect=True)
async def test_repeated_request_finishes_an_interrupted_deletion(
    archive: DeletionCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, writer = await archive.held_call()
    await archive.append(writer, [archive.said(f"{SECRET} to Delhi")])
    request_id = uuid7()

    async def interrupted() -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(archive.store, "scrub", interrupted)
        with pytest.raises(StoreUnavailable):
            await archive.delete(call.conversation_id, request_id)
    assert archive.on_disk(SECRET[1:])
    await archive.delete(call.conversation_id, request_id)
    assert not archive.on_disk(SECRET[1:])
    assert len(archive.commits) == 1


async def test_running_export_never_continues_with_another_conversation(archive: DeletionCore) -> None:
    """If the database reused the key, the export would continue with another customer's words."""
    call, writer = await archive.held_call()
    await archive.append(writer, [archive.said(f"mine {number}" + " and on" * 20) for number in range(600)])
    async with archive.store.reading() as transaction:
        conversation = await transaction.conversation(call.conversation_id)
    assert conversation is not None
    responses = export(archive.store, conversation, pb.TRANSCRIPT_FORMAT_TEXT)
    assert (await anext(responses)).file_name
    assert b"mine 1" in (await anext(responses)).data
    await archive.delete(call.conversation_id)
    archive.customer_id = uuid7()
    _, stranger = await archive.held_call()
    await archive.append(stranger, [archive.said(f"strange {number}") for number in range(600)])
    with pytest.raises(ConversationNotFound):
        [response async for response in responses]


async def test_stored_answers_about_it_are_deleted(archive: DeletionCore) -> None:
    conversation_id = await archive.conversation()
    asked = pb.EndConversationRequest(conversation_id=conversation_id, request_id=uuid7())
    kept = pb.EndConversationRequest(conversation_id=uuid7(), request_id=uuid7())

    async def answered(request: pb.EndConversationRequest, about: str) -> None:
        async with archive.log.commit() as commit:

            async def do() -> pb.EndConversationResponse:
                found = await conversations.owned(commit.transaction, archive.customer_id, conversation_id)
                answer = conversation_message(found, None)
                answer.conversation_id = about
                return pb.EndConversationResponse(conversation=answer)

            await commit.transaction.once(
                archive.customer_id, request.request_id, request, pb.EndConversationResponse, do
            )

    await answered(asked, conversation_id)
    await answered(kept, kept.conversation_id)
    await archive.delete(conversation_id)
    assert (await archive.rows())["requests"] == 2  # the other answer, and that of the deletion


async def test_second_deletion_succeeds_only_with_the_same_request_id(
    archive: DeletionCore,
) -> None:
    conversation_id, request_id = await archive.conversation(), uuid7()
    await archive.delete(conversation_id, request_id)
    await archive.delete(conversation_id, request_id)
    assert len(archive.commits) == 1
    with pytest.raises(ConversationNotFound):
        await archive.delete(conversation_id)
    with pytest.raises(RequestIdReused):
        await archive.delete(await archive.conversation(), request_id)


async def test_another_customer_cannot_delete_it(archive: DeletionCore) -> None:
    conversation_id = await archive.conversation()
    stranger = pb.DeleteConversationRequest(conversation_id=conversation_id, request_id=uuid7())
    with pytest.raises(ConversationNotFound):
        await archive.deletion.delete(uuid7(), stranger)
    assert (await archive.rows())["conversations"] == 1
    assert archive.commits == []


async def test_running_call_ends_and_is_cleaned_up(
    archive: DeletionCore,
) -> None:
    call, writer = await archive.held_call()
    await archive.delete(call.conversation_id)
    with pytest.raises(CallNotFound):
        await archive.append(writer, [archive.said("one more word")])
    with pytest.raises(CallNotFound):
        await archive.log.append_all(writer, [archive.said("one more word")])
    archive.rooms.up = archive.grants.up = False
    assert not await archive.cleanup.sweep()
    archive.rooms.up = archive.grants.up = True
    assert await archive.cleanup.sweep()
    assert (archive.rooms.closed, archive.grants.revoked) == ([call.room], [call.call_id])
    await archive.cleanup.sweep()
    assert archive.grants.revoked == [call.call_id]


async def test_ended_call_with_a_grant_is_cleaned_up(archive: DeletionCore) -> None:
    call = await archive.call()
    await archive.end(call)
    await archive.delete(call.conversation_id)
    assert await archive.cleanup.sweep()
    assert archive.grants.revoked == [call.call_id]


async def test_feed_contains_the_deletion_once_and_continues(archive: DeletionCore) -> None:
    call, writer = await archive.held_call()
    await archive.append(writer, [archive.said("hello")])
    other, other_writer = await archive.held_call()
    async with archive.store.reading() as transaction:
        before = (await transaction.feed_end(archive.customer_id)).last_position
    await archive.delete(call.conversation_id)
    (commit,) = archive.commits
    assert (commit.conversation_id, commit.deleted, commit.feed_head) == (
        call.conversation_id,
        True,
        before + 1,
    )
    await archive.append(other_writer, [archive.said("and on")])
    async with archive.store.reading() as transaction:
        runs = [
            run for run in await feed_runs(transaction, archive.customer_id) if run.last_position > before
        ]
    assert [(run.conversation_id, run.kind, run.first_position) for run in runs] == [
        (call.conversation_id, RunKind.DELETED, before + 1),
        (other.conversation_id, RunKind.ENTRIES, before + 2),
    ]


@pytest.mark.parametrize("archive", ["sqlite"], indirect=True)
async def test_large_log_is_indexed_exported_and_deleted_in_small_steps(
    archive: DeletionCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, writer = await archive.held_call()
    said = [f"{number} " + "to Delhi " * 2200 for number in range(40)]
    for text_ in said:
        await archive.append(writer, [archive.said(text_)])
    steps: dict[str, list[int]] = {"add": [], "remove": [], "read": []}
    read = LogReads.entries_after

    def counted(name: str) -> None:
        original = getattr(SqliteIndex, name)

        async def wrapped(
            index: SqliteIndex, key: int, owner: str, utterances: Sequence[IndexedUtterance], **more: Any
        ) -> None:
            steps[name].append(sum(len(" ".join(one.words)) for one in utterances))
            await original(index, key, owner, utterances, **more)

        monkeypatch.setattr(SqliteIndex, name, wrapped)

    async def entries_after(*arguments: Any, **limits: Any) -> list[LogEntry]:
        found = await read(*arguments, **limits)
        steps["read"].append(sum(len(entry.content) for entry in found))
        return found

    counted("add")
    counted("remove")
    monkeypatch.setattr(LogReads, "entries_after", entries_after)
    assert await archive.find("39") == 1
    async with archive.store.reading() as transaction:
        conversation = await transaction.conversation(call.conversation_id)
    assert conversation is not None
    exported = [response async for response in export(archive.store, conversation, pb.TRANSCRIPT_FORMAT_TEXT)]
    assert sum(len(response.data) for response in exported) > sum(map(len, said))
    await archive.delete(call.conversation_id)
    longest = max(map(len, said))
    for name, sizes in steps.items():
        assert len(sizes) >= 3, name
        most = PAGE_BYTES if name == "read" else STEP_BYTES  # a search reads a page in one step
        assert max(sizes) <= most + longest + 100, name
    assert sum(steps["add"]) == sum(steps["remove"]) > 600_000


async def test_interrupted_erasure_is_continued_in_the_background(
    archive: DeletionCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, writer = await archive.held_call()
    for number in range(40):
        await archive.append(writer, [archive.said(f"{SECRET} {number} " + "to Delhi " * 200)])
    assert await archive.find(SECRET) == 10

    async def interrupted(*_: object) -> bool:
        raise StoreUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(archive.deletion, "_delete_rows", interrupted)
        with pytest.raises(StoreUnavailable):
            await archive.delete(call.conversation_id)
    assert (await archive.rows())["conversations"] == 1
    assert await archive.find(SECRET) == 0
    with pytest.raises(CallNotFound):
        await archive.append(writer, [archive.said("one more word")])
    async with archive.store.reading() as transaction:
        assert await transaction.conversations_of(archive.customer_id, before=None, limit=10) == []
        hidden = await transaction.conversation(call.conversation_id)
    assert hidden is not None
    assert (hidden.customer_id, hidden.title) == (NOBODY, "")

    async def erased() -> None:
        while (await archive.rows())["conversations"]:  # noqa: ASYNC110 -- no event signals it
            await asyncio.sleep(0.01)

    running = asyncio.create_task(archive.deletion.run())
    await asyncio.wait_for(erased(), 10)
    running.cancel()
    rows = await archive.rows()
    assert {rows[table] for table in ("calls", "log_pages", "spoken_entries", "indexed_logs")} == {0}


async def test_nothing_of_a_deleted_customer_remains(archive: DeletionCore) -> None:
    _, writer = await archive.held_call()
    await archive.append(writer, [archive.said(f"a {SECRET} in Delhi")])
    await archive.delete(await archive.conversation())
    own, archive.customer_id = archive.customer_id, uuid7()
    kept = await archive.conversation()
    asked, confirmed = list[str](), asyncio.Event()

    class Deleted:
        async def due(self) -> list[str]:
            return [] if asked else [own]

        async def confirm(self, customer_ids: Sequence[str]) -> None:
            asked.extend(customer_ids)
            confirmed.set()

    deleting = asyncio.create_task(delete_customers(Deleted(), archive.deletion.delete_all, archive.clock))
    await asyncio.wait_for(confirmed.wait(), 10)
    deleting.cancel()
    assert asked == [own]
    async with archive.store.reading() as transaction:
        assert (await transaction.feed_end(own)).last_position == 0
        assert await feed_runs(transaction, own) == []
        assert await transaction.conversation(kept) is not None
    rows = await archive.rows()
    assert (rows["conversations"], rows["calls"], rows["log_pages"], rows["requests"]) == (1, 0, 0, 0)


async def test_empty_conversation_is_deleted(archive: DeletionCore) -> None:
    conversation_id = await archive.conversation()
    await archive.delete(conversation_id)
    assert (await archive.rows())["conversations"] == 0
