"""Check of the rules for plain English that a program can check, in Python, protobuf and Markdown files.

It finds banned words in comments, docstrings, log events and Markdown, comments and docstrings that open with
a question word, and long lines of prose in Markdown and protobuf files.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator

from mesh.settings import CHECKOUT

MAX_LINE = 110
BANNED = re.compile(r"\b(nobody|whoever|anew|for ever)\b", re.IGNORECASE)
OPENS_WITH_QUESTION_WORD = re.compile(r"[#/\s]*(Who|What|Whether|How|Where)\b(?!.*\?$)")
TABLE_OR_LINK = re.compile(r"\s*\||.*https?://")
_NOT_OURS = (":!gen", ":!clients/**/gen/**", ":!third_party", ":!tests")
LIST_FILES = ["git", "ls-files", "*.py", "*.proto", "*.md", *_NOT_OURS]
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


def texts_of(source: str) -> Iterator[tuple[int, str]]:
    """Yield comments, docstrings and log events of a Python file, with their line numbers."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(ast.Constant(str(text))):
                yield node.lineno, text
            case ast.Call(ast.Attribute(_, method), [ast.Constant(str(text)), *_]) if method in LOG_METHODS:
                yield node.lineno, text


def violations(path: str, source: str) -> Iterator[str]:
    """Yield the violations in a file."""
    python, markdown = path.endswith(".py"), path.endswith(".md")
    lines = list(enumerate(source.splitlines(), 1))
    for number, text in texts_of(source) if python else lines:
        if found := BANNED.search(text):
            yield f"{path}:{number}: banned word: {found[0]}"
        if not markdown and OPENS_WITH_QUESTION_WORD.match(text):
            yield f"{path}:{number}: opens with a question word: {text.strip().splitlines()[0]}"
    fenced = False
    for number, line in () if python else lines:
        fenced ^= line.startswith("```")
        prose = not fenced and not TABLE_OR_LINK.match(line) and (markdown or "//" in line)
        if len(line) > MAX_LINE and prose:
            yield f"{path}:{number}: {len(line)} characters"


if __name__ == "__main__":
    names = subprocess.run(LIST_FILES, cwd=CHECKOUT, capture_output=True, check=True, text=True).stdout
    found = [text for name in names.split() for text in violations(name, (CHECKOUT / name).read_text())]
    sys.exit("\n".join(found) or None)
