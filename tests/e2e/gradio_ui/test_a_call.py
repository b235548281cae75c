"""A call in the browser: state, captions of both speakers, flights, typed messages, mute, the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Route, expect

from mesh.ids import uuid7
from tests.e2e.gradio_ui.conftest import Visit, Visitor
from tests.e2e.gradio_ui.sample_flights import (
    CHENNAI_TO_DELHI,
    FLIGHTS,
    results,
    search,
    there_and_back,
)
from tests.integration.gradio_ui.site import PASSWORD

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_the_form_signs_up_and_signing_out_leads_back_to_it(visit: Visit) -> None:
    visitor = await visit()
    page = visitor.page
    await page.goto(visitor.site.url)
    await visitor.see("switch-mode").click()
    await visitor.see("display-name").fill("Ada Lovelace")
    await visitor.see("email").fill(f"{uuid7()}@example.com")
    await visitor.see("password").fill("short")
    await visitor.see("submit").click()
    await expect(visitor.see("sign-in-error")).to_contain_text("8 characters")
    await visitor.see("password").fill(PASSWORD)
    await visitor.see("submit").click()
    await expect(visitor.see("account-name")).to_have_text("Ada Lovelace")
    await visitor.see("sign-out").click()
    await page.wait_for_url("**/login")
    await page.goto(visitor.site.url)
    assert page.url.endswith("/login")


async def test_state_follows_the_agent(ada: Visitor) -> None:
    await expect(ada.see("call-state")).to_have_text("Ready when you are")
    async with ada.talking() as agent:
        for state, words in (("thinking", "Thinking…"), ("speaking", "Speaking"), ("listening", "Listening")):
            await agent.become(state)
            await expect(ada.see("call-state")).to_have_text(words)
        await ada.see("hang-up").click()
        await expect(ada.see("call-state")).to_have_text("Call ended")
        await expect(ada.see("call")).to_have_text("Call again")
    await ada.site.conversation.wait_until(
        lambda: not ada.site.conversation.conversations[ada.conversation_id].HasField("running_call")
    )


async def test_words_of_both_speakers_appear_as_they_are_spoken(ada: Visitor) -> None:
    async with ada.talking() as agent:
        greeting, question = uuid7(), uuid7()
        await agent.say(greeting, ["Hello! ", "Where would you like to fly?"])
        line = ada.page.locator(f"[data-testid=caption][data-utterance-id='{greeting}']")
        await expect(line).to_have_attribute("data-state", "final")
        await expect(line).to_contain_text("Hello! Where would you like to fly?")
        await agent.recognise(question, "caller", ["show flights", "show flights from Chennai"], sealed=False)
        line = ada.page.locator(f"[data-testid=caption][data-utterance-id='{question}']")
        await expect(line).to_have_attribute("data-state", "open")
        await expect(line.locator(".line-text")).to_have_text("show flights from Chennai")
        await agent.recognise(question, "caller", ["Show flights from Chennai to Delhi."])
        await expect(line).to_have_attribute("data-state", "final")
        await expect(line.locator(".line-text")).to_have_text("Show flights from Chennai to Delhi.")
        await expect(line).to_have_attribute("data-speaker", "customer")


async def test_an_entry_replaces_its_caption(ada: Visitor) -> None:
    async with ada.talking() as agent:
        utterance_id = uuid7()
        await agent.say(utterance_id, ["I found three flights. The cheapest is"])
        await ada.site.conversation.say(
            ada.conversation_id,
            "agent",
            "I found three flights.",
            utterance_id=utterance_id,
            sealing="INTERRUPTED",
        )
        line = ada.page.locator("[data-testid=caption]")
        await expect(line).to_have_attribute("data-state", "interrupted")
        await expect(line.locator(".line-text")).to_have_text("I found three flights.")
        await expect(line).to_have_count(1)


async def test_flights_appear_while_the_agent_speaks_and_each_is_marked_as_sample(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await agent.become("speaking")
        await agent.show_flights(CHENNAI_TO_DELHI)
        cards = ada.see("flight-card")
        await expect(cards).to_have_count(3)
        await expect(ada.see("call-state")).to_have_text("Speaking")
        await expect(ada.see("card-sample")).to_have_text(["sample"] * 3)
        first = cards.first
        await expect(first).to_have_attribute("data-flight-number", "AI542")
        await expect(first.get_by_test_id("card-origin")).to_have_text("MAA")
        await expect(first.get_by_test_id("card-destination")).to_have_text("DEL")
        await expect(first.get_by_test_id("card-price")).to_have_text("₹6,240")
        fewer = {"search_flights": {"results": results(*FLIGHTS[:1])}}
        again = {"tool_result": CHENNAI_TO_DELHI["tool_result"] | fewer}
        await agent.show_flights(CHENNAI_TO_DELHI | again)
        await expect(cards).to_have_count(1)  # the same search replaces its earlier result


async def test_a_round_trip_is_one_card_with_room_for_its_price(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await agent.show_flights(search(there_and_back("28721.36"), there_and_back("30000")))
        card = ada.see("flight-card").first
        await expect(card.get_by_test_id("card-price")).to_have_text("₹28,721.36")
        await expect(card.get_by_test_id("card-back")).to_contain_text("Back Mon 30 Nov, IndiGo")
        await expect(card.get_by_test_id("card-offer")).to_contain_text("Tripdesk, until")
        await expect(ada.see("flight-search")).to_contain_text("Tue 24 Nov · back Mon 30 Nov · 2 round trips")
        edges = "card => [card, card.querySelector('.card-price')].map(e => e.getBoundingClientRect().right)"
        right, price = await card.evaluate(edges)
        assert price < right


async def test_typed_messages_and_examples_reach_the_agent_and_are_shown_once(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await ada.see("text-input").fill("  the second one  ")
        await ada.page.keyboard.press("Enter")
        text, _ = await asyncio.wait_for(agent.typed.get(), 10)
        assert text == "the second one"
        utterance_id, line = uuid7(), ada.see("caption")  # the agent chooses the id
        await agent.recognise(utterance_id, "caller", [text])
        await expect(line).to_have_attribute("data-utterance-id", utterance_id)
        await expect(line).to_have_count(1)
        await ada.site.conversation.say(ada.conversation_id, "customer", text, utterance_id=utterance_id)
        await expect(line).to_have_attribute("data-number", "1")
        await expect(line).to_have_count(1)
        await ada.see("example").first.click()
        assert (await asyncio.wait_for(agent.typed.get(), 10))[
            0
        ] == "Show flights from Chennai to Delhi tomorrow morning"


async def test_the_agent_knows_that_the_caller_is_typing(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await ada.see("text-input").press_sequentially("fl")
        await asyncio.wait_for(agent.typing.wait(), 10)


async def test_an_example_before_a_call_starts_one_without_voice(ada: Visitor) -> None:
    room = await ada.call(ada.see("example").first.click)
    async with ada.agent_in(room) as agent:
        await agent.become("listening")
        assert (await asyncio.wait_for(agent.typed.get(), 10))[0].startswith("Show flights from Chennai")
        await expect(ada.see("mute")).to_have_text("Turn on microphone")
        await expect(ada.see("caption")).to_have_count(1)
        await ada.see("mute").click()
        await expect(ada.see("mute")).to_have_text("Mute")


async def test_both_voices_are_heard_and_mute_is_silence(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await expect(ada.see("mute")).to_have_text("Mute")
        await agent.until_loud()
        await agent.say(uuid7(), ["la la la"], tone_seconds=2)
        await ada.page.wait_for_function(
            "Number(document.querySelector('[data-testid=level-meter]').dataset.caller) > 0.05"
        )
        assert await ada.page.evaluate("document.querySelector('[data-testid=agent-audio]').paused") is False
        await ada.see("mute").click()
        await expect(ada.see("mute")).to_have_text("Unmute")
        await ada.page.wait_for_function(
            "Number(document.querySelector('[data-testid=level-meter]').dataset.caller) === 0"
        )
        await agent.until_silent()
        await ada.see("mute").click()
        await agent.until_loud()


async def test_a_call_ended_by_the_agent_is_shown_as_ended(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await agent.close_room()
        await ada.state("ended")
        await expect(ada.see("call-state")).to_have_text("The call has ended.")


async def test_a_lost_agent_is_shown_and_replaced_by_the_next(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await agent.say(uuid7(), ["Hello"])
        room = agent.room.name
    await ada.state("reconnecting")
    async with ada.agent_in(room, "agent-2") as successor:
        await successor.become("listening")
        await ada.state("listening")


async def test_an_agent_lost_before_its_voice_was_heard_is_shown_as_lost(ada: Visitor) -> None:
    async with ada.talking(voice=False):
        pass
    await ada.state("reconnecting")


@asynccontextmanager
async def delayed(ada: Visitor, pattern: str) -> AsyncIterator[None]:
    """Delay the browser's requests of the block until it ends."""
    on = asyncio.Event()

    async def later(route: Route) -> None:
        await on.wait()
        await route.continue_()

    await ada.page.route(pattern, later)
    async with ada.page.expect_response(pattern):
        yield
        on.set()
    await ada.page.unroute(pattern)


async def test_a_call_hung_up_before_the_server_answers_is_ended_afterwards(ada: Visitor) -> None:
    async with ada.page.expect_response("**/api/calls/*/end") as ending, delayed(ada, "**/api/calls"):
        await ada.see("call").click()
        await ada.state("connecting")
        await ada.see("hang-up").click()
        await ada.state("ended")
    assert (await ending.value).ok
    assert not ada.site.conversation.conversations[ada.conversation_id].HasField("running_call")
    await ada.state("ended")
    async with ada.talking():
        await expect(ada.see("notice")).to_be_hidden()


async def test_a_call_hung_up_while_the_client_loads_is_not_joined(ada: Visitor) -> None:
    sockets: list[str] = []
    ada.page.on("websocket", lambda socket: sockets.append(socket.url))
    async with delayed(ada, "**/livekit-client.umd.js"):
        async with ada.page.expect_response("**/api/calls") as answer:
            await ada.see("call").click()
        token = (await (await answer.value).json())["token"]
        async with ada.page.expect_response("**/api/calls/*/end"):
            await ada.see("hang-up").click()
        await ada.state("ended")
        assert not ada.site.conversation.conversations[ada.conversation_id].HasField("running_call")
    await ada.page.evaluate(
        "import('/ui/call/livekit-call.js').then(({ loadLiveKit }) => loadLiveKit()).then(() => null)"
    )
    await ada.state("ended")
    async with ada.talking():
        assert sockets
    assert not [url for url in sockets if token in url]
