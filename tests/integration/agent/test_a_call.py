"""A call through a real LiveKit server: a real caller, the real speech engines, and a short dialogue."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from readback.conversation.v1 import entry_pb2

from agent.recording.utterances import CustomerSpeech
from agent.speech.audio import STT_RATE, Samples, silence
from cli.calls.call_client import CallClient, CallFailed
from tests.integration.agent.livekit_rooms import LiveKit
from tests.integration.agent.placed_calls import AGENT, ANSWER, CUSTOMER, FINAL, GREETING, Place

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


async def test_a_spoken_question_is_answered_and_recorded(
    place: Place, spoken: Callable[[str], Samples]
) -> None:
    async with place() as call:
        turn = await call.caller.speak(
            spoken("I want to fly from Boston to Denver on Friday."), "the question"
        )
        heard = call.caller.recording()
    assert {"boston", "denver", "friday"} <= set(turn.heard.lower().rstrip(".").split())
    assert turn.reply == ANSWER
    assert turn.interims
    assert turn.first_audio_ms is not None
    assert 0 < turn.first_audio_ms < 5000
    (use,) = turn.tools
    assert use.outcome == "EMPTY"
    assert use.arguments == {"legs": [{"origin": "MAA", "destination": "DEL"}]}
    assert call.log.said(AGENT) == [GREETING, ANSWER]
    assert call.log.entries[1:] == [
        ("said", CUSTOMER, turn.heard),
        ("call", use.call),
        ("result", use.result),
        ("said", AGENT, ANSWER),
    ]
    assert np.abs(heard).max() > 3000


async def test_the_agents_words_are_recorded_while_they_are_spoken(
    place: Place, spoken: Callable[[str], Samples]
) -> None:
    async with place() as call:
        turn = asyncio.create_task(call.caller.speak(spoken("The first one please."), ""))
        await asyncio.wait({turn})
        answer = [
            text for _, speaker, text in call.log.revisions if speaker == AGENT and text.startswith("Sure")
        ]
    assert len(answer) >= 6
    assert all(ANSWER.startswith(text) for text in answer)
    assert answer == sorted(answer, key=len)


async def test_a_typed_message_is_answered(place: Place) -> None:
    async with place(microphone=False) as call:
        turn = await call.caller.type("flights to delhi")
    assert turn.reply == ANSWER
    assert turn.first_audio_ms is not None
    assert call.log.last(CUSTOMER)["modality"] == entry_pb2.MODALITY_TEXT
    assert turn.heard == "flights to delhi"


async def test_a_message_typed_during_a_sentence_loses_no_word(
    place: Place, spoken: Callable[[str], Samples]
) -> None:
    async with place() as call:
        speaking = asyncio.create_task(
            call.caller.speak(spoken("I want to fly from Boston to Denver on Friday."))
        )
        await call.log.shown(CUSTOMER)
        await call.caller.type("flights to delhi")
        await speaking
    assert [
        utterance["sealing"] for utterance in call.log.sealed.values() if utterance["speaker"] == CUSTOMER
    ] == [FINAL, FINAL]
    typed, sentence = call.log.said(CUSTOMER)
    assert typed == "flights to delhi"
    assert {"i", "want", "boston", "denver", "friday"} <= set(sentence.lower().rstrip(".").split())


async def test_a_sentence_cut_off_by_a_lost_connection_is_recorded_once_and_not_answered(
    place: Place, spoken: Callable[[str], Samples]
) -> None:
    async with place() as call:
        speaking = asyncio.create_task(
            call.caller.speak(spoken("I want to fly from Boston to Denver on Friday."))
        )
        await call.log.shown(CUSTOMER)
        await call.drop()
        await call.log.until(lambda: bool(call.log.said(CUSTOMER)))
        async with call.rejoin() as again:
            back = await again.wait_for_greeting()
        with suppress(CallFailed):
            await speaking
    assert call.log.last(CUSTOMER)["sealing"] == entry_pb2.SEALING_TRUNCATED
    assert len(call.log.said(CUSTOMER)) == 1
    assert back.reply == "Sorry, I lost you for a moment."
    assert call.log.said(AGENT) == [GREETING, back.reply]


async def test_ten_thousand_characters_are_recorded_and_declined(place: Place) -> None:
    async with place(microphone=False) as call:
        turn = await call.caller.type("x" * 10_000)
        assert "more than I can take in" in turn.reply
        assert call.log.last(CUSTOMER)["text"] == "x" * 10_000
        assert (await call.caller.type("flights to delhi")).reply == ANSWER


async def test_an_interruption_silences_the_agent_and_keeps_the_spoken_words(
    place: Place, spoken: Callable[[str], Samples]
) -> None:
    async with place() as call:
        first = asyncio.create_task(call.caller.type("flights to delhi"))
        silenced_ms, turn = await call.caller.barge_in(spoken("No, on Friday please."), "no", after=1.5)
        await first
        cut = next(
            utterance
            for utterance in call.log.sealed.values()
            if utterance["sealing"] == entry_pb2.SEALING_INTERRUPTED
        )
    assert silenced_ms < 2500
    assert ANSWER.startswith(cut["text"])
    assert cut["text"] != ANSWER
    assert cut["generated_text"] == ANSWER
    assert turn.reply == ANSWER
    assert call.log.said(AGENT)[-1] == ANSWER


async def test_silence_and_noise_get_no_answer(place: Place) -> None:
    noise = np.random.default_rng(3).normal(0, 500, STT_RATE * 2).astype(np.int16)
    async with place() as call:
        for sound in (silence(2000), noise):
            turn = await call.caller.speak(sound, timeout=3)
            assert (turn.heard, turn.reply, turn.first_audio_ms) == ("", "", None)
    assert call.log.said(CUSTOMER) == []


async def test_after_goodbye_the_agent_hangs_up(place: Place, spoken: Callable[[str], Samples]) -> None:
    async with place() as call:
        turn = await call.caller.speak(spoken("Thank you, bye."), "bye")
        assert turn.reply == "Goodbye, have a good flight."
        assert await asyncio.wait_for(call.ending, 10) == entry_pb2.CALL_END_REASON_AGENT_HUNG_UP


async def test_a_caller_who_hangs_up_ends_the_call(place: Place) -> None:
    async with place() as call:
        await call.caller.hang_up()
        assert await asyncio.wait_for(call.ending, 10) == entry_pb2.CALL_END_REASON_CUSTOMER_HUNG_UP


async def test_a_second_tab_takes_over_the_call(place: Place) -> None:
    async with place(microphone=False) as call, call.rejoin() as second:
        assert "DUPLICATE_IDENTITY" in await call.caller.wait_for_end()
        turn = await second.type("flights to delhi")
        assert turn.reply == ANSWER
        assert not call.ending.done()


async def test_a_second_agent_apologises(place: Place) -> None:
    async with place(resumed=True) as call:
        assert call.log.said(AGENT) == ["Sorry, I lost you for a moment."]


async def test_a_refused_token_is_not_shown_in_the_error(livekit: LiveKit) -> None:
    with pytest.raises(CallFailed) as refused:
        async with CallClient.join(livekit.url, "not-a-token"):
            pass
    assert "not-a-token" not in str(refused.value)


async def test_a_failed_session_leaves_the_call_to_another_agent(place: Place) -> None:
    async with place(microphone=False) as call:
        await call.agent._session.aclose()
        assert await asyncio.wait_for(call.ending, 10) is None


async def test_a_failing_typed_message_does_not_stop_the_next(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, broken = CustomerSpeech.typed, list[str]()

    def typed(customer: CustomerSpeech, text: str) -> None:
        if not broken:
            broken.append(text)
            raise KeyError(text)
        answered(customer, text)

    monkeypatch.setattr(CustomerSpeech, "typed", typed)
    async with place(microphone=False) as call:
        await call.caller.type("this one breaks", timeout=1)
        assert (await call.caller.type("flights to delhi")).reply == ANSWER
    assert broken == ["this one breaks"]
