"""The waits of a call."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CallWaits:
    """Waits of a call, in seconds.

    `caller_back` is the wait for a caller whose connection was lost, and `first_audio` that for the first
    audio of a turn. After `silence_question` of silence the agent asks whether the caller is there, and after
    `silence_end` more it ends the call.
    """

    caller_back: float = 30.0
    first_audio: float = 5.0
    silence_question: float = 20.0
    silence_end: float = 90.0
