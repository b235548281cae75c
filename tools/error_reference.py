"""Write `docs/errors.md` from the contracts: every error reason, and the RPCs that return it.

`python -m tools.error_reference` writes; with `--check` it fails if the page is stale.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import grpc
from readback.errors.v1.error_reason_pb2 import ErrorReason

from mesh.contracts.comments import comments, contracts, errors_in, is_internal, raw_comments
from mesh.settings import CHECKOUT
from services.gateway.http.errors import HTTP_STATUS

PAGE = CHECKOUT / "docs/errors.md"
PREFIX = "ERROR_REASON_"
WIDTH = 110
ANY = "Any RPC"
INTERNAL = "RPCs between Readback's processes"
_ADVICE = re.compile(r"(?P<code>[A-Z_]+)(, from (?P<callers>any RPC[^:]*))?: (?P<advice>.+)")
HEAD = """# Errors

Every failed RPC has a gRPC code, a message in words, and a `google.rpc.ErrorInfo`. Its `domain` is
`readback.errors.v1`, and its `reason` is one of those below: the values of `readback.errors.v1.ErrorReason`
without `ERROR_REASON_`. The HTTP gateway sends the same as JSON, in `details`; MCP tools in `error.reason`.

Programs decide by the reason, and by the code if a reason is new to them. `google.rpc.BadRequest` names the
wrong fields, and `google.rpc.RetryInfo` the time to wait. An error without an `ErrorInfo` comes from gRPC
itself (UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED, or RESOURCE_EXHAUSTED for a message that is too large).

`python -m tools.error_reference` writes this page.
"""


@dataclass(frozen=True, slots=True)
class Reason:
    """An error reason as its contract describes it."""

    name: str
    """Name on the wire."""
    meaning: str
    code: str
    """Name of the gRPC code."""
    callers: str
    """`any RPC …` if not only the RPCs return it whose comments name it; empty otherwise."""
    advice: str
    """Instruction for the client."""
    example: str
    """An `ErrorInfo` as JSON."""


def reasons() -> Sequence[Reason]:
    """Return all reasons, in the order of the enum.

    Raises:
        ValueError: a comment doesn't have the three paragraphs.
    """
    return [_reason(value.name) for value in ErrorReason.DESCRIPTOR.values[1:]]


def _reason(value: str) -> Reason:
    comment = raw_comments()[f"{ErrorReason.DESCRIPTOR.full_name}.{value}"]
    meaning, *rest = textwrap.dedent(comment).strip().split("\n\n")
    found = _ADVICE.fullmatch(" ".join(rest[0].split())) if len(rest) == 2 else None
    if found is None:
        raise ValueError(f"The comment of {value} needs a meaning, `CODE: advice`, and an example.")
    name, meaning = value.removeprefix(PREFIX), " ".join(meaning.split())
    return Reason(
        name, meaning, found["code"], found["callers"] or "", found["advice"], textwrap.dedent(rest[1])
    )


def rpcs_by_error() -> Mapping[tuple[str, str], Sequence[str]]:
    """Return the RPCs whose comments name an error, by its code and reason.

    A public RPC is named `Service.Method`, an internal one by its full name.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for file in contracts().file:
        for service in file.service:
            for method in service.method:
                name = f"{file.package}.{service.name}.{method.name}"
                shown = name if is_internal(name) else f"{service.name}.{method.name}"
                for error in errors_in(comments().get(name, "")):
                    found.setdefault(error, []).append(shown)
    return found


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *_sections()])


def _sections() -> Iterator[str]:
    named = rpcs_by_error()
    rpcs = {error: [name for name in names if not is_internal(name)] for error, names in named.items()}

    def section(reason: Reason) -> str:
        if reason.callers:
            return ANY
        public = rpcs[reason.code, reason.name]
        return public[0].partition(".")[0] if public else INTERNAL

    found = reasons()
    order = [
        ANY,
        *(title for title in dict.fromkeys(map(section, found)) if title not in (ANY, INTERNAL)),
        INTERNAL,
    ]
    for title, group in groupby(sorted(found, key=lambda reason: order.index(section(reason))), section):
        yield f"## {title}\n"
        for reason in group:
            yield _entry(reason, rpcs.get((reason.code, reason.name), ()))


def _entry(reason: Reason, rpcs: Sequence[str]) -> str:
    status = f"{reason.code}, HTTP {HTTP_STATUS[grpc.StatusCode[reason.code]]}"
    advice = reason.advice[0].upper() + reason.advice[1:]
    text = f"{status}. {reason.meaning} *What to do:* {advice}"
    if reason.callers != "any RPC" and (reason.callers or rpcs):
        text += f" Returned by {reason.callers or ', '.join(f'`{name}`' for name in rpcs)}."
    return f"### {reason.name}\n\n{_wrapped(text)}\n\n```json\n{reason.example}\n```\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if docs/errors.md is stale")
    if not parser.parse_args().check:
        PAGE.write_text(page())
    elif not PAGE.exists() or PAGE.read_text() != page():
        sys.exit("docs/errors.md is stale; run `python -m tools.error_reference`")


if __name__ == "__main__":
    main()
