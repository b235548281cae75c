"""Past conversations and their transcripts."""

from __future__ import annotations

import pytest

from mesh.ids import uuid7
from tests.integration.gradio_ui.site import Person, Site

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_conversations_are_listed_newest_first_in_pages(site: Site, ada: Person) -> None:
    made = [site.conversation.add_conversation(ada.customer_id, f"trip {number}") for number in range(45)]
    seen: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        page = (await ada.get("/api/conversations", params={"page_token": token})).json()
        seen += [one["conversation_id"] for one in page["conversations"]]
        token, pages = page.get("next_page_token", ""), pages + 1
    assert seen == sorted(made, reverse=True)
    assert pages == 3


async def test_customer_without_conversations_gets_an_empty_page(ada: Person) -> None:
    assert (await ada.get("/api/conversations")).json() == {}


async def test_conversations_of_others_are_not_listed(site: Site, ada: Person, eve: Person) -> None:
    site.conversation.add_conversation(ada.customer_id)
    assert (await eve.get("/api/conversations")).json() == {}


async def test_transcript_holds_words_tool_calls_and_their_results(site: Site, ada: Person) -> None:
    conversation_id, tool_call_id = site.conversation.add_conversation(ada.customer_id), uuid7()
    await site.conversation.say(conversation_id, "customer", "Chennai to Delhi <b>tomorrow</b>")
    tool = {"tool_call_id": tool_call_id, "name": "search_flights"}
    leg = {"origin": "MAA", "departure_date": {"year": 2026, "month": 12, "day": 1}}
    call = tool | {"search_flights": {"legs": [leg]}}
    found = tool | {"outcome": "TOOL_OUTCOME_FOUND", "search_flights": {"done": {"result_count": 3}}}
    await site.conversation.write(conversation_id, tool_call=call)
    await site.conversation.write(conversation_id, tool_result=found)
    entries = (await ada.get(f"/api/conversations/{conversation_id}/entries")).json()["entries"]
    assert [entry["number"] for entry in entries] == ["1", "2", "3"]
    assert entries[0]["utterance"]["text"] == "Chennai to Delhi <b>tomorrow</b>"
    assert entries[1]["tool_call"] == call
    assert entries[2]["tool_result"] == found


async def test_long_transcript_comes_in_pages(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    for number in range(250):
        await site.conversation.say(conversation_id, "agent", str(number))
    first = (await ada.get(f"/api/conversations/{conversation_id}/entries")).json()
    rest = (
        await ada.get(
            f"/api/conversations/{conversation_id}/entries", params={"page_token": first["next_page_token"]}
        )
    ).json()
    assert [entry["utterance"]["text"] for entry in first["entries"] + rest["entries"]] == [
        str(number) for number in range(250)
    ]
    assert "next_page_token" not in rest


async def test_one_conversation(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id, "Chennai to Delhi")
    conversation = (await ada.get(f"/api/conversations/{conversation_id}")).json()["conversation"]
    assert (conversation["title"], conversation["state"]) == ("Chennai to Delhi", "CONVERSATION_STATE_ACTIVE")


@pytest.mark.parametrize(
    "path",
    [
        "/api/conversations/nonsense",
        "/api/conversations/nonsense/entries",
        "/api/conversations?page_token=" + "x" * 2000,
    ],
)
async def test_a_malformed_address_is_refused(ada: Person, path: str) -> None:
    assert (await ada.get(path)).status_code == 400
