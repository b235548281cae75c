"""No file of the page names an address from the root of the host, because the page may be below a path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradio_ui.layout import STATIC

pytestmark = pytest.mark.unit

_BEFORE = r"from |import |import\(|href[=:] ?|src[=:] ?|action=|url\(|fetch\(|EventSource\(|replace\("
FROM_THE_ROOT = re.compile(rf"""(?:(?:{_BEFORE})\s*["'`]|url\()/""")
FILES = sorted(path for path in STATIC.rglob("*") if path.suffix in (".js", ".css", ".html"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(STATIC)))
def test_addresses_are_relative_or_made_by_url_of(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert [line for line in lines if FROM_THE_ROOT.search(line)] == []
    assert path.suffix != ".js" or not [line for line in lines if "crypto.randomUUID()" in line]
