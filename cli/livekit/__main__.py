"""`python -m cli.livekit`: build the server before the tests, so that no test waits for a compiler."""

import sys

from rich.console import Console

from cli.errors import CommandError
from cli.livekit import server
from cli.settings import UpSettings
from mesh.settings import load

try:
    server.provide(load(UpSettings), Console())
except CommandError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
except KeyboardInterrupt:
    sys.exit(130)
