"""Reloads, second tabs, lost servers: a call never ends or moves silently."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from mesh.ids import uuid7
from tests.e2e.gradio_ui.conftest import Visitor
from tests.e2e.gradio_ui.sample_flights import CHENNAI_TO_DELHI

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def reload(visitor: Visitor) -> None:
    """Reload the app. The browser shows no confirmation, because nothing is lost."""
    await visitor.page.reload()
    await visitor.see("call-state").wait_for()


async def test_reload_keeps_the_sign_in_and_the_call_and_offers_to_rejoin(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await ada.site.conversation.say(ada.conversation_id, "agent", "Hello again")
        await reload(ada)
        await expect(ada.see("account-name")).to_have_text("Ada Lovelace")
        await expect(ada.see("rejoin")).to_have_text("Rejoin the call")
        await expect(ada.see("caption").first).to_contain_text("Hello again")
        await ada.see("rejoin").click()
        await ada.state("listening")
        await ada.see("text-input").fill("are you there")
        await ada.see("send").click()
        assert (await asyncio.wait_for(agent.typed.get(), 10))[0] == "are you there"


async def test_an_offered_call_can_be_ended(ada: Visitor) -> None:
    async with ada.talking():
        await reload(ada)
        await expect(ada.see("rejoin")).to_be_visible()
        await ada.see("hang-up").click()
        await expect(ada.see("call")).to_be_visible()
        conversation = ada.site.conversation
        await conversation.wait_until(
            lambda: not conversation.conversations[ada.conversation_id].HasField("running_call")
        )


PRESS_WHILE_OTHER_TABS_ARE_ASKED = """button => new Promise(pressed => {
  const overheard = new BroadcastChannel("readback.calls");
  overheard.onmessage = async () => {
    overheard.close();
    document.querySelector(`[data-testid=${button}]`).click();
    const { OtherTabs } = await import("/ui/call/other-tabs.js");
    await new OtherTabs(() => null).areIn("no call");  // answered after the panel's own question
    pressed(document.querySelector("voice-panel").dataset.state);
  };
  document.dispatchEvent(new Event("visibilitychange"));
})"""
"""Presses a button of the panel while it asks other tabs about the call; returns the panel's state."""


async def test_rejoining_while_other_tabs_are_asked_joins_the_call(ada: Visitor) -> None:
    async with ada.talking():
        await reload(ada)
        await ada.state("offer")
        assert await ada.page.evaluate(PRESS_WHILE_OTHER_TABS_ARE_ASKED, "rejoin") in (
            "connecting",
            "listening",
        )
        await ada.state("listening")
        await expect(ada.see("mute")).to_be_visible()


async def test_a_call_hung_up_while_other_tabs_are_asked_is_not_offered_again(ada: Visitor) -> None:
    async with ada.talking():
        await reload(ada)
        await ada.state("offer")
        assert await ada.page.evaluate(PRESS_WHILE_OTHER_TABS_ARE_ASKED, "hang-up") == "ended"
        await expect(ada.see("call")).to_be_visible()


async def test_flight_cards_are_restored_from_the_log_after_a_reload(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await agent.show_flights(CHENNAI_TO_DELHI)
        await expect(ada.see("flight-card")).to_have_count(3)
        stored = {"search_flights": {"results": {"itineraries": [ITINERARY]}}}
        await ada.site.conversation.write(
            ada.conversation_id, tool_result=CHENNAI_TO_DELHI["tool_result"] | stored
        )
        await expect(ada.see("flight-card")).to_have_count(3)
        await reload(ada)
        card = ada.see("flight-card")
        await expect(card).to_have_count(1)
        await expect(card).to_have_attribute("data-flight-number", "AI542")
        await expect(card.locator(".card-time")).to_have_text(["23:10", "01:55+1"])
        await expect(card.get_by_test_id("card-price")).to_have_text("₹6,240.50")


async def test_a_second_tab_asks_before_it_takes_the_call_and_the_first_can_take_it_back(
    ada: Visitor,
) -> None:
    async with ada.talking():
        second = await ada.second_tab()
        await expect(second.see("call-state")).to_have_text("This call is open in another tab")
        await expect(second.see("rejoin")).to_have_text("Move the call here")
        await expect(ada.see("call-state")).to_have_text("Listening")  # the first tab still has the call
        await second.see("rejoin").click()
        await second.state("listening")
        await expect(ada.see("call-state")).to_have_text("This call moved to another tab or device")
        await ada.see("rejoin").click()
        await ada.state("listening")
        await expect(second.see("call-state")).to_have_text("This call moved to another tab or device")


async def test_the_call_button_of_another_tab_does_not_start_a_second_call(
    ada: Visitor,
) -> None:
    second = await ada.second_tab()
    async with ada.talking():
        async with second.page.expect_response("**/api/calls") as refused:
            await second.see("call").evaluate("button => button.click()")
        assert (await refused.value).status == 409
        await expect(second.see("rejoin")).to_have_text("Move the call here")
        await expect(ada.see("call-state")).to_have_text("Listening")
        ada.problems.clear()  # Chromium logs every response of 400 and above


async def test_the_transcript_catches_up_after_the_conversation_service_was_down(ada: Visitor) -> None:
    async with ada.talking():
        await ada.site.conversation.say(ada.conversation_id, "agent", "before")
        await ada.page.get_by_role("tab", name="Transcript").click()
        await expect(ada.see("transcript-line")).to_have_count(1)
        async with ada.site.without("conversation"):
            await expect(ada.see("feed-state")).to_be_visible()
            await ada.site.conversation.say(ada.conversation_id, "agent", "meanwhile")
        await expect(ada.see("transcript-line").locator(".line-text")).to_have_text(["before", "meanwhile"])
        await expect(ada.see("feed-state")).to_be_hidden()


async def test_the_transcript_follows_a_log_restored_from_an_earlier_copy(
    ada: Visitor,
) -> None:
    service = ada.site.conversation
    async with ada.talking():
        for text in ("kept", "lost"):
            await service.say(ada.conversation_id, "agent", text)
        await ada.page.get_by_role("tab", name="Transcript").click()
        shown = ada.see("transcript-line").locator(".line-text")
        await expect(shown).to_have_text(["kept", "lost"])
        async with ada.site.without("conversation"):
            del service.entries[ada.conversation_id][1:]
        await expect(shown).to_have_text(["kept"])
        await service.say(ada.conversation_id, "agent", "new")
        await expect(shown).to_have_text(["kept", "new"])


async def test_a_sign_in_ended_elsewhere_leads_to_the_sign_in_page(ada: Visitor) -> None:
    await ada.context.request.post(f"{ada.site.url}/auth/logout", headers={"origin": ada.site.url})
    await ada.see("call").click()
    await ada.page.wait_for_url("**/login")
    ada.problems.clear()  # Chromium's line about the 401


async def test_a_call_server_that_is_down_is_shown_and_leaves_no_running_call(ada: Visitor) -> None:
    service = ada.site.conversation
    up, service.livekit_url = service.livekit_url, "ws://127.0.0.1:9"
    try:
        await ada.see("call").click()
        await expect(ada.see("notice")).to_have_text(
            "The call server can't be reached. Try again in a moment.", timeout=30_000
        )
        await expect(ada.see("call")).to_be_visible()
        assert not service.conversations[ada.conversation_id].HasField("running_call")
    finally:
        service.livekit_url = up
        ada.problems.clear()  # the browser's messages about the policy and the socket
    async with ada.talking():
        await expect(ada.see("notice")).to_be_hidden()


async def test_opening_another_conversation_does_not_move_the_call(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await ada.see("hang-up").click()
    await ada.see("new-conversation").click()
    async with ada.talking() as agent:
        await agent.say(uuid7(), ["Hello"])
        await ada.page.get_by_role("tab", name="History").click()
        await ada.see("past-conversation").last.click()
        await ada.see("history-continue").click()
        await expect(ada.page.locator("past-conversations [role=alert]")).to_contain_text("Hang up first")
        await expect(ada.see("caption")).to_have_count(1)
        await expect(ada.see("call-state")).to_have_text("Listening")


async def test_services_that_are_down_are_shown(ada: Visitor) -> None:
    async with ada.site.without("conversation"):
        await ada.see("call").click()
        await expect(ada.see("notice")).to_contain_text("try again in a moment")
        await ada.page.get_by_role("tab", name="History").click()
        await expect(ada.page.locator("past-conversations [role=alert]")).to_contain_text(
            "try again in a moment"
        )
    ada.problems.clear()  # Chromium's lines about the 503s


async def test_call_again_continues_the_conversation_and_a_new_one_can_be_started(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await agent.say(uuid7(), ["Goodbye"])
        await ada.see("hang-up").click()
    first = ada.conversation_id
    async with ada.talking():
        assert ada.conversation_id == first
        await expect(ada.see("caption")).to_have_count(1)
        await ada.see("hang-up").click()
    await ada.see("new-conversation").click()
    await expect(ada.see("caption")).to_have_count(0)
    async with ada.talking():
        assert ada.conversation_id != first


async def test_a_reopened_transcript_shows_the_newest_line_and_follows(ada: Visitor) -> None:
    service = ada.site.conversation
    async with ada.talking():
        for number in range(40):
            await service.say(ada.conversation_id, "agent", f"This is line {number}.")
        lines = ada.see("transcript-line")
        await ada.page.get_by_role("tab", name="Transcript").click()
        await expect(lines.last).to_be_in_viewport()
        await ada.page.get_by_role("tab", name="Flights").click()
        await service.say(ada.conversation_id, "agent", "said meanwhile")
        await expect(ada.see("caption").last).to_contain_text("said meanwhile")
        await ada.page.get_by_role("tab", name="Transcript").click()
        await expect(lines.last).to_be_in_viewport()
        await service.say(ada.conversation_id, "agent", "said while it is open")
        await expect(lines.filter(has_text="said while it is open")).to_be_in_viewport()
        await lines.first.scroll_into_view_if_needed()
        await service.say(ada.conversation_id, "agent", "said while the reader is above")
        await expect(lines.filter(has_text="reader is above")).to_have_count(1)
        await expect(lines.first).to_be_in_viewport()


ITINERARY = {
    "itinerary_id": "sample-AI542",
    "segments": [
        {
            "carrier_code": "AI",
            "carrier": "Air India",
            "flight_number": "AI542",
            "departure": {
                "airport_code": "MAA",
                "city": "Chennai",
                "time": "2026-11-24T17:40:00Z",
                "time_zone": "Asia/Kolkata",
            },
            "arrival": {
                "airport_code": "DEL",
                "city": "Delhi",
                "time": "2026-11-24T20:25:00Z",
                "time_zone": "Asia/Kolkata",
            },
            "duration": "9900s",
        }
    ],
    "duration": "9900s",
    "fare": {"total": {"currency_code": "INR", "units": "6240", "nanos": 500_000_000}},
    "provenance": {"provider": "sample-timetable", "sample": True},
}
