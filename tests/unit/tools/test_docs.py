"""The docs say what the repository holds."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import indent

import pytest

from mesh.settings import CHECKOUT

pytestmark = pytest.mark.unit

PAGES = sorted({*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")})


def test_the_readme_shows_a_part_of_the_example_that_is_tested() -> None:
    code = (CHECKOUT / "docs/examples/follow.py").read_text("utf-8")
    shown = re.findall(r"```python\n(.*?)```", (CHECKOUT / "README.md").read_text("utf-8"), re.DOTALL)
    assert shown
    assert all(indent(block, "    ") in code for block in shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
