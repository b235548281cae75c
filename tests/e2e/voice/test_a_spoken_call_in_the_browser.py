"""A customer signs up, calls, speaks, hears the answer and sees the flights; the log has all words."""

from __future__ import annotations

from pathlib import Path

import grpc
import jiwer
import pytest
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from readback.conversation.v1.conversation_service_pb2_grpc import ConversationServiceStub
from readback.identity.v1 import identity_service_pb2 as identity
from readback.identity.v1.identity_service_pb2_grpc import IdentityServiceStub

from mesh.security.authentication import bearer
from tests.e2e.voice.browser import PASSWORD, captions, microphone, page_of, sign_up, speak
from tests.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

QUESTION = "Show flights from Chennai to Delhi tomorrow morning."
SECOND = "What about the evening?"
WORDS = jiwer.Compose(
    [jiwer.ToLowerCase(), jiwer.RemovePunctuation(), jiwer.Strip(), jiwer.ReduceToListOfListOfWords()]
)
TWO_ANSWERS = (
    "document.querySelectorAll('[data-testid=caption][data-speaker=agent][data-state=final]').length >= 2"
)


def _log(product: Product, email: str) -> list[entry_pb2.Entry]:
    """Return the stored entries of the account's only conversation."""
    with grpc.insecure_channel(product.address("identity")) as channel:
        signed_in = IdentityServiceStub(channel).Login(identity.LoginRequest(email=email, password=PASSWORD))
    metadata = bearer(signed_in.tokens.access_token)
    with grpc.insecure_channel(product.address("conversation")) as channel:
        stub = ConversationServiceStub(channel)
        listed = stub.ListConversations(
            conversation.ListConversationsRequest(), metadata=metadata
        ).conversations
        assert len(listed) == 1
        request = conversation.ListEntriesRequest(conversation_id=listed[0].conversation_id, page_size=500)
        return list(stub.ListEntries(request, metadata=metadata).entries)


def _utterances(
    entries: list[entry_pb2.Entry], speaker: entry_pb2.Speaker.ValueType
) -> list[entry_pb2.Utterance]:
    return [
        entry.utterance
        for entry in entries
        if entry.HasField("utterance") and entry.utterance.speaker == speaker
    ]


def _word_error_rate(said: str, heard: str) -> float:
    return jiwer.wer(said, heard, reference_transform=WORDS, hypothesis_transform=WORDS)


def _shown(page, speaker: str) -> dict[str, str]:
    """Return the current captions by utterance."""
    lines = page.get_by_test_id("caption").evaluate_all(
        "lines => lines.map(line => [line.dataset.utteranceId, line.dataset.speaker,"
        " line.querySelector('.line-text').textContent])"
    )
    return {utterance: text for utterance, who, text in lines if who == speaker}


def _agree(page, entries: list[entry_pb2.Entry]) -> None:
    """Check that captions and log have exactly the same words of both speakers."""
    for speaker, name in ((entry_pb2.SPEAKER_AGENT, "agent"), (entry_pb2.SPEAKER_CUSTOMER, "customer")):
        logged = {utterance.utterance_id: utterance.text for utterance in _utterances(entries, speaker)}
        assert logged
        assert _shown(page, name) == logged
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))


def test_a_spoken_question_is_heard_answered_shown_and_recorded(product: Product, tmp_path: Path) -> None:
    wav = microphone(tmp_path / "question.wav", [9.0, QUESTION, 120.0])
    with page_of(product, wav) as page:
        sign_up(page, "spoken@example.com")
        page.get_by_test_id("call").click()
        card = page.locator("[data-testid=flight-card][data-origin=MAA][data-destination=DEL]").first
        card.wait_for(timeout=60_000)
        assert card.get_by_test_id("card-sample").is_visible()
        page.wait_for_function(
            TWO_ANSWERS,
            timeout=60_000,
        )
        page.get_by_test_id("hang-up").click()
        page.wait_for_function(
            "document.querySelector('[data-testid=call-state]').textContent.toLowerCase().includes('ended')"
        )

        speech_ended = page.evaluate("witness.loud.at(-1)")
        interims = {
            seen["text"]
            for seen in captions(page)
            if seen["speaker"] == "customer" and seen["state"] == "open" and seen["at"] < speech_ended
        }
        assert len(interims) >= 2, "captions must move while the caller speaks"
        assert page.evaluate("witness.agentPeak") > 0.05, "the agent was not heard"

        entries = _log(product, "spoken@example.com")
        heard = _utterances(entries, entry_pb2.SPEAKER_CUSTOMER)
        assert _word_error_rate(QUESTION, heard[0].text) <= 0.4
        searches = [entry.tool_call for entry in entries if entry.HasField("tool_call")]
        legs = [leg for call in searches for leg in call.search_flights.legs]
        assert [(leg.origin, leg.destination) for leg in legs] == [("MAA", "DEL")]
        _agree(page, entries)


def test_after_an_interruption_captions_and_log_have_exactly_the_spoken_words(
    product: Product, tmp_path: Path
) -> None:
    question, second = (
        microphone(tmp_path / f"{number}.wav", [text]) for number, text in enumerate((QUESTION, SECOND))
    )
    with page_of(product) as page:
        sign_up(page, "barge-in@example.com")
        page.get_by_test_id("call").click()
        page.locator("[data-testid=caption][data-speaker=agent][data-state=final]").first.wait_for(
            timeout=60_000
        )
        speak(page, question)
        answer = page.locator(
            "[data-testid=caption][data-speaker=agent][data-state=open]", has_text="There are"
        )
        answer.wait_for(timeout=60_000)
        speak(page, second)
        page.wait_for_function(
            "document.querySelectorAll('[data-testid=flight-search]').length >= 2", timeout=90_000
        )
        page.wait_for_function(
            TWO_ANSWERS,
            timeout=60_000,
        )
        page.get_by_test_id("hang-up").click()
        page.wait_for_function(
            "document.querySelector('[data-testid=call-state]').textContent.toLowerCase().includes('ended')"
        )

        entries = _log(product, "barge-in@example.com")
        cut = [
            utterance
            for utterance in _utterances(entries, entry_pb2.SPEAKER_AGENT)
            if utterance.sealing == entry_pb2.SEALING_INTERRUPTED
        ]
        assert cut, "the agent was not interrupted"
        assert cut[0].generated_text.startswith(cut[0].text[:10])
        assert len(cut[0].text) < len(cut[0].generated_text)
        _agree(page, entries)
