"""A call that fails says so: no agent, no answer, no network, no microphone. No typed line is lost."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Route, expect

from mesh.ids import uuid7
from tests.e2e.gradio_ui.conftest import Visit, Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

QUESTION = "Show flights from Chennai to Delhi tomorrow morning"
PATIENCE_SECONDS = 8


async def end_without_agent(visitor: Visitor, room: str) -> None:
    """End a call like the conversation service if no agent has come."""
    visitor.site.conversation.conversations[visitor.conversation_id].ClearField("running_call")
    await visitor.agent_in(room).close_room()


async def log_end(visitor: Visitor, room: str, reason: str) -> None:
    """Write the end of the call into the log, and close its room."""
    change = {
        "kind": "STATE_CHANGE_KIND_CALL_ENDED",
        "call_end_reason": f"CALL_END_REASON_{reason}",
    }
    service, call_id = visitor.site.conversation, room.removeprefix("call-")
    await service.write(visitor.conversation_id, state_change=change, call_id=call_id)
    await end_without_agent(visitor, room)


async def test_without_an_agent_typed_lines_come_back_and_the_call_can_be_tried_again(ada: Visitor) -> None:
    room = await ada.call(ada.see("example").first.click)
    await expect(ada.see("caption")).to_have_count(1)
    await ada.see("text-input").fill("nonstop only")
    await ada.see("send").click()
    await expect(ada.see("caption")).to_have_count(2)
    await end_without_agent(ada, room)
    await ada.state("unanswered")
    await expect(ada.see("call-state")).to_have_text("No agent answered")
    await expect(ada.see("notice")).to_contain_text("No agent was free")
    await expect(ada.see("text-input")).to_have_value(f"{QUESTION} nonstop only")
    await expect(ada.see("caption")).to_have_count(0)
    await expect(ada.see("call")).to_have_text("Try again")
    room = await ada.call(ada.see("send").click)
    async with ada.agent_in(room) as agent:
        await agent.become("listening")
        assert (await asyncio.wait_for(agent.typed.get(), 10))[0] == f"{QUESTION} nonstop only"


async def test_a_caller_who_waits_sees_the_place_in_line(ada: Visitor) -> None:
    await ada.page.clock.install()
    room = await ada.call()
    await expect(ada.see("mute")).to_have_text("Mute")
    waiting = ada.site.conversation.conversations[ada.conversation_id].running_call
    await ada.page.clock.fast_forward(5000)
    for place, words in ((3, "You are number 3 in line for an agent"), (1, "You are next in line")):
        waiting.place_in_line = place
        await ada.site.conversation.changed()
        await expect(ada.see("call-state")).to_contain_text(words)
    async with ada.agent_in(room) as agent:
        await agent.become("listening")
        await expect(ada.see("call-state")).to_have_text("Listening")


async def test_a_line_typed_while_the_call_starts_reaches_the_agent(ada: Visitor) -> None:
    started = asyncio.Event()

    async def later(route: Route) -> None:
        await started.wait()
        await route.continue_()

    await ada.page.route("**/api/calls", later)
    async with ada.page.expect_response("**/api/calls") as answer:
        await ada.see("call").click()
        await ada.see("text-input").fill("hello")
        await ada.see("send").click()
        started.set()
    async with ada.agent_in(f"call-{(await (await answer.value).json())['call_id']}") as agent:
        await agent.become("listening")
        assert (await asyncio.wait_for(agent.typed.get(), 10))[0] == "hello"


async def test_a_sent_line_that_the_log_does_not_have_comes_back(ada: Visitor) -> None:
    async with ada.talking() as agent:
        for text in ("first", "second"):
            await ada.see("text-input").fill(text)
            await ada.see("send").click()
        first, _ = [await asyncio.wait_for(agent.typed.get(), 10) for _ in range(2)]
        await ada.site.conversation.say(ada.conversation_id, "customer", first[0], utterance_id=first[1])
        await log_end(ada, agent.room.name, "CUSTOMER_LOST")
        await ada.state("ended")
    await expect(ada.see("call-state")).to_have_text("The call ended because the connection was lost")
    await expect(ada.see("text-input")).to_have_value("second")
    await expect(ada.see("notice")).to_contain_text("back in the text field")
    await expect(ada.see("caption").locator(".line-text")).to_have_text(["first"])


async def test_a_question_without_an_answer_is_shown_and_the_call_can_be_started_again(
    ada: Visitor,
) -> None:
    await ada.page.clock.install()
    async with ada.talking() as agent:
        await agent.say(uuid7(), ["Hello."])
        await ada.page.clock.fast_forward(1000 * (PATIENCE_SECONDS + 1))
        await expect(ada.see("call-state")).to_have_text("Listening")  # nothing was asked
        await agent.recognise(uuid7(), "caller", ["Is it late?"])
        await expect(ada.page.locator("[data-testid=caption][data-state=final]")).to_have_count(2)
        await ada.page.clock.fast_forward(1000 * (PATIENCE_SECONDS + 1))
        await expect(ada.see("call-state")).to_have_text("No answer yet")
        await expect(ada.see("notice")).to_contain_text("has not answered yet")
        await agent.say(uuid7(), ["It is on time."])
        await expect(ada.see("call-state")).to_have_text("Listening")
        await expect(ada.see("notice")).to_be_hidden()
        await ada.see("text-input").fill("And the next?")
        await ada.see("send").click()
        await asyncio.wait_for(agent.typed.get(), 10)
        await ada.page.clock.fast_forward(1000 * (PATIENCE_SECONDS + 1))
        room = await ada.call(ada.see("restart").click)
    async with ada.agent_in(room) as agent:
        await agent.become("listening")
        await ada.state("listening")
        await expect(ada.see("restart")).to_be_hidden()


REFUSE_TRACKS = """times => import("/ui/call/livekit-call.js").then(({ loadLiveKit }) => loadLiveKit())
  .then(({ LocalParticipant }) => {
    const publish = LocalParticipant.prototype.publishTrack;
    LocalParticipant.prototype.publishTrack = function (...request) {
      if (times-- > 0) return Promise.reject(new Error("timed out waiting for engine restart"));
      return publish.apply(this, request);
    };
  })"""
"""Makes LiveKit refuse the microphone, as it does when the network is lost while the caller joins."""


async def test_a_microphone_lost_while_joining_is_turned_on_again(ada: Visitor) -> None:
    await ada.page.evaluate(REFUSE_TRACKS, 1)
    async with ada.talking() as agent:
        await agent.until_loud()
        await expect(ada.see("call-state")).to_have_text("Listening")
        await expect(ada.see("notice")).to_be_hidden()


async def test_a_microphone_that_stays_off_is_shown_as_off_and_can_be_turned_on(ada: Visitor) -> None:
    await ada.page.evaluate(REFUSE_TRACKS, 3)
    async with ada.talking() as agent:
        await expect(ada.see("call-state")).to_have_text("Microphone off. You can type.")
        await expect(ada.see("notice")).to_contain_text("The connection was interrupted")
        await ada.see("mute").click()
        await agent.until_loud()
        await expect(ada.see("call-state")).to_have_text("Listening")
        await expect(ada.see("notice")).to_be_hidden()


async def test_a_muted_call_is_shown_as_muted(ada: Visitor) -> None:
    async with ada.talking():
        await expect(ada.see("call-state")).to_have_text("Listening")
        await ada.see("mute").click()
        await expect(ada.see("call-state")).to_have_text("Muted")
        await ada.see("mute").click()
        await expect(ada.see("call-state")).to_have_text("Listening")


async def test_signing_out_ends_only_the_call_of_this_browser(visit: Visit, ada: Visitor) -> None:
    other = await visit()
    async with ada.talking() as agent:
        await other.sign_in_as(ada)
        await other.state("offer")
        await other.see("sign-out").click()
        await other.page.wait_for_url("**/login")
        await expect(ada.see("call-state")).to_have_text("Listening")
        await agent.until_loud()
        assert ada.site.conversation.conversations[ada.conversation_id].HasField("running_call")


@pytest.mark.parametrize("from_another_tab", [False, True])
async def test_signing_out_in_a_call_asks_first_and_ends_the_call(
    ada: Visitor, from_another_tab: bool
) -> None:
    async with ada.talking():
        here = await ada.second_tab() if from_another_tab else ada
        if from_another_tab:
            await here.state("offer")
        await here.see("sign-out").click()
        await here.see("ask-sign-out").get_by_role("button", name="Stay in the call").click()
        await expect(here.see("ask-sign-out")).to_have_count(0)
        await expect(ada.see("call-state")).to_have_text("Listening")
        await here.see("sign-out").click()
        await here.see("sign-out-anyway").click()
        await here.page.wait_for_url("**/login")
    assert not ada.site.conversation.conversations[ada.conversation_id].HasField("running_call")
    ada.problems.clear()  # the first tab's requests after the sign-out
