"""State machines as tables."""

from __future__ import annotations

from collections.abc import Mapping, Set
from enum import Enum
from typing import Generic, TypeVar

S = TypeVar("S", bound=Enum)


class IllegalTransition(Exception):
    """A state can't follow another one. It is a defect of the caller, not of a request."""


class Machine(Generic[S]):
    """The states that may follow each state. A state always may follow itself."""

    def __init__(self, following: Mapping[S, Set[S]]) -> None:
        self.following = following

    def allows(self, before: S, after: S) -> bool:
        """Return whether `after` may follow `before`."""
        return after is before or after in self.following[before]

    def move(self, before: S, after: S) -> S:
        """Return `after`.

        Raises:
            IllegalTransition: `after` can't follow `before`.
        """
        if not self.allows(before, after):
            raise IllegalTransition(f"{before.name} can't become {after.name}")
        return after

    def is_final(self, state: S) -> bool:
        """Return whether no other state follows this one."""
        return not self.following[state]
