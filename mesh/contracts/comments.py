"""Comments of the contracts, which Python's descriptors lack; read from the generated descriptor set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)

_CHILDREN: Mapping[type, Mapping[int, str]] = {
    FileDescriptorProto: {4: "message_type", 5: "enum_type", 6: "service", 7: "extension"},
    DescriptorProto: {2: "field", 3: "nested_type", 4: "enum_type", 8: "oneof_decl"},
    EnumDescriptorProto: {2: "value"},
    ServiceDescriptorProto: {2: "method"},
}
"""Named children of a descriptor by their field number, as in a location's path (descriptor.proto)."""


@cache
def comments() -> Mapping[str, str]:
    """Return the comments by full name (`readback.identity.v1.Customer.email`), each as one line.

    Names without a comment are missing.
    """
    data = (resources.files("readback") / "contracts.binpb").read_bytes()
    return dict(entry for file in FileDescriptorSet.FromString(data).file for entry in _of_file(file))


def _of_file(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for location in file.source_code_info.location:
        if location.leading_comments and (name := _full_name(file, location.path)):
            yield name, " ".join(location.leading_comments.split())


def _full_name(file: FileDescriptorProto, path: Sequence[int]) -> str | None:
    """Return the full name of the element at a path; None if the path leads to something without a name."""
    element: Any = file
    names = [file.package]
    for number, index in zip(path[::2], path[1::2], strict=False):
        children = _CHILDREN.get(type(element), {}).get(number)
        if children is None:
            return None
        element = getattr(element, children)[index]
        names.append(element.name)
    return ".".join(names) if len(path) % 2 == 0 and len(names) > 1 else None
