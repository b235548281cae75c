"""`python -m cli.livekit` provides the server beforehand: set-ups use it, so that no test has to wait for a compiler."""

import sys

from rich.console import Console

from cli.errors import CommandError
from cli.livekit import server
from mesh.settings import MeshSettings, load

try:
    server.provide(load(MeshSettings).home, Console())
except CommandError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
except KeyboardInterrupt:
    sys.exit(130)
