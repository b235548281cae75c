"""What must not be printed is not; what was sealed for one listing opens for that one alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.identity.v1 import identity_service_pb2 as identity

from mesh.contracts.page_tokens import PageTokens
from mesh.errors import InvalidPageToken
from mesh.redaction import REDACTED, redacted, scrub, scrub_event
from tests.mesh_tokens import SigningKey

pytestmark = pytest.mark.unit


def test_marked_fields_are_blank_and_others_are_not() -> None:
    request = identity.RegisterRequest(
        email="ada@example.com", password="correct horse", display_name="Ada", locale="en-GB"
    )
    printed = json.loads(redacted(request))
    assert printed == {"email": REDACTED, "password": REDACTED, "display_name": REDACTED, "locale": "en-GB"}
    assert request.password == "correct horse"


def test_marked_fields_are_blank_inside_other_messages_too() -> None:
    response = conversation.StartCallResponse(
        access=conversation.CallAccess(livekit_url="ws://sfu", livekit_token="secret")
    )
    opened = conversation.RecordResponse(opened=conversation.RecordOpened(grant="secret", locale="en-IN"))
    for message in (response, opened):
        assert "secret" not in redacted(message)
    assert "ws://sfu" in redacted(response)
    assert "en-IN" in redacted(opened)


def test_tokens_do_not_reach_a_log_line() -> None:
    token = SigningKey().token()
    event = scrub_event(
        None,
        "info",
        {"event": f"401 from /rtc?access_token={token}&x=1", "header": f"Bearer {token}", "count": 3},
    )
    assert token not in str(event)
    assert token.split(".")[2] not in str(event)
    assert event["count"] == 3


@given(st.text(max_size=200))
def test_scrubbing_never_fails(text: str) -> None:
    assert isinstance(scrub(text), str)


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_page_token_opens_for_its_own_listing(position: str, bound_to: str) -> None:
    tokens = PageTokens(b"k" * 32)
    assert tokens.open(tokens.seal(position, bound_to), bound_to) == position


@given(st.text(max_size=80))
def test_no_made_up_page_token_opens(token: str) -> None:
    with pytest.raises(InvalidPageToken):
        PageTokens(b"k" * 32).open(token, "list")


def test_a_page_token_of_another_customer_or_installation_does_not_open() -> None:
    token = PageTokens(b"k" * 32).seal("17", "ada")
    with pytest.raises(InvalidPageToken):
        PageTokens(b"k" * 32).open(token, "bob")
    with pytest.raises(InvalidPageToken):
        PageTokens(b"other" * 8).open(token, "ada")
