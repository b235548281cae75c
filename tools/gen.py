"""Generate `gen/` from `protos/`: messages, typed stubs, gRPC stubs, and the descriptor set with comments.

`python -m tools.gen` writes `gen/`. With `--check` it generates into a temporary folder and fails if `gen/`
differs. `buf generate` can't be used, because the plugin `grpc_python` is a part of `grpc_tools`, not a
program.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ("readback", "buf")
DESCRIPTOR_SET = "readback/contracts.binpb"
"""File with all contracts and their comments, for programs that read contracts at run time."""


def generate(into: Path) -> None:
    """Write the generated packages below `into`, replacing the old ones."""
    for package in GENERATED:
        shutil.rmtree(into / package, ignore_errors=True)
    sources = [*(ROOT / "protos").rglob("*.proto"), *(ROOT / "third_party/protos/buf").rglob("*.proto")]
    includes = [ROOT / "protos", ROOT / "third_party/protos", resources.files("grpc_tools") / "_proto"]
    services = sorted(source for source in sources if source.name.endswith("_service.proto"))
    own = sorted(source for source in sources if source.is_relative_to(ROOT / "protos"))
    plain = [f"--{plugin}_out={into}" for plugin in ("python", "mypy")]
    stubs = [f"--{plugin}_out={into}" for plugin in ("grpc_python", "mypy_grpc")]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", *(f"-I{include}" for include in includes)]
    # protoc looks for the plugins on PATH; they are installed next to this interpreter.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"PATH": path}
    subprocess.run([*protoc, *plain, *map(str, sorted(sources))], check=True, env=environment)
    descriptors = ["--include_source_info", f"--descriptor_set_out={into / DESCRIPTOR_SET}"]
    subprocess.run([*protoc, *descriptors, *map(str, own)], check=True, env=environment)
    subprocess.run([*protoc, *stubs, *map(str, services)], check=True, env=environment)


def differences(fresh: Path, committed: Path) -> list[str]:
    """Return the names of files that are missing, extra, or different."""
    found = []
    for package in GENERATED:
        names = {
            path.relative_to(base)
            for base in (fresh, committed)
            for path in (base / package).rglob("*")
            if path.suffix in {".py", ".pyi", ".binpb"}
        }
        for name in sorted(names):
            pair = fresh / name, committed / name
            if not all(path.exists() for path in pair) or not filecmp.cmp(*pair, shallow=False):
                found.append(str(name))
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if gen/ is stale")
    if not parser.parse_args().check:
        generate(ROOT / "gen")
        return
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        stale = differences(Path(scratch), ROOT / "gen")
    if stale:
        sys.exit("gen/ is stale; run `make gen`:\n  " + "\n  ".join(stale))


if __name__ == "__main__":
    main()
