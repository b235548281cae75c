"""Watchdog: a turn of the agent must become audible within a few seconds.

Between a finished answer and the caller's ear are speech synthesis, the agent's audio track, the caller's
subscription to it, and pauses because the caller seems to speak. If one of them fails, nothing else reports
it: the call goes on in silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_MOST_EXPIRIES = 2


@dataclass
class UnheardTurn:
    """A turn whose first audio has not been heard yet.

    `words` are the customer's words, empty for a turn that the agent began. `text` is the agent's text so
    far. `expiries` is the number of times that the wait has expired.
    """

    words: str = ""
    text: str = ""
    expiries: int = 0


class FirstAudioWatchdog:
    """Watchdog of the current turn. It calls `on_late` when `seconds` pass without audio, at most twice.

    `on_late` may set `expiries` back, for example because there is no caller yet who could hear the turn.
    """

    def __init__(self, seconds: float, on_late: Callable[[UnheardTurn], Awaitable[None]]) -> None:
        self._seconds, self._on_late = seconds, on_late
        self._turn: UnheardTurn | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._expired = asyncio.Event()

    @property
    def waiting(self) -> bool:
        """True while a turn has not been heard."""
        return self._turn is not None

    def replaced(self, turn: UnheardTurn) -> bool:
        """Return whether another turn has begun."""
        return self._turn is not None and self._turn is not turn

    def begin(self, words: str = "") -> None:
        """Wait for the audio of a new turn, in place of an earlier one."""
        self._turn = UnheardTurn(words)
        self._start_timer()

    def add(self, text: str) -> None:
        """Add to the text of the turn."""
        if self._turn is not None:
            self._turn.text = f"{self._turn.text} {text}".strip()

    def stop(self) -> None:
        """Stop waiting: the turn has become audible, or need not become audible any more."""
        self._turn = None
        self._stop_timer()

    async def run(self) -> None:
        """Report late turns, until cancelled."""
        while True:
            await self._expired.wait()
            self._expired.clear()
            if (turn := self._turn) is None:
                continue
            turn.expiries += 1
            await self._on_late(turn)
            if self._turn is turn and turn.expiries < _MOST_EXPIRIES:
                self._start_timer()
            elif self._turn is turn:
                self.stop()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expired.set)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._expired.clear()
