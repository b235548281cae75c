"""The tools there are: nothing but what the contracts say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from readback.options.v1 import options_pb2

from mesh.contracts.tool_schemas import tool_schemas


@dataclass(frozen=True, slots=True)
class Tool:
    """An RPC as a tool."""

    name: str
    description: str
    input_schema: Mapping[str, Any]
    """JSON Schema of the arguments."""
    method: MethodDescriptor

    @property
    def path(self) -> str:
        """The RPC's path, `/package.Service/Method`."""
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @property
    def read_only(self) -> bool:
        """Whether it changes nothing."""
        return bool(self.method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS)

    @property
    def idempotent(self) -> bool:
        """Whether calling it again changes nothing more."""
        return bool(self.method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN)


def catalogue(services: Iterable[ServiceDescriptor]) -> dict[str, Tool]:
    """Every tool of these services, by name, in the order of the contracts."""
    return {tool.name: tool for service in services for tool in _tools(service)}


def _tools(service: ServiceDescriptor) -> Iterable[Tool]:
    methods = {
        method.GetOptions().Extensions[options_pb2.tool].name: method
        for method in service.methods
        if method.GetOptions().HasExtension(options_pb2.tool)
    }
    for schema in tool_schemas(service):
        yield Tool(schema["name"], schema["description"], schema["input_schema"], methods[schema["name"]])
