"""The history: past conversations can be searched, opened at an entry, exported and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Route, expect

from tests.e2e.gradio_ui.conftest import Visit, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

HOSTILE = "<img src=x onerror=\"document.title='owned'\"> Delhi ${document.title='owned'}"


@pytest_asyncio.fixture(loop_scope="module")
async def reader(ada: Visitor) -> Visitor:
    """A customer with two conversations, in the history."""
    await fill(ada)
    await ada.page.get_by_role("tab", name="History").click()
    await expect(ada.see("past-conversation")).to_have_count(2)
    return ada


async def fill(visitor: Visitor) -> None:
    """Add two conversations, the newer one long."""
    service = visitor.site.conversation
    customer_id = (await (await visitor.context.request.get(f"{visitor.site.url}/config")).json())["username"]
    seat = service.add_conversation(customer_id, "A window seat")
    await service.say(seat, "customer", "A window seat to Mumbai, please")
    await service.say(seat, "agent", "Certainly, 14A.")
    trip = service.add_conversation(customer_id, "Chennai to Delhi")
    for number in range(60):
        await service.say(
            trip, "customer" if number % 2 else "agent", f"We talked about flight number {number}."
        )
    await service.say(trip, "customer", "The one over Jaipur")
    for number in range(20):
        await service.say(trip, "agent", f"And then some, {number}.")


def row(visitor: Visitor, title: str) -> Locator:
    """Return a conversation of the list."""
    return visitor.page.get_by_test_id("past-conversation").filter(has_text=title)


@asynccontextmanager
async def delayed(visitor: Visitor, pattern: str, *, fail: bool = False) -> AsyncIterator[asyncio.Queue[str]]:
    """Delay requests to an address until the block ends, and yield a queue of them."""
    requests: asyncio.Queue[str] = asyncio.Queue()
    free, passed = asyncio.Event(), asyncio.Event()

    async def wait(route: Route) -> None:
        requests.put_nowait(route.request.url)
        await free.wait()
        await (route.abort() if fail else route.continue_())
        passed.set()

    await visitor.page.route(pattern, wait)
    yield requests
    free.set()
    await passed.wait()
    await visitor.page.unroute(pattern)


async def settled(visitor: Visitor) -> None:
    """Wait as long as loading a transcript takes: the same number of requests, one after the other."""
    await visitor.page.evaluate(
        'async () => { for (let left = 4; left; left--) await (await fetch("/api/calls/running")).text(); }'
    )


async def test_a_search_result_is_marked_and_opens_at_its_entry(reader: Visitor) -> None:
    await reader.see("history-search").fill("over jaipur")
    found = reader.see("found-entry")
    await expect(found).to_have_count(1)
    await expect(found.locator("mark")).to_have_text("over Jaipur")
    await expect(found).to_contain_text("Chennai to Delhi")
    await expect(found).to_contain_text("You: The one")
    await expect(reader.see("history-status")).to_have_text("1 found")
    await found.click()
    line = reader.page.locator("[data-testid=history-line][data-number='61']")
    await expect(line).to_be_focused()
    await expect(line).to_be_in_viewport()
    await expect(reader.see("history-search")).to_be_hidden()
    await reader.see("history-back").click()
    await expect(found).to_be_focused()
    await expect(reader.see("history-search")).to_have_value("over jaipur")


async def test_no_results_are_shown_as_such_and_a_cleared_search_shows_all_conversations(
    reader: Visitor,
) -> None:
    box = reader.see("history-search")
    await box.fill("zeppelin")
    await expect(reader.page.locator("past-conversations .empty")).to_have_text(
        "No conversation contains “zeppelin”."
    )
    await expect(reader.see("history-status")).to_contain_text("zeppelin")
    await box.press("Escape")
    await expect(reader.see("past-conversation")).to_have_count(2)


async def test_show_older_adds_results(reader: Visitor) -> None:
    await reader.see("history-search").fill("flight number")
    await expect(reader.see("found-entry")).to_have_count(20)
    await expect(reader.see("history-status")).to_have_text("20 or more found")
    await reader.see("show-older").click()
    await expect(reader.see("found-entry")).to_have_count(40)
    await expect(reader.see("found-entry").nth(20)).to_be_focused()


async def test_show_older_pressed_twice_adds_results_once(reader: Visitor) -> None:
    await reader.see("history-search").fill("flight number")
    await expect(reader.see("found-entry")).to_have_count(20)
    async with delayed(reader, "**/api/found?*") as requests:
        await reader.see("show-older").evaluate("button => { button.click(); button.click(); }")
        await requests.get()
    await expect(reader.see("found-entry")).to_have_count(40)
    await expect(reader.see("show-older")).to_be_enabled()
    assert requests.empty(), "the same page was requested twice"


@pytest.mark.parametrize("found", [False, True], ids=["from the list", "from what was found"])
async def test_a_late_transcript_does_not_replace_a_newer_search(reader: Visitor, found: bool) -> None:
    slow, opener = "**/entries?*", row(reader, "A window seat")
    if found:
        await reader.see("history-search").fill("certainly")
        slow, opener = "**/api/conversations/*", reader.see("found-entry")
    async with delayed(reader, slow) as requests:
        await opener.click()
        await requests.get()
        await reader.see("history-search").fill("over jaipur")
        await expect(reader.see("found-entry")).to_contain_text("over Jaipur")
    await settled(reader)
    await expect(reader.see("history-line")).to_have_count(0)
    await expect(reader.see("history-search")).to_be_visible()
    await expect(reader.see("found-entry")).to_have_count(1)


async def test_a_late_error_is_not_shown_in_a_newer_search(
    reader: Visitor,
) -> None:
    async with delayed(reader, "**/entries?*", fail=True) as requests:
        await row(reader, "A window seat").click()
        await requests.get()
        await reader.see("history-search").fill("over jaipur")
        await expect(reader.see("found-entry")).to_have_count(1)
    await settled(reader)
    await expect(reader.page.locator("past-conversations [role=alert]")).to_be_hidden()
    reader.problems.clear()  # Chromium's message about the failed request


async def test_hostile_text_is_only_text(ada: Visitor) -> None:
    customer_id = (await (await ada.context.request.get(f"{ada.site.url}/config")).json())["username"]
    await ada.site.conversation.say(
        ada.site.conversation.add_conversation(customer_id, HOSTILE), "customer", HOSTILE
    )
    await ada.page.get_by_role("tab", name="History").click()
    await ada.see("history-search").fill("delhi")
    await expect(ada.see("found-entry").locator(".past-words")).to_contain_text(HOSTILE)
    await ada.see("history-search").fill(HOSTILE)
    await expect(ada.see("found-entry")).to_have_count(1)
    assert "owned" not in await ada.page.title()


@pytest.mark.parametrize("suffix", ["txt", "vtt", "json"])
async def test_a_transcript_can_be_exported(reader: Visitor, suffix: str) -> None:
    await row(reader, "A window seat").click()
    async with reader.page.expect_download() as download:
        await reader.see(f"export-{suffix}").click()
    file = await download.value
    assert file.suggested_filename == f"trip.{suffix}"
    assert (
        await asyncio.to_thread(Path(await file.path()).read_text)
        == "A window seat to Mumbai, please\nCertainly, 14A.\n"
    )


async def test_deleting_asks_first_and_can_be_cancelled(reader: Visitor) -> None:
    await row(reader, "Chennai to Delhi").click()
    await reader.see("history-delete").click()
    dialog = reader.see("ask-delete")
    await expect(dialog).to_contain_text("Chennai to Delhi")
    await expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    await reader.page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(reader.see("history-delete")).to_be_focused()
    await reader.see("history-back").click()
    await expect(reader.see("past-conversation")).to_have_count(2)


async def test_a_deleted_conversation_is_gone_from_history_and_search(reader: Visitor) -> None:
    await row(reader, "Chennai to Delhi").click()
    await reader.see("history-delete").click()
    await reader.see("delete-for-good").click()
    await expect(reader.see("past-conversation")).to_have_count(1)
    await expect(reader.see("history-status")).to_have_text("The conversation was deleted.")
    await expect(reader.see("history-search")).to_be_focused()
    await reader.see("history-search").fill("jaipur")
    await expect(reader.page.locator("past-conversations .empty")).to_contain_text("No conversation contains")


async def test_deleting_the_conversation_of_the_call_ends_the_call(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await ada.page.get_by_role("tab", name="History").click()
        await ada.see("past-conversation").click()
        await ada.see("history-delete").click()
        await expect(ada.see("ask-delete")).to_contain_text("The running call in it will end.")
        await ada.see("delete-for-good").click()
        await expect(ada.page.locator("past-conversations .empty")).to_contain_text("No conversations yet")
        await agent.close_room()  # like the conversation service
        await ada.state("ended")


async def test_a_failed_deletion_is_shown_and_keeps_the_conversation(reader: Visitor) -> None:
    await row(reader, "Chennai to Delhi").click()
    await expect(reader.see("history-delete")).to_be_visible()  # the transcript is loaded
    async with reader.site.without("conversation"):
        await reader.see("history-delete").click()
        await reader.see("delete-for-good").click()
        await expect(reader.page.locator("past-conversations [role=alert]")).to_contain_text(
            "try again in a moment"
        )
    await reader.see("history-back").click()
    await expect(reader.see("past-conversation")).to_have_count(2)
    reader.problems.clear()  # Chromium's message about the 503


async def test_words_that_may_be_misheard_are_underlined(ada: Visitor) -> None:
    service = ada.site.conversation
    customer_id = (await (await ada.context.request.get(f"{ada.site.url}/config")).json())["username"]
    heard = service.add_conversation(customer_id, "A trip to Pune")
    await service.say(heard, "customer", "Flights to Pune today", confidences=[0.99, 0.98, 0.4, 0.97])
    await ada.page.get_by_role("tab", name="History").click()
    await row(ada, "A trip to Pune").click()
    line = ada.page.locator("[data-testid=history-line][data-number='1']")
    await expect(line).to_contain_text("Flights to Pune today")
    unsure = line.locator(".unsure")
    await expect(unsure).to_have_text("Pune")
    await expect(unsure).to_have_css("text-decoration-style", "dotted")


async def test_the_history_works_by_keyboard(reader: Visitor) -> None:
    keyboard = reader.page.keyboard
    await reader.see("history-search").focus()
    await keyboard.type("jaipur")
    await keyboard.press("Enter")
    await expect(reader.see("found-entry")).to_have_count(1)
    await keyboard.press("Tab")
    await expect(reader.see("found-entry")).to_be_focused()
    await keyboard.press("Enter")
    await expect(reader.page.locator("[data-testid=history-line][data-number='61']")).to_be_focused()
    await reader.see("history-delete").focus()
    await keyboard.press("Enter")
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(reader.see("history-status")).to_have_text("The conversation was deleted.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_wider_than_a_phone(visit: Visit, scheme: str) -> None:
    visitor = await visit(viewport={"width": 360, "height": 740}, color_scheme=scheme, has_touch=True)
    await visitor.sign_up()
    await fill(visitor)
    await visitor.page.get_by_role("tab", name="History").click()
    await visitor.see("history-search").fill("window")
    await visitor.see("found-entry").click()
    await visitor.see("history-delete").click()
    await expect(visitor.see("ask-delete")).to_be_in_viewport()
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_the_browser_s_back_button_closes_a_transcript_and_forward_opens_it(reader: Visitor) -> None:
    await row(reader, "Chennai to Delhi").click()
    await expect(reader.see("history-line").first).to_be_visible()
    await reader.page.go_back()
    await expect(row(reader, "Chennai to Delhi")).to_be_focused()
    assert reader.page.url.startswith(reader.site.url)
    await reader.page.go_forward()
    await expect(reader.see("history-line").first).to_be_visible()
    await reader.see("history-back").click()
    await expect(reader.see("past-conversation")).to_have_count(2)


async def test_a_title_shows_in_the_list_as_soon_as_the_conversation_has_it(ada: Visitor) -> None:
    async with ada.talking():
        await ada.page.get_by_role("tab", name="History").click()
        await expect(ada.see("past-conversation")).to_contain_text("Call without a question")
        ada.site.conversation.conversations[ada.conversation_id].title = "Chennai to Delhi"
        await ada.site.conversation.changed()
        await expect(ada.see("past-conversation")).to_contain_text("Chennai to Delhi")
