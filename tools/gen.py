"""Generate code from `protos/`: `gen/` for the services, and the Python client's messages and methods.

`python -m tools.gen` writes both. With `--check` it generates into a temporary folder and fails if a file
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

from tools import gen_python_client

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ("readback", "buf")
DESCRIPTOR_SET = "readback/contracts.binpb"
"""File with all contracts and their comments, for programs that read contracts at run time."""


def generate(into: Path) -> None:
    """Write the generated packages below `into`, replacing the old ones."""
    into.mkdir(parents=True, exist_ok=True)
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
    descriptors = [
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={into / DESCRIPTOR_SET}",
    ]
    subprocess.run([*protoc, *descriptors, *map(str, own)], check=True, env=environment)
    subprocess.run([*protoc, *stubs, *map(str, services)], check=True, env=environment)


def generate_all(root: Path) -> None:
    """Write all generated code below `root`."""
    generate(root / "gen")
    gen_python_client.generate((root / "gen" / DESCRIPTOR_SET).read_bytes(), root / gen_python_client.FOLDER)


def differences(fresh: Path, committed: Path) -> list[str]:
    """Return the names of files that are missing, extra, or different."""
    found = []
    for folder in (*(f"gen/{package}" for package in GENERATED), gen_python_client.FOLDER):
        names = {
            path.relative_to(base)
            for base in (fresh, committed)
            for path in (base / folder).rglob("*")
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
        generate_all(ROOT)
        return
    with tempfile.TemporaryDirectory() as scratch:
        generate_all(Path(scratch))
        stale = differences(Path(scratch), ROOT)
    if stale:
        sys.exit("Generated code is stale; run `make gen`:\n  " + "\n  ".join(stale))


if __name__ == "__main__":
    main()
