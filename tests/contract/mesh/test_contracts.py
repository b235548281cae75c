"""Rules for the contracts: access rules, HTTP paths, idempotency, tools, redaction."""

from __future__ import annotations

import re

import pytest
from buf.validate import validate_pb2
from google.api import annotations_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from readback.booking.v1 import booking_service_pb2, bookings_pb2, quotes_pb2, travellers_pb2
from readback.conversation.v1 import conversation_service_pb2, entry_pb2
from readback.flightdata.v1 import flight_status_pb2, flightdata_service_pb2, flights_pb2, places_pb2
from readback.identity.v1 import identity_service_pb2
from readback.internal.booking.v1 import booking_internal_service_pb2
from readback.internal.conversation.v1 import call_record_service_pb2, consent_evidence_service_pb2
from readback.internal.identity.v1 import identity_internal_service_pb2
from readback.options.v1 import options_pb2

from mesh.calling.retries_and_timeouts import service_config
from mesh.security.access_rules import path_of, rules_of

pytestmark = pytest.mark.contract

PUBLIC = (identity_service_pb2, conversation_service_pb2, flightdata_service_pb2, booking_service_pb2)
INTERNAL = (
    identity_internal_service_pb2,
    call_record_service_pb2,
    consent_evidence_service_pb2,
    booking_internal_service_pb2,
)
FILES = (*PUBLIC, *INTERNAL)
SERVICES = [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]
METHODS = [method for service in SERVICES for method in service.methods]
CARRIED = (
    entry_pb2,
    flights_pb2,
    places_pb2,
    flight_status_pb2,
    quotes_pb2,
    bookings_pb2,
    travellers_pb2,
)
MESSAGES = [m for file in (*FILES, *CARRIED) for m in file.DESCRIPTOR.message_types_by_name.values()]
every_method = pytest.mark.parametrize("method", METHODS, ids=path_of)
UPDATES = {"UpdateConversation", "UpdateCustomer", "UpdateTraveller"}
"""Their `etag` does what a request id does for other mutations."""
WAITING_FOR_A_VENDOR = {
    "GetFlightStatus",
    "RepriceOffer",
    "GetRoute",
    "ListRouteFlightStatuses",
    "QuoteBooking",
    "QuoteCancellation",
    "QuoteChange",
}
SECRET = re.compile(r"password|token$|grant$|assertion|email")


@every_method
def test_every_rpc_has_an_access_rule(method: MethodDescriptor) -> None:
    assert rules_of(method), "a method without access rules refuses every caller"


@every_method
def test_every_public_rpc_has_an_http_path_and_no_internal_one_has(method: MethodDescriptor) -> None:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    internal = method.full_name.startswith("readback.internal.")
    assert (rule.WhichOneof("pattern") is not None) != internal
    bound = set(re.findall(r"\{(\w+)[}.]", rule.get or rule.post or rule.patch or rule.delete))
    assert bound <= set(method.input_type.fields_by_name)


@every_method
def test_a_get_has_no_side_effects(method: MethodDescriptor) -> None:
    if method.GetOptions().Extensions[annotations_pb2.http].get:
        assert method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS


@every_method
def test_a_mutation_carries_a_request_id_unless_it_issues_a_token_or_its_entries_have_ids(
    method: MethodDescriptor,
) -> None:
    idempotent = method.GetOptions().idempotency_level == MethodOptions.IDEMPOTENT
    exempt = method.name in {"GrantCall", "Append", "ConfirmDeletedCustomers", "RevokeSession", *UPDATES}
    assert ("request_id" in method.input_type.fields_by_name) == (idempotent and not exempt)


@every_method
def test_a_request_id_is_an_optional_uuid(method: MethodDescriptor) -> None:
    if field := method.input_type.fields_by_name.get("request_id"):
        rules = field.GetOptions().Extensions[validate_pb2.field]
        assert rules.string.uuid
        assert rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE


@every_method
def test_only_idempotent_methods_are_retried(method: MethodDescriptor) -> None:
    config = service_config(method.containing_service)["methodConfig"]
    own = next(entry for entry in config if entry["name"][0]["method"] == method.name)
    assert ("retryPolicy" in own) == (
        method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
    )
    assert ("timeout" in own) != (method.client_streaming or method.server_streaming)


@every_method
def test_methods_that_wait_for_a_vendor_have_a_longer_timeout(method: MethodDescriptor) -> None:
    config = service_config(method.containing_service)["methodConfig"]
    own = next(entry for entry in config if entry["name"][0]["method"] == method.name)
    patience = method.GetOptions().Extensions[options_pb2.patience_seconds]
    assert patience == (45 if method.name in WAITING_FOR_A_VENDOR else 0)
    assert own.get("timeout") in ({f"{patience}s"} if patience else {"10s", None})


def test_tools_have_unique_names_and_a_description() -> None:
    tools = [method.GetOptions().Extensions[options_pb2.tool] for method in METHODS]
    named = [tool for tool in tools if tool.name]
    assert len({tool.name for tool in named}) == len(named) > 4
    assert all(len(tool.description) > 20 for tool in named)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.full_name)
def test_secrets_and_personal_data_are_marked_debug_redact(message) -> None:
    for field in message.fields:
        if (
            field.type == FieldDescriptor.TYPE_STRING
            and SECRET.search(field.name)
            and not field.name.startswith(("page_", "next_page_"))
        ):
            assert field.GetOptions().debug_redact, field.full_name


@every_method
def test_every_repeated_field_of_a_request_has_a_limit(method: MethodDescriptor) -> None:
    waiting, seen = [method.input_type], set()
    while waiting:
        message = waiting.pop()
        seen.add(message)
        for field in message.fields:
            rules = field.GetOptions().Extensions[validate_pb2.field]
            if rules.ignore == validate_pb2.IGNORE_ALWAYS:  # a tool entry is limited by its size
                continue
            if field.is_repeated:
                assert rules.repeated.max_items, f"{field.full_name} may have any number of items"
            kind = field.message_type
            if kind is not None and kind not in seen and kind.file.package.startswith("readback."):
                waiting.append(kind)
