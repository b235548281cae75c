"""Generate the parts of the Python client that follow from the contracts: messages, methods and exceptions.

The client gets the public contracts only, without the options that servers read.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldOptions,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    MethodOptions,
    ServiceDescriptorProto,
)

from mesh.calling.retries_and_timeouts import service_config_of
from mesh.contracts.comments import comments_in

FOLDER = "clients/python/readback_client/gen"
_INTERNAL = "readback/internal/"
_OPTIONS = ("buf/", "google/api/", "readback/options/", "google/protobuf/descriptor.proto")
"""Imports that only options use."""


def generate(contracts: bytes, folder: Path) -> None:
    """Replace `folder` by what follows from the descriptor set `contracts`, which has the comments."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    everything = FileDescriptorSet.FromString(contracts)
    public = public_contracts(everything)
    texts = comments_in(public)
    _write_messages(public, folder)
    (folder / "methods.py").write_text(_methods(public, texts))
    (folder / "error_reasons.py").write_text(_error_reasons(public, texts))
    for file in public.file:
        file.ClearField("source_code_info")
    (folder / "contracts.binpb").write_bytes(public.SerializeToString(deterministic=True))
    (folder / "service_config.json").write_text(json.dumps(_service_config(everything), indent=1) + "\n")


def public_contracts(contracts: FileDescriptorSet) -> FileDescriptorSet:
    """Return the files that a client needs, without options that only servers read."""
    public = FileDescriptorSet()
    for file in contracts.file:
        if file.name.startswith((*_OPTIONS, _INTERNAL)):
            continue
        kept = public.file.add()
        kept.CopyFrom(file)
        _strip(kept)
    return public


def _strip(file: FileDescriptorProto) -> None:
    needed = [name for name in file.dependency if not name.startswith(_OPTIONS)]
    del file.dependency[:]
    file.dependency.extend(needed)
    for message in file.message_type:
        _strip_message(message)
    for service in file.service:
        service.ClearField("options")
        for method in service.method:
            level = method.options.idempotency_level
            method.options.CopyFrom(MethodOptions(idempotency_level=level))


def _strip_message(message: DescriptorProto) -> None:
    for field in message.field:
        kept = FieldOptions()
        if field.options.debug_redact:
            kept.debug_redact = True
        field.options.CopyFrom(kept)
        if not field.options.ByteSize():
            field.ClearField("options")
    for oneof in message.oneof_decl:
        oneof.ClearField("options")
    for nested in message.nested_type:
        if not nested.options.map_entry:
            nested.ClearField("options")
        _strip_message(nested)
    if not message.options.map_entry:
        message.ClearField("options")


def _service_config(contracts: FileDescriptorSet) -> dict[str, Any]:
    public = [file for file in contracts.file if not file.name.startswith(_INTERNAL)]
    services = {f"{file.package}.{service.name}": service for file in public for service in file.service}
    return service_config_of(services)


def _write_messages(public: FileDescriptorSet, folder: Path) -> None:
    """Let betterproto2 write its dataclasses."""
    contracts = folder / "contracts.binpb"
    contracts.write_bytes(public.SerializeToString())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={contracts}"]
    command += [f"--python_betterproto2_out={folder}", "--python_betterproto2_opt=client_generation=none"]
    command += [file.name for file in public.file if file.name.startswith("readback/")]
    subprocess.run(command, check=True, env=os.environ | {"PATH": path}, capture_output=True)
    contracts.unlink()


def _methods(public: FileDescriptorSet, texts: Mapping[str, str]) -> str:
    services = [(file, service) for file in public.file for service in file.service]
    packages = sorted({file.package for file, _ in services})
    imports = "\n".join(
        f"from readback_client.gen.{package.rpartition('.')[0]} import "
        f"{package.rpartition('.')[2]} as {_alias(package)}"
        for package in packages
    )
    bodies = "\n\n".join("".join(_service(file.package, service, texts)) for file, service in services)
    return (
        '"""Methods of the services, with requests and responses as dataclasses. Generated."""\n\n'
        "from __future__ import annotations\n\nfrom collections.abc import AsyncGenerator\n\n"
        f"{imports}\nfrom readback_client.connection import Service\n\n\n{bodies}"
    )


def _alias(package: str) -> str:
    return package.split(".")[-2]


def _service(package: str, service: ServiceDescriptorProto, texts: Mapping[str, str]) -> Iterator[str]:
    name = f"{package}.{service.name}"
    yield f"class {service.name}(Service):\n{_docstring(texts[name], 4)}\n"
    for method in service.method:
        if not method.client_streaming:
            yield "\n" + _method(package, service.name, method, texts[f"{name}.{method.name}"])


def _method(package: str, service: str, method: MethodDescriptorProto, text: str) -> str:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
    request, response = (_python_type(full) for full in (method.input_type, method.output_type))
    path = f'"/{package}.{service}/{method.name}"'
    if method.server_streaming:
        head, result, call = "def", f"AsyncGenerator[{response}]", "self._stream"
    else:
        head, result, call = "async def", response, "await self._unary"
    signature = f"self, request: {request}, *, timeout: float | None = None"
    return (
        f"    {head} {name}(\n        {signature}\n    ) -> {result}:\n{_docstring(text, 8)}\n"
        f"        return {call}({path}, request, {response}, timeout)\n"
    )


def _python_type(full_name: str) -> str:
    package, _, name = full_name.lstrip(".").rpartition(".")
    return f"{_alias(package)}.{name}"


def _docstring(text: str, indent: int) -> str:
    width = 108 - indent
    summary, *paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    if not paragraphs and len(summary) + 6 <= width:
        return textwrap.indent(f'"""{summary}"""', " " * indent)
    wrapped = [textwrap.fill(f'"""{summary}', width)]
    wrapped += [textwrap.fill(paragraph, width) for paragraph in paragraphs]
    return textwrap.indent("\n\n".join(wrapped) + '\n"""', " " * indent)


def _error_reasons(public: FileDescriptorSet, texts: Mapping[str, str]) -> str:
    classes = {
        _reason(value.name): _docstring(texts[f"{package}.{enum.name}.{value.name}"], 4)
        for package, enum in _reason_enums(public)
        for value in enum.value
        if value.number
    }
    bodies = "\n\n\n".join(
        f'class {_class_name(reason)}(ReadbackError, reason="{reason}"):\n{docstring}'
        for reason, docstring in sorted(classes.items())
    )
    return (
        '"""One exception for each error reason of the contracts. Generated."""\n\n'
        "from __future__ import annotations\n\nfrom readback_client.errors import ReadbackError\n\n\n"
        f"{bodies}\n"
    )


def _reason_enums(public: FileDescriptorSet) -> Iterator[tuple[str, EnumDescriptorProto]]:
    for file in public.file:
        for enum in file.enum_type:
            if enum.name.endswith("ErrorReason"):
                yield file.package, enum


def _reason(value_name: str) -> str:
    return value_name.rpartition("ERROR_REASON_")[2]


def _class_name(reason: str) -> str:
    return "".join(word.capitalize() for word in reason.split("_"))
