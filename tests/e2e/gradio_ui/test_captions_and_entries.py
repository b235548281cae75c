"""The browser's transcript log: captions and entries are joined in any order.

Runs the module in a browser.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from readback.conversation.v1 import conversation_service_pb2 as pb
from readback.conversation.v1 import entry_pb2

from mesh.ids import uuid7
from tests.e2e.gradio_ui.conftest import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

Step = tuple[str, dict[str, Any]]


async def log_after(visitor: Visitor, *steps: Step) -> list[dict[str, Any]]:
    """Return the items of a new log after calling its methods in order."""
    script = """async steps => {
      const { CaptionsAndEntries } = await import("/ui/transcript/captions-and-entries.js");
      const log = new CaptionsAndEntries();
      for (const [method, argument] of steps) {
        if (method === "typed") log.typed(argument.id, argument.text);
        else log[method](argument);
      }
      return JSON.stringify(log.items);
    }"""
    items: list[dict[str, Any]] = json.loads(
        await visitor.page.evaluate(script, [list(step) for step in steps])
    )
    return items


def caption(key: str, text: str, speaker: str = "agent", final: bool = False) -> Step:
    return "caption", {"id": key, "speaker": speaker, "text": text, "final": final}


def entry(
    number: int, key: str, text: str, speaker: str = "AGENT", sealing: str = "FINAL", modality: str = "VOICE"
) -> Step:
    utterance = {
        "utterance_id": key,
        "speaker": f"SPEAKER_{speaker}",
        "text": text,
        "sealing": f"SEALING_{sealing}",
    }
    utterance["modality"] = f"MODALITY_{modality}"
    return "entry", {
        "number": str(number),
        "entry_id": key,
        "start_time": "2026-11-24T09:00:00Z",
        "utterance": utterance,
    }


def live(key: str, text: str, speaker: str = "AGENT") -> Step:
    return "live", {
        "utterance_id": key,
        "speaker": f"SPEAKER_{speaker}",
        "text": text,
        "start_time": "2026-11-24T09:00:00Z",
    }


def lines(items: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(item["speaker"], item["text"], item["state"]) for item in items]


async def test_a_caption_grows_until_it_is_final(ada: Visitor) -> None:
    items = await log_after(
        ada,
        caption("1", "Hel"),
        caption("1", "Hello"),
        caption("1", "Hello.", final=True),
        caption("1", "Hello."),
    )
    assert lines(items) == [("agent", "Hello.", "final")]


async def test_an_entry_replaces_its_caption_and_is_not_replaced(ada: Visitor) -> None:
    items = await log_after(
        ada,
        caption("1", "Hello there"),
        entry(1, "1", "Hello", sealing="INTERRUPTED"),
        caption("1", "Hello there, friend"),
    )
    assert lines(items) == [("agent", "Hello", "interrupted")]


async def test_the_same_entry_twice_is_one_line(ada: Visitor) -> None:
    items = await log_after(ada, entry(1, "1", "Hello"), entry(1, "1", "Hello"))
    assert lines(items) == [("agent", "Hello", "final")]


async def test_a_caption_after_its_entry_is_ignored(ada: Visitor) -> None:
    items = await log_after(ada, entry(1, "1", "Hello."), caption("1", "Hell"), live("1", "He"))
    assert lines(items) == [("agent", "Hello.", "final")]


async def test_an_entry_replaces_a_caption_with_the_same_words_under_another_id(ada: Visitor) -> None:
    items = await log_after(
        ada,
        caption("SG_1", "Show flights!", "customer", final=True),
        caption("SG_2", "I found three flights. The first", final=True),
        entry(1, "a", "show flights", "CUSTOMER"),
        entry(2, "b", "I found three flights.", sealing="INTERRUPTED"),
    )
    assert lines(items) == [
        ("customer", "show flights", "final"),
        ("agent", "I found three flights.", "interrupted"),
    ]
    assert [item["utteranceId"] for item in items] == ["a", "b"]


async def test_an_earlier_entry_with_the_same_beginning_does_not_replace_a_caption_of_another(
    ada: Visitor,
) -> None:
    earlier, under_way = uuid7(), uuid7()
    items = await log_after(
        ada,
        caption(under_way, "Sorry, I"),
        entry(5, earlier, "Sorry, I lost you for a moment."),
        caption(under_way, "Sorry, I can't book yet.", final=True),
        entry(9, under_way, "Sorry, I can't book yet."),
    )
    assert {(item["number"], item["text"]) for item in items} == {
        (5, "Sorry, I lost you for a moment."),
        (9, "Sorry, I can't book yet."),
    }


async def test_the_same_words_twice_stay_two_lines(ada: Visitor) -> None:
    items = await log_after(
        ada,
        entry(1, "a", "yes", "CUSTOMER"),
        caption("b", "yes", "customer", final=True),
        entry(2, "b", "yes", "CUSTOMER"),
    )
    assert lines(items) == [("customer", "yes", "final")] * 2


async def test_a_typed_message_is_replaced_by_its_entry(ada: Visitor) -> None:
    items = await log_after(
        ada, ("typed", {"id": "1", "text": "hello"}), entry(1, "1", "hello", "CUSTOMER", modality="TEXT")
    )
    assert [(item["text"], item["typed"], item["number"]) for item in items] == [("hello", True, 1)]


@pytest.mark.parametrize("caption_first", [True, False])
async def test_a_typed_message_is_replaced_by_the_entry_under_the_agents_id(
    ada: Visitor, *, caption_first: bool
) -> None:
    ours = uuid7()
    shown = [caption(ours, "to Delhi", "customer", final=True)]
    stored = [entry(1, ours, "to Delhi", "CUSTOMER", modality="TEXT")]
    typed = [("typed", {"id": uuid7(), "text": "to Delhi"}) for _ in range(2)]
    items = await log_after(ada, *typed, *(shown + stored if caption_first else stored + shown))
    assert [(item["text"], item.get("number")) for item in items] == [("to Delhi", 1), ("to Delhi", None)]


async def test_a_tab_without_captions_shows_open_utterances(ada: Visitor) -> None:
    items = await log_after(
        ada, live("1", "Hel"), live("1", "Hello"), entry(1, "1", "Hello."), live("2", "Where")
    )
    assert lines(items) == [("agent", "Hello.", "final"), ("agent", "Where", "open")]


async def test_an_open_utterance_under_another_id_does_not_show_the_caption_twice(ada: Visitor) -> None:
    items = await log_after(ada, caption("SG_1", "Hello"), live("a", "Hel"), entry(1, "a", "Hello."))
    assert lines(items) == [("agent", "Hello.", "final")]


async def test_a_tool_call_and_its_result_are_one_item_in_either_order(ada: Visitor) -> None:
    call: Step = (
        "entry",
        {
            "number": "1",
            "entry_id": "e1",
            "tool_call": {"tool_call_id": "t", "name": "get_airport", "get_airport": {"code": "MAA"}},
        },
    )
    result: Step = (
        "entry",
        {
            "number": "2",
            "entry_id": "e2",
            "tool_result": {"tool_call_id": "t", "name": "get_airport", "outcome": "TOOL_OUTCOME_FOUND"},
        },
    )
    for steps in ((call, result), (result, call)):
        (item,) = await log_after(ada, *steps)
        assert (item["call"], item["result"]) == (call[1]["tool_call"], result[1]["tool_result"])


async def test_a_state_change_is_shown_once(ada: Visitor) -> None:
    change: Step = (
        "entry",
        {"number": "1", "entry_id": "e", "state_change": {"kind": "STATE_CHANGE_KIND_CALL_STARTED"}},
    )
    assert [item["change"] for item in await log_after(ada, change, change)] == ["CALL_STARTED"]


async def test_a_late_whole_text_replaces_the_line_that_was_cut_off(ada: Visitor) -> None:
    cut, whole = uuid7(), uuid7()
    truncated = entry(1, cut, "There are thr", sealing="TRUNCATED")
    late = entry(2, whole, "There are three flights.")
    late[1]["utterance"]["completes_utterance_id"] = cut
    steps = (caption(cut, "There are thr"), truncated, late, truncated, late)
    items = await log_after(ada, *steps)
    assert lines(items) == [("agent", "There are three flights.", "final")]
    assert items[0]["number"] == 1


async def test_live_text_is_put_together_from_its_changes(ada: Visitor) -> None:
    double = ada.site.conversation
    owner = (await (await ada.context.request.get(f"{ada.site.url}/config")).json())["username"]
    conversation_id = double.add_conversation(owner)
    whole = pb.LiveText(utterance_id="u", revision=1, tail="👩‍✈️ There is", speaker=entry_pb2.SPEAKER_AGENT)
    kept = len("👩‍✈️ There ")
    double.live = [
        whole,
        pb.LiveText(utterance_id="u", revision=2, offset=kept, tail="are"),
        pb.LiveText(utterance_id="lost", revision=9, offset=3, tail="no beginning"),
        pb.LiveText(utterance_id="u", revision=4, offset=kept + 3, tail=" 9 💺."),
    ]
    script = """async id => {
      const { EventStream } = await import("/ui/transcript/event-stream.js");
      return new Promise(done => {
        const texts = [];
        const live = ({ text, speaker }) => {
          texts.push([text, speaker]);
          if (text.endsWith(".")) { stream.close(); done(texts); }
        };
        const stream = new EventStream(id, { entry() {}, live, conversation() {}, rewound() {}, state() {} });
      });
    }"""
    texts = await ada.page.evaluate(script, conversation_id)
    double.live = []
    assert texts == [
        ["👩‍✈️ There is", "SPEAKER_AGENT"],
        ["👩‍✈️ There are", "SPEAKER_AGENT"],
        ["👩‍✈️ There are 9 💺.", "SPEAKER_AGENT"],
    ]
