"""Every public RPC has a route; a request finds the route that its path and verb name."""

from __future__ import annotations

import pytest
from readback.conversation.v1 import conversation_service_pb2
from readback.flightdata.v1 import flightdata_service_pb2
from readback.identity.v1 import identity_service_pb2

from services.gateway.http.routes import NoRoute, RouteTable, VerbNotAllowed, public_methods

pytestmark = pytest.mark.unit

SERVICES = [
    conversation_service_pb2.DESCRIPTOR.services_by_name["ConversationService"],
    flightdata_service_pb2.DESCRIPTOR.services_by_name["FlightDataService"],
    identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"],
]
TABLE = RouteTable(SERVICES)


def test_every_public_rpc_has_a_route() -> None:
    routed = {route.method.full_name for route in TABLE.routes}
    assert routed == {method.full_name for method in public_methods(SERVICES)}


@pytest.mark.parametrize("rpc", ["Record", "Append", "ListProviders"])
def test_rpcs_that_no_customer_may_call_have_none(rpc: str) -> None:
    assert rpc not in {route.method.name for route in TABLE.routes}


@pytest.mark.parametrize(
    ("verb", "path", "rpc", "values"),
    [
        ("GET", "/v1/conversations", "ListConversations", {}),
        ("POST", "/v1/conversations", "StartConversation", {}),
        ("GET", "/v1/conversations/7", "GetConversation", {"conversation_id": "7"}),
        ("HEAD", "/v1/conversations/7", "GetConversation", {"conversation_id": "7"}),
        ("GET", "/v1/conversations/7:watch", "Watch", {"conversation_id": "7"}),
        ("GET", "/v1/conversations:watch", "Watch", {}),
        (
            "GET",
            "/v1/routes/MAA/DEL/flightStatuses",
            "ListRouteFlightStatuses",
            {"origin": "MAA", "destination": "DEL"},
        ),
        ("GET", "/v1/airports/A%2Fb%3Ac", "GetAirport", {"code": "A/b:c"}),
        ("POST", "/v1/sessions:login", "Login", {}),
    ],
)
def test_a_request_finds_its_rpc(verb: str, path: str, rpc: str, values: dict[str, str]) -> None:
    route, found = TABLE.find(verb, path)
    assert (route.method.name, dict(found)) == (rpc, values)


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/conversations/", "/v1/conversations/7:dance", "/v1/conversations//entries", "/v2/jwks"],
)
def test_an_unknown_path_has_no_route(path: str) -> None:
    with pytest.raises(NoRoute):
        TABLE.find("GET", path)


def test_a_wrong_verb_is_told_from_an_unknown_path() -> None:
    with pytest.raises(VerbNotAllowed) as error:
        TABLE.find("PUT", "/v1/conversations")
    assert error.value.allowed == ["GET", "HEAD", "POST"]
