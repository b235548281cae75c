"""The live transcript over server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb

from mesh.ids import uuid7
from tests.integration.gradio_ui.site import Person, Site

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

Event = tuple[str, str, Any]


async def events_of(answer: httpx.Response) -> AsyncIterator[Event]:
    """Yield (kind, cursor, data) of each event, as an EventSource reads them."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield fields["event"], fields.get("id", ""), json.loads(fields["data"])
            fields = {}


@asynccontextmanager
async def feed(person: Person, conversation_id: str, **headers: str) -> AsyncIterator[AsyncIterator[Event]]:
    path = f"/api/conversations/{conversation_id}/feed"
    async with asyncio.timeout(20), person.browser.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers  # compression would delay events
        yield events_of(answer)


async def until(events: AsyncIterator[Event], kind: str) -> list[Event]:
    seen = []
    async for event in events:
        seen.append(event)
        if event[0] == kind:
            return seen
    raise AssertionError(f"the feed ended after {seen}")


async def test_the_feed_sends_past_entries_and_then_new_ones(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    await site.conversation.say(conversation_id, "agent", "Hello")
    async with feed(ada, conversation_id) as events:
        past = await until(events, "conversation")
        assert [event[0] for event in past] == ["entry", "caught_up", "conversation"]
        assert past[0][2]["utterance"]["text"] == "Hello"
        await site.conversation.say(conversation_id, "customer", "Chennai to Delhi")
        kind, cursor, entry = await anext(events)
        assert (kind, cursor, entry["number"], entry["utterance"]["speaker"]) == (
            "entry",
            "2",
            "2",
            "SPEAKER_CUSTOMER",
        )


async def test_the_feed_sends_the_conversation_when_its_title_changes(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    async with feed(ada, conversation_id) as events:
        await until(events, "conversation")
        site.conversation.conversations[conversation_id].title = "Chennai to Delhi"
        await site.conversation.changed()
        kind, _, conversation = await anext(events)
        assert (kind, conversation["title"]) == ("conversation", "Chennai to Delhi")


async def test_a_reconnecting_browser_gets_each_entry_once(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    seen, cursor = [], ""
    for number in range(5):
        await site.conversation.say(conversation_id, "agent", f"line {number}")
        async with feed(ada, conversation_id, **({"Last-Event-ID": cursor} if cursor else {})) as events:
            _, cursor, entry = await anext(events)
            seen.append(entry["utterance"]["text"])
    assert seen == [f"line {number}" for number in range(5)]


async def test_entries_of_one_message_are_sent_one_by_one_with_the_cursor_at_the_last(
    site: Site, ada: Person
) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    for number in range(5):
        await site.conversation.say(conversation_id, "agent", f"line {number}")
    async with feed(ada, conversation_id) as events:
        received = [await anext(events) for _ in range(6)]
    assert [kind for kind, _, _ in received] == ["entry"] * 5 + ["caught_up"]
    assert [entry["utterance"]["text"] for _, _, entry in received[:5]] == [
        f"line {number}" for number in range(5)
    ]
    assert [cursor for _, cursor, _ in received[:5]] == ["", "", "", "", "5"]


async def test_the_cursor_may_be_in_the_address(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    await site.conversation.say(conversation_id, "agent", "one")
    await site.conversation.say(conversation_id, "agent", "two")
    async with ada.browser.stream("GET", f"/api/conversations/{conversation_id}/feed?cursor=1") as answer:
        assert (await anext(events_of(answer)))[2]["utterance"]["text"] == "two"


async def test_leaving_a_silent_feed_ends_its_watch(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    async with feed(ada, conversation_id) as events:
        await until(events, "caught_up")
        assert site.conversation.watches_open == 1
    await site.conversation.wait_until(lambda: site.conversation.watches_open == 0, seconds=3)


async def test_feed_survives_a_restart_of_the_conversation_service(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    await site.conversation.say(conversation_id, "agent", "before")
    async with feed(ada, conversation_id) as events:
        cursor = (await until(events, "conversation"))[-1][1]
        await site.restart("conversation")
        assert [
            event async for event in events
        ] == []  # ends without an event; the browser reconnects by itself
    await site.conversation.say(conversation_id, "agent", "after")
    async with feed(ada, conversation_id, **{"Last-Event-ID": cursor}) as events:
        assert (await anext(events))[2]["utterance"]["text"] == "after"


async def test_an_expired_cursor_is_answered_with_the_earliest_one(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    await site.conversation.say(conversation_id, "agent", "what was restored")
    async with feed(ada, conversation_id, **{"Last-Event-ID": "7"}) as events:
        received = [event async for event in events]
    assert received == [("rewound", "0", {})]
    async with feed(ada, conversation_id, **{"Last-Event-ID": received[0][1]}) as events:
        assert (await anext(events))[2]["utterance"]["text"] == "what was restored"


async def test_the_end_of_the_conversation_is_sent(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    site.conversation.end_watches_with = pb.WATCH_END_REASON_CONVERSATION_ENDED
    try:
        async with feed(ada, conversation_id) as events:
            assert (await until(events, "end"))[-1][2] == {"reason": "WATCH_END_REASON_CONVERSATION_ENDED"}
    finally:
        site.conversation.end_watches_with = None


async def test_the_feed_of_another_customers_conversation_fails(site: Site, ada: Person, eve: Person) -> None:
    for conversation_id in (site.conversation.add_conversation(ada.customer_id), uuid7()):
        async with feed(eve, conversation_id) as events:
            assert [event async for event in events] == [("failed", "", {"reason": "CONVERSATION_NOT_FOUND"})]


async def test_a_stopping_server_ends_open_feeds_immediately(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    loop = asyncio.get_running_loop()
    async with feed(ada, conversation_id) as events:
        await until(events, "conversation")
        began = loop.time()
        await site.stop("page")
        assert [event async for event in events] == []
    assert loop.time() - began < site.settings.ui_stop_seconds
    await site.start_page()
