"""Command-line tools for gRPC by others, which docs/clients.md shows: built with Go, once."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from cli.golang.build import build
from cli.golang.program import GoProgram

INSTEAD = "run the tests where Go can be installed"
TOOLS = (
    GoProgram(
        name="grpcurl",
        title="grpcurl",
        package="github.com/fullstorydev/grpcurl/cmd/grpcurl",
        version="v1.9.4",
        needs=(1, 25),
        takes="a minute",
        instead=INSTEAD,
    ),
    GoProgram(
        name="ghz",
        title="ghz",
        package="github.com/bojand/ghz/cmd/ghz",
        version="v0.93.0",
        needs=(1, 25),
        takes="a minute",
        instead=INSTEAD,
    ),
    GoProgram(
        name="grpc-health-probe",
        title="grpc-health-probe",
        package="github.com/grpc-ecosystem/grpc-health-probe",
        version="v0.4.63",
        needs=(1, 25),
        takes="a minute",
        instead=INSTEAD,
    ),
)


def provide() -> None:
    """Build the tools that aren't in the user's cache."""
    for tool in TOOLS:
        if not tool.cached.is_file():
            build(tool, Console(stderr=True))


def link_into(folder: Path) -> None:
    """Make the tools available in a folder, under their own names."""
    provide()
    for tool in TOOLS:
        (folder / tool.name).symlink_to(tool.cached)


if __name__ == "__main__":
    provide()
