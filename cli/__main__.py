"""`python -m cli` is `readback`."""

from cli.main import run

run()
