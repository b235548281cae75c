"""The RPCs that the services serve, and the answers that their contracts document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from readback.booking.v1 import booking_service_pb2 as booking
from readback.conversation.v1 import conversation_service_pb2 as conversation
from readback.flightdata.v1 import flightdata_service_pb2
from readback.identity.v1 import identity_service_pb2 as identity
from readback.internal.booking.v1 import booking_internal_service_pb2 as booking_internal
from readback.internal.conversation.v1 import call_record_service_pb2 as call_record
from readback.internal.conversation.v1 import consent_evidence_service_pb2 as consent_evidence
from readback.internal.identity.v1 import identity_internal_service_pb2 as identity_internal
from readback.options.v1 import options_pb2

from mesh.contracts.comments import comments, errors_in
from mesh.security.access_rules import Rules, contract_of, path_of

Answer = tuple[grpc.StatusCode, str]
"""Code of an RPC's answer and its ErrorInfo reason; the reason is empty if there is none."""

OK: Answer = (grpc.StatusCode.OK, "")
INVALID: Answer = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
UNAUTHENTICATED: Answer = (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
ACCESS_DENIED: Answer = (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED")
REQUEST_ID_REUSED: Answer = (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")
REFUSED_BY_GRPC: Answer = (grpc.StatusCode.RESOURCE_EXHAUSTED, "")
"""gRPC's own answer to metadata or to a message that is too large."""

_OWN = {
    "identity": (identity, identity_internal),
    "conversation": (conversation, call_record, consent_evidence),
    "flightdata": (flightdata_service_pb2,),
    "booking": (booking, booking_internal),
}
_INFRASTRUCTURE = (health_pb2, reflection_pb2)
_INFRASTRUCTURE_BYTES = 4096
_REFLECTION = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]


@dataclass(frozen=True, slots=True)
class Rpc:
    """A method of a running service."""

    served_by: str
    """`identity`, `conversation`, `flightdata` or `booking`."""
    method: MethodDescriptor
    version: str = ""
    """Another version of the package that has the same messages."""

    def __str__(self) -> str:
        service = self.method.containing_service.name + self.version
        return f"{self.served_by}/{service.removesuffix('Service')}.{self.method.name}"

    @property
    def path(self) -> str:
        """`/package.Service/Method`."""
        return path_of(self.method).replace("v1alpha", self.version or "v1alpha")

    @property
    def is_own(self) -> bool:
        """True if it has a contract of ours; False for health and reflection."""
        return self.method.containing_service.full_name.startswith("readback.")

    @property
    def rules(self) -> Rules:
        """The callers that its contract allows."""
        own = contract_of(self.method).rules
        return own if self.is_own else frozenset({options_pb2.ACCESS_PUBLIC})

    @property
    def is_public(self) -> bool:
        """True if a caller needs no token."""
        return options_pb2.ACCESS_PUBLIC in self.rules

    @property
    def max_bytes(self) -> int:
        """Size limit of a request."""
        return contract_of(self.method).max_request_bytes if self.is_own else _INFRASTRUCTURE_BYTES

    @property
    def request(self) -> type[Message]:
        """Class of its request."""
        return GetMessageClass(self.method.input_type)

    @property
    def documented(self) -> frozenset[Answer]:
        """The answers to a valid request: success, and the errors that the contract's comment lists."""
        if not self.is_own:
            return frozenset({OK, (grpc.StatusCode.NOT_FOUND, "")})
        reused = {REQUEST_ID_REUSED} if "request_id" in self.method.input_type.fields_by_name else set()
        listed = errors_in(comments()[self.method.full_name])
        return frozenset({OK, *((grpc.StatusCode[code], reason) for code, reason in listed), *reused})


def _services(name: str) -> Iterator[ServiceDescriptor]:
    for module in (*_OWN[name], *_INFRASTRUCTURE):
        yield from module.DESCRIPTOR.services_by_name.values()


RPCS = [Rpc(name, method) for name in _OWN for service in _services(name) for method in service.methods]
RPCS += [Rpc(name, method, "v1") for name in _OWN for method in _REFLECTION.methods]


@cache
def max_bytes_of(service: str) -> int:
    """Return the size above which gRPC's core refuses a message to a service."""
    return max(rpc.max_bytes for rpc in RPCS if rpc.served_by == service)
