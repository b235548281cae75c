"""grpc-gateway in front of the services: generated from the contracts, built with Go, and run.

The code is generated at build time. The program stays in the user's cache until a contract changes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from importlib import resources
from pathlib import Path

import httpx
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor

from cli.golang.program import GoProgram, cache_folder, find_go
from cli.supervisor.child_processes import child_process
from services.gateway.app import CONVERSATION, FLIGHTDATA, IDENTITY
from tests.product import free_ports, wait_until_ready

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MODULE = "readback.test/gateway"
SERVICES: Sequence[ServiceDescriptor] = (IDENTITY, CONVERSATION, FLIGHTDATA)
PLUGINS = (
    "google.golang.org/protobuf/cmd/protoc-gen-go",
    "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
    "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway",
)
BUILD_SECONDS = 1200
PROGRAM = GoProgram(
    name="grpc-gateway",
    title="grpc-gateway",
    package="github.com/grpc-ecosystem/grpc-gateway/v2",
    version="v2.33.0",
    needs=(1, 26),
    takes="two minutes",
    instead="run the tests where Go can be installed",
)


@contextlib.contextmanager
def grpc_gateway(addresses: Mapping[ServiceDescriptor, str]) -> Iterator[str]:
    """Run grpc-gateway in front of services at `host:port`; yield its URL."""
    (port,) = free_ports(1)
    backends = [f"{service.full_name}={address}" for service, address in addresses.items()]
    nothing = subprocess.DEVNULL
    command = [str(provide()), f"127.0.0.1:{port}", *backends]
    with child_process(command, stdin=nothing, stdout=nothing, stderr=nothing):
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(lambda: httpx.get(url, trust_env=False), httpx.TransportError)
        yield url


def provide() -> Path:
    """Return the program, from the user's cache or newly built."""
    inputs = [*HERE.iterdir(), *(_source(file) for file in _contracts())]
    key = sha256(b"".join(path.read_bytes() for path in sorted(inputs) if path.is_file())).hexdigest()[:16]
    target = cache_folder() / f"grpc-gateway-{key}"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as scratch:
            _build(Path(scratch)).replace(target)
    return target


def _build(scratch: Path) -> Path:
    """Generate the code and build the program in a folder."""
    for source in (*HERE.glob("*.go"), *HERE.glob("go.*")):
        shutil.copy(source, scratch)
    (scratch / "services.go").write_text("\n".join(_registrations()))
    variables = _go_environment(scratch)
    variables["PATH"] = f"{scratch / 'bin'}{os.pathsep}{variables['PATH']}"

    def run(*command: str) -> None:
        subprocess.run(command, cwd=scratch, env=variables, check=True, timeout=BUILD_SECONDS)

    build = (str(find_go(PROGRAM)), "build", "-trimpath", "-ldflags=-s -w")
    run(*build, "-o", f"bin{os.sep}", *PLUGINS)
    run(*_protoc(scratch))
    run(*build, "-o", "program", ".")
    return scratch / "program"


def _protoc(scratch: Path) -> list[str]:
    includes = [ROOT / "protos", ROOT / "third_party/protos", resources.files("grpc_tools") / "_proto"]
    packages = [f"M{file.name}={_go_package(file)}" for file in _contracts()]
    outputs = []
    for plugin in ("go", "go-grpc", "grpc-gateway"):
        outputs += [f"--{plugin}_out={scratch}", *(f"--{plugin}_opt={one}" for one in packages)]
        outputs += [f"--{plugin}_opt=module={MODULE}"]
    names = [file.name for file in _contracts()]
    return [sys.executable, "-m", "grpc_tools.protoc", *(f"-I{one}" for one in includes), *outputs, *names]


def _registrations() -> Iterator[str]:
    """Yield the lines of a Go file that lists the services' registration functions."""
    yield "package main"
    for index, service in enumerate(SERVICES):
        yield f'import pb{index} "{_go_package(service.file)}"'
    yield "var services = map[string]register{"
    for index, service in enumerate(SERVICES):
        yield f'\t"{service.full_name}": pb{index}.Register{service.name}HandlerFromEndpoint,'
    yield "}"


def _contracts() -> list[FileDescriptor]:
    """Return the services' files and those they import, without Google's, which have Go code already."""
    found: dict[str, FileDescriptor] = {}
    rest = [service.file for service in SERVICES]
    while rest:
        file = rest.pop()
        if file.name not in found and not file.name.startswith("google/"):
            found[file.name] = file
            rest += file.dependencies
    return sorted(found.values(), key=lambda file: file.name)


def _source(file: FileDescriptor) -> Path:
    return next(
        path for base in ("protos", "third_party/protos") if (path := ROOT / base / file.name).exists()
    )


def _go_package(file: FileDescriptor) -> str:
    return f"{MODULE}/pb/{file.name.rpartition('/')[0]}"


def _go_environment(scratch: Path) -> dict[str, str]:
    """Return environment variables for Go that keep its files in a folder, and build without a C library."""
    return os.environ | {
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOMODCACHE": str(scratch / "modules"),
        "GOCACHE": str(scratch / "objects"),
        "GOFLAGS": "-modcacherw",
    }


if __name__ == "__main__":
    provide()
