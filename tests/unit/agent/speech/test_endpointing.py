"""Endpointing with the real models: callers are not cut off and don't wait for long."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest

from agent.language.meanings import Completeness
from agent.speech.audio import STT_RATE, Samples, silence
from agent.speech.endpointing import (
    DecodeRequest,
    Endpointer,
    EndpointingEvent,
    Final,
    Interim,
    Preflight,
    SpeechEnded,
    SpeechStarted,
    Timing,
)
from agent.speech.voice_activity import WINDOW

pytestmark = pytest.mark.unit

Listen = Callable[..., list[tuple[int, EndpointingEvent]]]
Spoken = Callable[[str], Samples]
E = TypeVar("E")


def _of(kind: type[E], events: list[tuple[int, EndpointingEvent]]) -> list[E]:
    return [event for _, event in events if isinstance(event, kind)]


def _completeness(text: str) -> Completeness:
    words = text.lower().rstrip(".,?! ").split()
    if words[-1] in {"to", "too", "two", "from", "on", "and", "the", "at"}:
        return Completeness.INCOMPLETE
    return (
        Completeness.COMPLETE
        if words[-1] in {"yes", "no", "morning", "evening", "friday", "please"}
        else Completeness.UNKNOWN
    )


def _after(lead_ms: int, *parts: Samples) -> Samples:
    return np.concatenate((silence(lead_ms), *parts, silence(2500)))


def test_a_request_is_heard_once_with_its_bounds(listen: Listen, spoken: Spoken) -> None:
    speech = spoken("I want to fly from Boston to Denver on Friday.")
    events = listen(_after(500, speech), completeness_of=_completeness)
    kinds = [type(event) for _, event in events]
    assert kinds[0] is SpeechStarted
    assert kinds[-2:] == [Final, SpeechEnded]
    assert kinds.count(SpeechStarted) == kinds.count(Final) == 1
    words = set(_of(Final, events)[0].text.lower().rstrip(".").split())
    assert {"boston", "denver", "friday"} <= words
    assert _of(SpeechStarted, events)[0].at_ms == pytest.approx(500, abs=150)
    assert _of(SpeechEnded, events)[0].at_ms == pytest.approx(
        500 + len(speech) * 1000 / STT_RATE - 260, abs=150
    )


def test_captions_move_while_the_caller_speaks(listen: Listen, spoken: Spoken) -> None:
    events = listen(
        _after(500, spoken("I want to fly from Boston to Denver on Friday evening.")),
        completeness_of=_completeness,
    )
    ended = _of(SpeechEnded, events)[0].at_ms
    assert len([event for clock, event in events if isinstance(event, Interim) and clock < ended]) >= 2


@pytest.mark.parametrize("pause_ms", [350, 500, 700])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Show flights from Boston to", "Denver on Friday"),
        ("I want to fly on", "Friday evening please"),
        ("Is there a flight", "to Paris on Friday"),
    ],
)
def test_hesitation_does_not_cut_the_caller_off(
    listen: Listen, spoken: Spoken, before: str, after: str, pause_ms: int
) -> None:
    events = listen(
        _after(500, spoken(before), silence(pause_ms), spoken(after)), completeness_of=_completeness
    )
    assert len(_of(Final, events)) == 1, events
    assert "friday" in _of(Final, events)[0].text.lower()


def test_a_complete_request_ends_within_260_ms(listen: Listen, spoken: Spoken) -> None:
    events = listen(_after(500, spoken("Yes, please.")), completeness_of=_completeness)
    committed = next(clock for clock, event in events if isinstance(event, Final))
    assert committed - _of(SpeechEnded, events)[0].at_ms <= 260


def test_an_incomplete_request_ends_after_a_second(listen: Listen, spoken: Spoken) -> None:
    events = listen(
        _after(500, spoken("Show flights from Boston to")), completeness_of=lambda _: Completeness.INCOMPLETE
    )
    committed = next(clock for clock, event in events if isinstance(event, Final))
    assert 1100 <= committed - _of(SpeechEnded, events)[0].at_ms <= 1200
    assert not _of(Preflight, events)


def test_two_requests_are_two_utterances(listen: Listen, spoken: Spoken) -> None:
    events = listen(
        _after(400, spoken("Yes, please."), silence(1200), spoken("In the evening.")),
        completeness_of=_completeness,
    )
    assert len(_of(Final, events)) == 2
    began = [event.at_ms for event in _of(SpeechStarted, events)]
    ended = [event.at_ms for event in _of(SpeechEnded, events)]
    assert began[0] < ended[0] < began[1] < ended[1]


@pytest.mark.parametrize("level", [0, 30, 800, 4000])
def test_silence_and_noise_give_nothing(listen: Listen, level: int) -> None:
    noise = np.random.default_rng(level).normal(0, level, STT_RATE * 6).clip(-32768, 32767).astype(np.int16)
    assert listen(noise) == []


def test_a_click_is_not_a_word(listen: Listen) -> None:
    audio = silence(3000).copy()
    audio[STT_RATE : STT_RATE + 80] = 20_000
    assert not _of(Final, listen(audio))


def test_speech_over_a_noisy_line_ends(listen: Listen, spoken: Spoken) -> None:
    clean = _after(2000, spoken("I want to fly from Boston to Denver on Friday."))
    noisy = (clean + np.random.default_rng(1).normal(0, 250, len(clean))).clip(-32768, 32767).astype(np.int16)
    events = listen(noisy, completeness_of=_completeness)
    assert len(_of(Final, events)) == 1
    assert "denver" in _of(Final, events)[0].text.lower()


class _Script:
    """An endpointer with a scripted voice detector and recogniser, exact to the millisecond."""

    def __init__(
        self,
        completeness_of: Callable[[str], Completeness] = lambda _: Completeness.UNKNOWN,
        timing: Timing | None = None,
    ) -> None:
        self.endpointer = Endpointer(
            lambda window: float(np.abs(window).max() > 1000), completeness_of, timing
        )

    def tone(self, milliseconds: int) -> list[EndpointingEvent]:
        waves = np.sin(np.arange(STT_RATE * milliseconds // 1000) * 2 * np.pi * 220 / STT_RATE)
        return self.endpointer.push_audio((waves * 8000).astype(np.int16))

    def quiet(self, milliseconds: int) -> list[EndpointingEvent]:
        return self.endpointer.push_audio(silence(milliseconds))


def _only_decode(events: list[EndpointingEvent]) -> DecodeRequest:
    (request,) = [event for event in events if isinstance(event, DecodeRequest)]
    return request


def test_never_more_than_one_decode_is_open() -> None:
    script = _Script()
    events = script.tone(3000) + script.quiet(400)
    assert len([event for event in events if isinstance(event, DecodeRequest)]) == 1


def test_the_pause_is_decoded_as_soon_as_the_decoder_is_free() -> None:
    script = _Script()
    interim = _only_decode(script.tone(1000))
    assert interim.pause is None
    script.quiet(100)
    assert _only_decode(script.endpointer.push_text(interim, "fly to")).pause is not None


def test_the_text_of_a_pause_is_interim_when_the_caller_continues() -> None:
    script = _Script(completeness_of=lambda _: Completeness.COMPLETE)
    script.tone(300)
    pause = _only_decode(script.quiet(60))
    script.tone(200)
    heard = script.endpointer.push_text(pause, "fly to")
    assert heard == [Interim("fly to")]
    assert not [event for event in script.tone(300) if isinstance(event, Final)]


def test_shown_words_stay_when_a_decode_finds_none() -> None:
    script = _Script()
    interim = _only_decode(script.tone(1000))
    pause = _only_decode(script.endpointer.push_text(interim, "hello") + script.quiet(150))
    script.endpointer.push_text(pause, "")
    assert [event.text for event in script.quiet(1500) if isinstance(event, Final)] == ["hello"]


def _talked_on(
    script: _Script, milliseconds: int, *, in_a_pause: str | None = None
) -> list[EndpointingEvent]:
    """Tone without a pause, then quiet. Each second of it decodes to a word; a pause to what is said."""
    heard: list[EndpointingEvent] = []
    for sound in [script.tone] * (milliseconds // 100) + [script.quiet] * 20:
        events = sound(100)
        while events:
            event = events.pop(0)
            if not isinstance(event, DecodeRequest):
                heard.append(event)
            elif event.pause is not None and in_a_pause is not None:
                events += script.endpointer.push_text(event, in_a_pause)
            else:
                events += script.endpointer.push_text(
                    event, " ".join(["word"] * (len(event.samples) // STT_RATE))
                )
    return heard


def _shown_and_final(heard: list[EndpointingEvent]) -> tuple[int, int]:
    final = next(event for event in heard if isinstance(event, Final))
    shown = [event.text for event in heard[: heard.index(final)] if isinstance(event, Interim | Preflight)]
    return max(len(text.split()) for text in shown), len(final.text.split())


def test_shown_words_stay_when_an_utterance_grows_too_long() -> None:
    script = _Script(timing=Timing(max_decode=2000, max_utterance=11_000))
    shown, final = _shown_and_final(_talked_on(script, 12_000))
    assert shown == final >= 9


def test_shown_words_stay_when_the_last_decode_finds_none() -> None:
    script = _Script(timing=Timing(max_decode=2000))
    shown, final = _shown_and_final(_talked_on(script, 7000, in_a_pause=""))
    assert shown == final >= 6


def test_audio_dropped_without_text_keeps_its_shown_words() -> None:
    script = _Script(timing=Timing(max_decode=500))

    def next_decode(sound: Callable[[int], list[EndpointingEvent]]) -> DecodeRequest:
        return next(event for _ in range(50) for event in sound(20) if isinstance(event, DecodeRequest))

    script.endpointer.push_text(next_decode(script.tone), "fly to Delhi")
    script.endpointer.push_text(next_decode(script.tone), "")
    assert script.endpointer.push_text(next_decode(script.quiet), "tomorrow") == [
        Preflight("fly to Delhi tomorrow")
    ]


def test_silence_after_the_words_is_not_decoded() -> None:
    script = _Script()
    interim = _only_decode(script.tone(1000))
    script.quiet(400)
    pause = _only_decode(script.endpointer.push_text(interim, "hello"))
    assert not np.abs(pause.samples[-STT_RATE * 50 // 1000 :]).max()
    assert np.abs(pause.samples[-STT_RATE * 80 // 1000 :]).max()


def test_sound_without_words_has_no_final_text() -> None:
    script = _Script()
    script.tone(300)
    script.endpointer.push_text(_only_decode(script.quiet(60)), "")
    assert [type(event) for event in script.quiet(1000)] == [SpeechEnded]


def test_a_late_decode_of_a_finished_utterance_is_ignored() -> None:
    script = _Script(timing=Timing(max_utterance=2000))
    request = _only_decode(script.tone(1900) + script.quiet(300))
    assert not script.endpointer.speaking
    assert script.endpointer.push_text(request, "late") == []


def test_utterances_have_a_longest_duration() -> None:
    script = _Script(timing=Timing(max_utterance=5000))
    events: list[EndpointingEvent] = []
    for _ in range(60):
        events += script.tone(100)
        for request in [event for event in events if isinstance(event, DecodeRequest)]:
            events.remove(request)
            events += script.endpointer.push_text(request, "on and on")
    assert [event for event in events if isinstance(event, Final)]


def test_a_long_utterance_is_decoded_in_parts_and_keeps_all_its_words() -> None:
    script = _Script(timing=Timing(max_decode=2000))
    script.tone(2500)
    open_decodes = [script.endpointer._open_request]
    assert open_decodes[0] is not None
    script.endpointer.push_text(open_decodes[0], "one two")
    longest = 0
    for part in range(12):
        for event in script.tone(700) + script.quiet(130):
            if isinstance(event, DecodeRequest):
                longest = max(longest, len(event.samples) // (STT_RATE // 1000))
                script.tone(50)
                script.endpointer.push_text(event, f"part{part}")
    finals = [event for event in script.quiet(3000) if isinstance(event, DecodeRequest)]
    heard = [event for request in finals for event in script.endpointer.push_text(request, "last")]
    assert longest < 6000
    assert any(
        "part" in event.text and event.text.endswith("last")
        for event in heard
        if isinstance(event, Preflight | Interim | Final)
    )


def test_events_do_not_depend_on_the_size_of_the_audio_chunks() -> None:
    def run(size: int) -> list[EndpointingEvent]:
        script = _Script()
        audio = np.concatenate(
            (silence(300), (np.sin(np.arange(STT_RATE) / 12) * 8000).astype(np.int16), silence(300))
        )
        return [
            event
            for at in range(0, len(audio), size)
            for event in script.endpointer.push_audio(audio[at : at + size])
        ]

    assert (
        [repr(event) for event in run(160)]
        == [repr(event) for event in run(777)]
        == [repr(event) for event in run(WINDOW)]
    )


def test_a_slow_decoder_skips_brief_pauses() -> None:
    script = _Script()
    slow = _only_decode(script.tone(1000))
    script.tone(1000)
    script.endpointer.push_text(slow, "fly")
    assert not [event for event in script.quiet(80) if isinstance(event, DecodeRequest)]
    assert [event for event in script.quiet(60) if isinstance(event, DecodeRequest)]
