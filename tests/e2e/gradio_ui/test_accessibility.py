"""Accessibility: no microphone, keyboard, screen reader, phone, dark mode, hostile text."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from mesh.ids import uuid7
from tests.e2e.gradio_ui.conftest import Visit, Visitor
from tests.e2e.gradio_ui.sample_flights import CHENNAI_TO_DELHI, FLIGHTS, search

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

HOSTILE = (
    "${document.title='owned'} {{value}} `\"' <img src=x onerror=\"document.title='owned'\">"
    "<script>document.title='owned'</script>"
)
DENY = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '{}'))"


@pytest.mark.parametrize(
    ("name", "help_text"),
    [("NotAllowedError", "blocking the microphone"), ("NotFoundError", "No microphone was found")],
)
async def test_without_a_microphone_the_call_continues_by_typing(
    visit: Visit, name: str, help_text: str
) -> None:
    visitor = await visit()
    await visitor.context.add_init_script(DENY.replace("{}", name))
    await visitor.sign_up()
    async with visitor.talking() as agent:
        await expect(visitor.see("notice")).to_contain_text(help_text)
        await visitor.see("text-input").fill("Chennai to Delhi")
        await visitor.see("send").click()
        assert (await asyncio.wait_for(agent.typed.get(), 10))[0] == "Chennai to Delhi"
        await expect(visitor.see("mute")).to_have_text("Turn on microphone")


async def test_sound_blocked_by_the_browser_can_be_turned_on(ada: Visitor) -> None:
    blocked = """() => {
      const refused = () => Promise.reject(new DOMException("", "NotAllowedError"));
      HTMLMediaElement.prototype.play = () => window.sound ? Promise.resolve() : refused();
    }"""
    await ada.page.evaluate(blocked)
    async with ada.talking():
        await expect(ada.see("sound")).to_be_visible()
        await ada.page.evaluate("window.sound = true")
        await ada.see("sound").click()
        await expect(ada.see("sound")).to_be_hidden()


async def test_a_call_works_by_keyboard(ada: Visitor) -> None:
    await ada.see("call").focus()
    room = await ada.call(lambda: ada.page.keyboard.press("Enter"))
    async with ada.agent_in(room) as agent:
        await agent.become("listening")
        await ada.state("listening")
        await expect(ada.see("hang-up")).to_be_focused()
        await ada.page.keyboard.press("Shift+Tab")
        await expect(ada.see("mute")).to_be_focused()
        await ada.page.keyboard.press("Space")
        await expect(ada.see("mute")).to_have_attribute("aria-pressed", "true")
        await ada.page.keyboard.press("Tab")
        await ada.page.keyboard.press("Enter")
        await expect(ada.see("call")).to_be_focused()


async def test_screen_readers_hear_only_final_lines_and_nothing_while_the_microphone_is_open(
    ada: Visitor,
) -> None:
    await ada.page.evaluate("""() => {
      window.announced = [];
      const region = document.querySelector("voice-panel [aria-live=polite]");
      new MutationObserver(() => announced.push(region.textContent))
        .observe(region, { childList: true, characterData: true, subtree: true });
    }""")
    async with ada.talking() as agent:
        await agent.say(uuid7(), ["Hello."])
        await agent.show_flights(CHENNAI_TO_DELHI)
        await expect(ada.see("flight-card")).to_have_count(3)
        await expect(
            ada.page.locator("[data-testid=caption][data-speaker=agent][data-state=final]")
        ).to_have_count(1)
        assert await ada.page.evaluate("announced") == []
        await ada.see("mute").click()
        await expect(ada.see("call-state")).to_have_text("Muted")
        question = uuid7()
        await agent.recognise(question, "caller", ["show", "show flights", "Show flights."])
        await agent.say(uuid7(), ["Where ", "from?"])
        await expect(
            ada.page.locator("[data-testid=caption][data-speaker=agent][data-state=final]")
        ).to_have_count(2)
        await ada.site.conversation.say(
            ada.conversation_id, "customer", "Show flights.", utterance_id=question
        )
        await expect(ada.page.locator("[data-testid=caption][data-number]")).to_have_count(1)
        assert await ada.page.evaluate("announced") == ["You: Show flights.", "Readback: Where from?"]


async def test_text_is_never_executed(visit: Visit) -> None:
    visitor = await visit()
    await visitor.sign_up(HOSTILE[:100])
    async with visitor.talking() as agent:
        await agent.say(uuid7(), [HOSTILE])
        await agent.recognise(uuid7(), "caller", [HOSTILE])
        hostile = {"carrier": HOSTILE, "flight_number": HOSTILE}
        flights = [{**one, "segments": [one["segments"][0] | hostile]} for one in FLIGHTS]
        hostile_search = search(*flights, sort=HOSTILE, carrier_code=HOSTILE)
        hostile_search["tool_result"]["outcome"] = HOSTILE
        await agent.show_flights(hostile_search)
        await visitor.site.conversation.say(visitor.conversation_id, "agent", HOSTILE)
        await visitor.site.conversation.write(
            visitor.conversation_id,
            tool_call={"tool_call_id": uuid7(), "name": HOSTILE[:64], "other": {HOSTILE: HOSTILE}},
        )
        visitor.site.conversation.conversations[visitor.conversation_id].title = HOSTILE
        await expect(visitor.see("flight-card")).to_have_count(3)
        await visitor.page.get_by_role("tab", name="Transcript").click()
        await expect(visitor.see("transcript-tool")).to_have_count(1)
        await expect(visitor.see("transcript-line").locator(".line-text").first).to_have_text(HOSTILE)
        await visitor.page.get_by_role("tab", name="History").click()
        await visitor.see("past-conversation").first.click()
        await expect(visitor.see("history-line").first).to_be_visible()
        assert await visitor.page.title() == "Readback"
        assert (
            await visitor.page.evaluate(
                "document.querySelectorAll('img[onerror], voice-panel script').length"
            )
            == 0
        )


async def test_a_past_conversation_shows_utterances_and_tool_calls(ada: Visitor) -> None:
    service = ada.site.conversation
    owner = (await (await ada.context.request.get(f"{ada.site.url}/config")).json())["username"]
    conversation_id = service.add_conversation(owner, "Chennai to Delhi")
    await service.say(conversation_id, "customer", "Show flights from Chennai to Delhi")
    use = search(*FLIGHTS, max_stops=0)
    await service.write(conversation_id, tool_call=use["tool_call"])
    await service.write(conversation_id, tool_result=use["tool_result"])
    await service.say(conversation_id, "agent", "I found three", sealing="INTERRUPTED")
    await ada.page.get_by_role("tab", name="History").click()
    await ada.see("past-conversation").filter(has_text="Chennai to Delhi").click()
    await expect(ada.see("history-line").locator(".line-text")).to_have_text(
        ["Show flights from Chennai to Delhi", "I found three"]
    )
    tool = ada.page.locator("past-conversations [data-testid=transcript-tool]")
    await expect(tool).to_have_text(
        "Looked for flights: Chennai → Delhi, on Tue 24 Nov, nonstop — 3 flights found"
    )
    await expect(ada.see("history-line").last).to_contain_text("interrupted")
    await ada.see("history-back").click()
    await expect(ada.see("past-conversation").filter(has_text="Chennai to Delhi")).to_be_focused()


async def test_a_past_status_shows_a_delay_only_where_it_applies(ada: Visitor) -> None:
    service = ada.site.conversation
    owner = (await (await ada.context.request.get(f"{ada.site.url}/config")).json())["username"]
    conversation_id = service.add_conversation(owner, "Chennai to Delhi")
    expected = {
        "DELAYED": "delayed, 65 minutes late",
        "LANDED": "landed, left 65 minutes late",
        "CANCELLED": "cancelled",
    }
    for state in expected:
        call = {"tool_call_id": uuid7(), "name": "flight_status"}
        await service.write(conversation_id, tool_call=call | {"flight_status": {"flight_number": "AI542"}})
        status = {"flight_number": "AI542", "state": f"FLIGHT_STATE_{state}", "departure_delay": "3900s"}
        found = {"outcome": "TOOL_OUTCOME_FOUND", "flight_status": {"statuses": [status]}}
        await service.write(conversation_id, tool_result=call | found)
    await ada.page.get_by_role("tab", name="History").click()
    await ada.see("past-conversation").filter(has_text="Chennai to Delhi").click()
    sentences = [f"Looked up a flight's status: AI542 — {words}" for words in expected.values()]
    await expect(ada.page.locator("past-conversations [data-testid=transcript-tool]")).to_have_text(sentences)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_wider_than_a_phone(visit: Visit, scheme: str) -> None:
    visitor = await visit(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    await visitor.page.goto(visitor.site.url)
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
    await visitor.sign_up()
    async with visitor.talking() as agent:
        await agent.say(uuid7(), ["Averylongwordwithoutanyspacesatall" * 5])
        await agent.show_flights(CHENNAI_TO_DELHI)
        await visitor.see("show-flights").click()
        await expect(visitor.see("flight-card").first).to_be_in_viewport()
        assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
        dark = await visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert dark == ("rgb(8, 20, 32)" if scheme == "dark" else "rgb(238, 243, 247)")


async def test_a_wrong_password_keeps_the_focus_in_the_form(visit: Visit) -> None:
    visitor = await visit()
    await visitor.page.goto(visitor.site.url)
    await visitor.see("email").fill(f"{uuid7()}@example.com")
    await visitor.see("password").fill("not the password")
    await visitor.see("submit").click()
    await expect(visitor.see("sign-in-error")).to_be_visible()
    await expect(visitor.see("password")).to_be_focused()
    visitor.problems.clear()  # Chromium's line about the 401


async def test_arrow_keys_move_between_tabs(ada: Visitor) -> None:
    tabs = [ada.page.get_by_role("tab", name=name) for name in ("Flights", "Transcript", "History")]
    await tabs[0].focus()
    for key, at in (("ArrowRight", 1), ("End", 2), ("ArrowRight", 0), ("ArrowLeft", 2), ("Home", 0)):
        await ada.page.keyboard.press(key)
        await expect(tabs[at]).to_be_focused()
        await expect(tabs[at]).to_have_attribute("aria-selected", "true")


async def test_edges_of_controls_stand_out(visit: Visit) -> None:
    for scheme in ("light", "dark"):
        visitor = await visit(color_scheme=scheme)
        await visitor.sign_up()
        edges = await visitor.page.evaluate("""() => [".composer", ".example"].map((name) => {
          const style = getComputedStyle(document.querySelector(name));
          const panel = getComputedStyle(document.querySelector("voice-panel"));
          return [style.borderTopColor, panel.backgroundColor];
        })""")
        for edge, background in edges:
            assert contrast(edge, background) >= 3, (scheme, edge, background)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, `rgb(r, g, b)`, as WCAG defines it."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


async def test_a_shared_link_names_readback_and_not_gradio(ada: Visitor, visit: Visit) -> None:
    stranger = await visit()
    await stranger.page.goto(stranger.site.url)
    for visitor in (ada, stranger):
        tags = await visitor.page.evaluate(
            "[...document.querySelectorAll('meta[property], meta[name]')].map((tag) => tag.content)"
        )
        assert not [tag for tag in tags if "gradio" in tag.lower()]
    title = stranger.page.locator("meta[property='og:title']")
    await expect(title).to_have_attribute("content", "Readback")
