"""English word lists, one JSON file each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any


def load(name: str) -> Any:
    """Return the content of `name`.json."""
    return json.loads(resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))


def patterns(name: str) -> Mapping[str, re.Pattern[str]]:
    """Return the alternatives in `name`.json as one pattern for each key."""
    return {key: re.compile(rf"\b(?:{'|'.join(words)})") for key, words in load(name).items()}
