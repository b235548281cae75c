"""Entry point of `python -m cli`, the same as `readback`."""

from cli.main import run

run()
