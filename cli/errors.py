"""How a command fails: one sentence on what went wrong and what to do, and an exit code.

CommandError            something failed while running           exit 1
└── UsageError          the command or a setting is wrong        exit 2
    ├── PortsInUse      somebody else listens there
    └── ToolMissing     a program that is needed can't be had
"""

from __future__ import annotations


class CommandError(Exception):
    """A command failed; `str(error)` is what the person reads."""

    exit_code = 1


class UsageError(CommandError):
    """The command can't be carried out as it was given, or as it is configured; nothing was started."""

    exit_code = 2


class PortsInUse(UsageError):
    """Ports that the parts need are taken."""


class ToolMissing(UsageError):
    """A program that is needed is not here and can't be made."""
