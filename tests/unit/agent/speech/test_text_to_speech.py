"""livekit-agents' TTS: audio comes while the text still grows."""

import asyncio

import numpy as np
import pytest

from agent.speech.hibari_engine import TTS_RATE, HibariEngine
from agent.speech.text_to_speech import HibariTTS

pytestmark = pytest.mark.unit


async def test_the_first_clause_is_spoken_before_the_text_is_complete(voice: HibariEngine) -> None:
    async with HibariTTS(voice).stream() as stream:
        stream.push_text("Sure, there are")
        async with asyncio.timeout(10):
            first = await anext(stream)
        assert first.frame.sample_rate == TTS_RATE
        assert np.abs(np.frombuffer(first.frame.data, np.int16)).max() > 500
        stream.push_text(" six flights.")
        stream.end_input()
        rest = [event async for event in stream]
    assert rest[-1].is_final


async def test_all_of_a_growing_text_is_spoken(voice: HibariEngine) -> None:
    async with HibariTTS(voice).stream() as stream:
        for piece in ("Sure, there ", "are six flights. ", "Which one", " would you like?"):
            stream.push_text(piece)
        stream.end_input()
        spoken = sum([event.frame.duration async for event in stream])
    clauses = ("Sure,", "there are six flights. Which one would you like?")
    assert spoken == pytest.approx(sum(len(voice.say(clause)) for clause in clauses) / TTS_RATE, abs=0.1)


async def test_a_complete_text_is_spoken(voice: HibariEngine) -> None:
    async with HibariTTS(voice).synthesize("Hello, where would you like to fly?") as stream:
        assert sum([event.frame.duration async for event in stream]) > 1.5


async def test_text_without_a_sound_is_no_error(voice: HibariEngine) -> None:
    async with HibariTTS(voice).stream() as stream:
        stream.push_text("… 🙂")
        stream.end_input()
        assert sum([event.frame.duration async for event in stream]) < 0.2
