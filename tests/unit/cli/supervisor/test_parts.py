"""Addresses of the parts."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.settings import UpSettings
from cli.supervisor.parts import parts_of
from mesh.settings import load

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("bind", "host"),
    [("127.0.0.1", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "::1"), ("fd00::5", "fd00::5")],
)
def test_the_health_url_of_every_part_is_where_it_listens(tmp_path: Path, bind: str, host: str) -> None:
    for part in parts_of(load(UpSettings, home=tmp_path, bind=bind), Path(), Path()):
        address = urlsplit(part.health_url)
        assert address.hostname == host
        assert address.port in {port.number for port in part.ports}
        if part.name in ("identity", "conversation", "flightdata", "booking"):
            assert part.where == (f"[{host}]" if ":" in host else host) + f":{part.ports[0].number}"
