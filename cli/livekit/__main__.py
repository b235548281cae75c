"""`python -m cli.livekit`: build the server before the tests, so that no test waits for a compiler."""

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
