"""Server reflection: the protobuf descriptors of a server, for tools such as grpcurl and ghz."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import grpc
from google.protobuf import descriptor_pool, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

V1ALPHA = reflection.SERVICE_NAME
V1 = V1ALPHA.replace("v1alpha", "v1")


class ReflectionServicer(reflection.aio.ReflectionServicer):  # type: ignore[misc]  # has no types
    """Reflection that also finds methods and values of an enum by their full names."""

    def _file_containing_symbol(self, request: Any, fully_qualified_name: str) -> Any:
        # The descriptor pool finds services and enums, but not `Service.Method` and `Enum.VALUE`.
        parent, _, member = fully_qualified_name.rpartition(".")
        name = parent if member in _members(parent) else fully_qualified_name
        return super()._file_containing_symbol(request, name)


def add_reflection(server: grpc.aio.Server, services: Sequence[str]) -> None:
    """Serve reflection for the services with these full names, as v1 and, for older clients, as v1alpha."""
    servicer = ReflectionServicer([*services, V1, V1ALPHA])
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    descriptor_pool.Default().AddSerializedFile(_v1_file().SerializeToString())
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    handlers = {"ServerReflectionInfo": method}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(V1, handlers),))


def _members(parent: str) -> Container[str]:
    pool = descriptor_pool.Default()
    try:
        return pool.FindServiceByName(parent).methods_by_name
    except KeyError:
        pass
    try:
        return pool.FindEnumTypeByName(parent).values_by_name
    except KeyError:
        return ()


def _v1_file() -> FileDescriptorProto:
    """Return the descriptor of v1, which equals v1alpha but for its package; grpcio-reflection lacks it."""
    alpha = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(alpha)
    text = text_format.MessageToString(alpha).replace("v1alpha", "v1")
    v1 = text_format.Parse(text, FileDescriptorProto())
    v1.options.ClearField("deprecated")
    return v1
