"""Searching, exporting and deleting transcripts."""

from __future__ import annotations

import pytest

from tests.integration.gradio_ui.site import Person, Site

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_a_search_finds_the_entry(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id, "Chennai to Delhi")
    await site.conversation.say(conversation_id, "customer", "A window seat, please")
    await site.conversation.say(conversation_id, "agent", "Certainly")
    (found,) = (await ada.get("/api/found", params={"words": "window seat"})).json()["results"]
    assert (found["entry"]["conversation_id"], found["entry"]["number"]) == (conversation_id, "1")
    assert found["conversation_title"] == "Chennai to Delhi"
    assert found["snippet"] == [
        {"text": "A "},
        {"text": "window seat", "matched": True},
        {"text": ", please"},
    ]


async def test_search_results_come_in_pages(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    for number in range(25):
        await site.conversation.say(conversation_id, "customer", f"Delhi {number}")
    first = (await ada.get("/api/found", params={"words": "delhi"})).json()
    rest = (
        await ada.get("/api/found", params={"words": "delhi", "page_token": first["next_page_token"]})
    ).json()
    said = [one["entry"]["utterance"]["text"] for one in first["results"] + rest["results"]]
    assert said == [f"Delhi {number}" for number in reversed(range(25))]


async def test_entries_of_other_customers_are_not_found(site: Site, ada: Person, eve: Person) -> None:
    await site.conversation.say(
        site.conversation.add_conversation(ada.customer_id), "customer", "a secret meeting"
    )
    assert (await eve.get("/api/found", params={"words": "secret"})).json() == {}


@pytest.mark.parametrize("words", ["", "x" * 201])
async def test_an_empty_or_too_long_search_is_refused(ada: Person, words: str) -> None:
    assert (await ada.get("/api/found", params={"words": words})).status_code == 400


@pytest.mark.parametrize("suffix", ["txt", "vtt", "json"])
async def test_a_transcript_is_exported_as_a_file(site: Site, ada: Person, suffix: str) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    for text in ("Hello", "Größe"):
        await site.conversation.say(conversation_id, "agent", text)
    answer = await ada.get(f"/api/conversations/{conversation_id}/transcript.{suffix}")
    assert answer.headers["content-disposition"] == f'attachment; filename="trip.{suffix}"'
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text == "Hello\nGröße\n"


async def test_an_unknown_export_format_is_refused(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    assert (await ada.get(f"/api/conversations/{conversation_id}/transcript.exe")).status_code == 400


async def test_another_customers_transcript_is_an_error_and_no_file(
    site: Site, ada: Person, eve: Person
) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    answer = await eve.get(f"/api/conversations/{conversation_id}/transcript.txt")
    assert (answer.status_code, answer.json()["error"]["reason"]) == (404, "CONVERSATION_NOT_FOUND")


async def test_a_deleted_conversation_is_gone(site: Site, ada: Person) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    assert (await ada.delete(f"/api/conversations/{conversation_id}")).status_code == 204
    assert conversation_id not in site.conversation.conversations
    assert (await ada.delete(f"/api/conversations/{conversation_id}")).status_code == 404


async def test_other_customers_and_other_sites_can_not_delete_a_conversation(
    site: Site, ada: Person, eve: Person
) -> None:
    conversation_id = site.conversation.add_conversation(ada.customer_id)
    assert (await eve.delete(f"/api/conversations/{conversation_id}")).status_code == 404
    foreign = await ada.browser.delete(
        f"/api/conversations/{conversation_id}", headers={"origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    assert conversation_id in site.conversation.conversations
