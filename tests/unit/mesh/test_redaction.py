"""Secrets and personal data don't reach the logs."""

from __future__ import annotations

import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from readback.identity.v1 import identity_service_pb2 as identity
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record

from mesh.logs import configure
from mesh.redaction import REDACTED, redact_event, redact_message, redact_text
from mesh.settings import MeshSettings
from tests.mesh_tokens import SigningKey

pytestmark = pytest.mark.unit


def test_marked_fields_are_blank_and_others_are_not() -> None:
    request = identity.RegisterRequest(
        email="ada@example.com", password="correct horse", display_name="Ada", locale="en-GB"
    )
    printed = json.loads(redact_message(request))
    assert printed == {"email": REDACTED, "password": REDACTED, "display_name": REDACTED, "locale": "en-GB"}
    assert request.password == "correct horse"


def test_marked_fields_are_blank_inside_other_messages_too() -> None:
    response = conversation.StartCallResponse(
        access=conversation.CallAccess(livekit_url="ws://sfu", livekit_token="secret")
    )
    opened = call_record.RecordResponse(opened=call_record.RecordOpened(grant="secret", locale="en-IN"))
    for message in (response, opened):
        assert "secret" not in redact_message(message)
    assert "ws://sfu" in redact_message(response)
    assert "en-IN" in redact_message(opened)


def test_words_of_a_conversation_are_blank() -> None:
    words = "my secret trip"
    spoken = entry_pb2.Utterance(text=words, generated_text=words, locale="en-IN")
    named = conversation.Conversation(title=words)
    revision = call_record.OpenUtterance(text=words)
    for message in (
        conversation.WatchResponse(entry=entry_pb2.Entry(utterance=spoken)),
        conversation.WatchResponse(live=conversation.LiveText(tail=words)),
        conversation.WatchResponse(conversation=named),
        conversation.UpdateConversationRequest(conversation=named),
        conversation.SearchEntriesRequest(query=words),
        conversation.FoundEntry(conversation_title=words, snippet=[conversation.SnippetPart(text=words)]),
        conversation.ExportTranscriptResponse(data=words.encode(), file_name=words),
        call_record.RecordAppend(drafts=[call_record.Draft(open_utterance=revision)]),
    ):
        assert words not in redact_message(message)


def test_tokens_do_not_reach_a_log_line() -> None:
    token = SigningKey().token()
    event = redact_event(
        None,
        "info",
        {"event": f"401 from /rtc?access_token={token}&x=1", "header": f"Bearer {token}", "count": 3},
    )
    assert token not in str(event)
    assert token.split(".")[2] not in str(event)
    assert event["count"] == 3


@given(st.text(max_size=200))
def test_redaction_never_fails(text: str) -> None:
    assert isinstance(redact_text(text), str)


def test_messages_in_log_fields_are_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure(MeshSettings(log_format="json"), "test")
        request = identity.RegisterRequest(email="ada@example.com", password="correct horse")
        structlog.get_logger("test").warning("refused", request=request, others=[request])
    finally:
        logging.getLogger().handlers[:] = handlers
        logging.getLogger().setLevel(level)
        structlog.reset_defaults()
    line = capsys.readouterr().err
    assert "correct horse" not in line
    assert "ada@example.com" not in line
    assert json.loads(json.loads(line)["request"])["password"] == REDACTED
