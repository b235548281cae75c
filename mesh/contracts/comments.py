"""The generated descriptor set of the contracts, and its comments, which Python's descriptors lack."""

from __future__ import annotations

import re
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
_INTERNAL = "readback.internal."
_CODE = re.compile(r"\b([A-Z]+(?:_[A-Z]+)*) `")
_REASON = re.compile(r"`([A-Z_]+)`")


@cache
def contracts() -> FileDescriptorSet:
    """Return the descriptors of all contracts, with comments."""
    return FileDescriptorSet.FromString((resources.files("readback") / "contracts.binpb").read_bytes())


def is_internal(name: str) -> bool:
    """Return whether a package, or something in it, is only for Readback's own processes."""
    return name.startswith(_INTERNAL)


def public_contracts() -> FileDescriptorSet:
    """Return the descriptors of what a caller may use, and of the files that these import."""
    return FileDescriptorSet(file=[file for file in contracts().file if not is_internal(file.package)])


@cache
def comments() -> Mapping[str, str]:
    """Return the comments by full name (`readback.identity.v1.Customer.email`), each as one line.

    Names without a comment are missing.
    """
    return {name: " ".join(text.split()) for name, text in raw_comments().items()}


@cache
def raw_comments() -> Mapping[str, str]:
    """Return the comments by full name, with their lines as written."""
    return comments_in(contracts())


def comments_in(contracts: FileDescriptorSet) -> dict[str, str]:
    """Return the comments of a descriptor set by full name, with their lines as written."""
    return dict(entry for file in contracts.file for entry in _of_file(file))


def errors_in(comment: str) -> Iterator[tuple[str, str]]:
    """Yield code and reason of each error that an RPC's comment lists.

    The form is ``Errors: NOT_FOUND `X`; INVALID_ARGUMENT `A`, `B`.``
    """
    for clause in comment.partition("Errors:")[2].split(";"):
        if code := _CODE.search(clause):
            for reason in _REASON.findall(clause):
                yield code[1], reason


def _of_file(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for location in file.source_code_info.location:
        if location.leading_comments and (name := _full_name(file, location.path)):
            yield name, location.leading_comments


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
