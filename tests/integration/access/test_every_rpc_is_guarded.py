"""Every RPC of every service refuses callers that its contract does not allow."""

from __future__ import annotations

import grpc
import jwt
import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from livekit import api as livekit
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import flightdata_service_pb2 as flightdata
from readback.identity.v1 import identity_service_pb2 as identity
from readback.options.v1 import options_pb2

from mesh.errors import reason_of
from mesh.ids import uuid7
from mesh.security.access_rules import path_of, rules_of
from mesh.settings import MeshSettings

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

METHODS = [
    method
    for file in (identity, conversation, flightdata)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
CALLERS = {
    options_pb2.ACCESS_CUSTOMER: "ada",
    options_pb2.ACCESS_AGENT: "ada-agent",
    options_pb2.ACCESS_AGENT_WORKER: "agent",
    options_pb2.ACCESS_GATEWAY: "gateway",
    options_pb2.ACCESS_CONVERSATION: "conversation",
    options_pb2.ACCESS_PAGE: "page",
}
WORKLOADS = {
    options_pb2.ACCESS_AGENT_WORKER,
    options_pb2.ACCESS_GATEWAY,
    options_pb2.ACCESS_CONVERSATION,
    options_pb2.ACCESS_PAGE,
}
BAD_TOKENS = [
    "no token",
    "expired",
    "wrong audience",
    "wrong type",
    "refresh token",
    "LiveKit token",
    "worker's LiveKit token",
    "foreign key",
]
every_method = pytest.mark.parametrize("method", METHODS, ids=path_of)
guarded = pytest.mark.parametrize(
    "method", [method for method in METHODS if options_pb2.ACCESS_PUBLIC not in rules_of(method)], ids=path_of
)

_VALUES = {
    "request_id": uuid7,
    "flight_number": lambda: "AI542",
    "origin": lambda: "MAA",
    "destination": lambda: "DEL",
    "code": lambda: "MAA",
    "email": lambda: "nobody@example.com",
    "password": lambda: "nothing like it at all",
    "epoch": lambda: 1,
    "writer_id": uuid7,
}


def _request(method: MethodDescriptor, ids: dict[str, str]) -> Message:
    """Return a valid request; `ids` has the conversation and the call it is about."""
    if method.name == "Record":
        opening = conversation.RecordOpen(call_id=ids["call_id"], epoch=1, writer_id=uuid7())
        return conversation.RecordRequest(open=opening)
    request: Message = GetMessageClass(method.input_type)()
    for field in method.input_type.fields:
        if field.name in ids:
            setattr(request, field.name, ids[field.name])
        elif field.name in _VALUES:
            setattr(request, field.name, _VALUES[field.name]())
        elif field.name == "drafts":
            request.drafts.append(_draft())  # type: ignore[attr-defined]  # AppendRequest has them
        elif field.name == "depart_date":
            request.depart_date.CopyFrom(Date(year=2030, month=1, day=1))  # type: ignore[attr-defined]  # as above
        elif field.type == FieldDescriptor.TYPE_STRING and field.name in {
            "display_name",
            "query",
            "refresh_token",
            "actor_assertion",
        }:
            setattr(request, field.name, "x")
    return request


def _draft() -> entry_pb2.Draft:
    call = entry_pb2.ToolCall(tool_call_id=uuid7(), name="search_flights")
    return entry_pb2.Draft(
        client_sequence=1, entry_id=uuid7(), start_time=Timestamp(seconds=1), tool_call=call
    )


def _own(mesh, whose: str) -> dict[str, str]:
    return {"conversation_id": mesh.conversations[whose], "call_id": mesh.calls[whose]}


async def _refusal(
    mesh, method: MethodDescriptor, request: Message, token: str | None
) -> grpc.aio.AioRpcError | None:
    try:
        await mesh.call(method, request, token)
    except grpc.aio.AioRpcError as error:
        return error
    return None


@guarded
@pytest.mark.parametrize("kind", BAD_TOKENS)
async def test_calls_without_a_valid_token_are_refused(mesh, method: MethodDescriptor, kind: str) -> None:
    error = await _refusal(mesh, method, _request(method, _own(mesh, "ada")), mesh.bad_token(kind))
    assert error is not None
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert reason_of(error) == "MESH_ERROR_REASON_UNAUTHENTICATED"


@guarded
async def test_a_valid_token_of_another_kind_is_refused(mesh, method: MethodDescriptor) -> None:
    for rule, caller in CALLERS.items():
        if rule not in rules_of(method):
            error = await _refusal(mesh, method, _request(method, _own(mesh, "ada")), mesh.tokens[caller])
            assert error is not None, f"{caller} may call {method.name}"
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED
            assert reason_of(error) == "MESH_ERROR_REASON_ACCESS_DENIED"


@guarded
async def test_another_customers_conversation_and_call_are_not_found(mesh, method: MethodDescriptor) -> None:
    names = {"conversation_id", "call_id"} & set(method.input_type.fields_by_name)
    for rule in rules_of(method) - WORKLOADS:
        if not names or method.containing_service.name == "IdentityService":
            continue  # grants are stored per customer; see the next test
        error = await _refusal(mesh, method, _request(method, _own(mesh, "bob")), mesh.tokens[CALLERS[rule]])
        assert error is not None, f"{CALLERS[rule]} reaches bob's {names} through {method.name}"
        assert error.code() is grpc.StatusCode.NOT_FOUND


async def test_another_customer_cannot_revoke_the_grant_of_a_call(mesh) -> None:
    revoke = identity.RevokeGrantRequest(call_id=mesh.calls["bob"], request_id=uuid7())
    await mesh.call(
        identity.DESCRIPTOR.services_by_name["IdentityService"].methods_by_name["RevokeGrant"],
        revoke,
        mesh.tokens["ada"],
    )
    service = conversation.DESCRIPTOR.services_by_name["ConversationService"]
    opening = conversation.RecordRequest(
        open=conversation.RecordOpen(call_id=mesh.calls["bob"], epoch=1, writer_id=uuid7())
    )
    opened = await mesh.call(service.methods_by_name["Record"], opening, mesh.tokens["agent"])
    assert opened.opened.conversation_id == mesh.conversations["bob"]


@guarded
async def test_a_grant_for_another_customers_call_reaches_nothing(mesh, method: MethodDescriptor) -> None:
    names = {"conversation_id", "call_id"} & set(method.input_type.fields_by_name)
    if options_pb2.ACCESS_AGENT not in rules_of(method) or not names:
        return
    ada = jwt.decode(mesh.tokens["ada"], options={"verify_signature": False})["sub"]
    token = mesh.delegated(ada, call_of="bob")
    error = await _refusal(mesh, method, _request(method, _own(mesh, "bob")), token)
    assert error is not None, f"ada's agent reaches bob's {names} through {method.name}"
    assert error.code() is grpc.StatusCode.NOT_FOUND


@every_method
async def test_callers_of_the_kinds_in_the_contract_are_accepted(mesh, method: MethodDescriptor) -> None:
    rules = rules_of(method)
    callers = (
        [None]
        if options_pb2.ACCESS_PUBLIC in rules
        else [mesh.tokens[CALLERS[rule]] for rule in rules & CALLERS.keys()]
    )
    nowhere = {"conversation_id": uuid7(), "call_id": uuid7()}  # so that nothing is ended or deleted
    for token in callers:
        request = _request(method, nowhere)
        if method.name in {"Logout", "DeleteCustomer"}:
            continue  # tested in tests/integration/identity; here it would end the shared session
        error = await _refusal(mesh, method, request, token)
        if error is not None:
            assert error.code() not in {
                grpc.StatusCode.PERMISSION_DENIED,
                grpc.StatusCode.INTERNAL,
                grpc.StatusCode.UNKNOWN,
            }
            assert reason_of(error) != "MESH_ERROR_REASON_UNAUTHENTICATED"


async def test_livekit_refuses_an_access_token(mesh) -> None:
    keys = MeshSettings(home=mesh.home).livekit_keys
    verifier = livekit.TokenVerifier(keys.key, keys.secret)
    assert verifier.verify(mesh.tokens["ada-livekit"]).identity
    with pytest.raises(Exception, match=r"(?i)alg|signature|issuer|invalid"):
        verifier.verify(mesh.tokens["ada"])


async def test_a_callers_livekit_token_allows_one_room_with_microphone_and_text_only(mesh) -> None:
    keys = MeshSettings(home=mesh.home).livekit_keys
    claims = livekit.TokenVerifier(keys.key, keys.secret).verify(mesh.tokens["ada-livekit"])
    grants = claims.video
    assert grants is not None
    assert grants.room
    assert grants.can_publish_sources == ["microphone"]
    powers = (
        "room_admin",
        "room_create",
        "room_list",
        "room_record",
        "ingress_admin",
        "can_update_own_metadata",
    )
    assert not any(getattr(grants, power) for power in powers)
    assert claims.room_config is None, "the token can't dispatch an agent"
