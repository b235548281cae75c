"""What a worker is told when it is asked to take a call."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self


class MalformedDispatch(Exception):
    """The job's metadata names no call."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A call and the epoch in which to hold it. There is no authority in it: that comes from the conversation service."""

    call_id: str
    epoch: int

    @classmethod
    def parse(cls, metadata: str) -> Self:
        """Reads a job's metadata, `{"call": …, "epoch": …}`. Raises `MalformedDispatch`."""
        try:
            fields = json.loads(metadata)
            return cls(str(fields["call"]), int(fields["epoch"]))
        except (ValueError, KeyError, TypeError) as error:
            raise MalformedDispatch(f"not a dispatch: {error!r}") from None

    @property
    def resumed(self) -> bool:
        """Whether another agent held the call before."""
        return self.epoch > 1
