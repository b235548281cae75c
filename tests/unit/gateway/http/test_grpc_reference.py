"""The reference of the gRPC services holds all that callers may use, with comments and rules."""

from __future__ import annotations

import pytest
from readback.conversation.v1 import conversation_service_pb2
from readback.flightdata.v1 import flightdata_service_pb2
from readback.identity.v1 import identity_service_pb2

from services.gateway.http.docs.grpc_reference import Paragraph, grpc_page, paragraphs, with_code
from services.gateway.http.routes import public_methods

pytestmark = pytest.mark.unit

SERVICES = [
    service
    for module in (identity_service_pb2, conversation_service_pb2, flightdata_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
]


def test_every_public_rpc_its_messages_and_fields_are_on_the_page() -> None:
    page = grpc_page(SERVICES)
    for method in public_methods(SERVICES):
        assert f'id="{method.full_name}"' in page
        for message in (method.input_type, method.output_type):
            assert f'id="{message.full_name}"' in page
            assert all(f">{field.name}</th>" in page for field in message.fields)


def test_rpcs_that_no_customer_may_call_are_not_on_the_page() -> None:
    public = {method.full_name for method in public_methods(SERVICES)}
    hidden = {method.full_name for service in SERVICES for method in service.methods} - public
    page = grpc_page(SERVICES)
    assert not [name for name in hidden if f'id="{name}"' in page]


def test_error_reasons_have_examples_and_are_linked() -> None:
    page = grpc_page(SERVICES)
    assert "WRONG_CREDENTIALS</th>" in page
    assert "<pre>{ &#34;reason&#34;" in page
    assert '<a href="#reason-WRONG_CREDENTIALS">' in page


def test_a_comment_is_paragraphs_and_examples() -> None:
    text = "One\nline.\n\nAnother.\n\n    {\n      x\n    }"
    assert list(paragraphs(text)) == [
        Paragraph("One line.", is_code=False),
        Paragraph("Another.", is_code=False),
        Paragraph("{\n  x\n}", is_code=True),
    ]


def test_code_is_marked_and_html_escaped() -> None:
    assert with_code("`a` <b>") == "<code>a</code> &lt;b&gt;"
