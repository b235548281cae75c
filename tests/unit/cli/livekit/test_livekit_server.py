"""The LiveKit server is found or built, and configured with its own keys."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from cli.errors import CommandError, ToolMissing
from cli.golang import build
from cli.golang import program as go_program
from cli.golang.program import cache_folder, find_go, go_version
from cli.livekit import config, server
from cli.livekit.server import LIVEKIT
from cli.settings import UpSettings
from cli.supervisor.foreground import environment_of_parts
from mesh.settings import load

pytestmark = pytest.mark.unit


def program(path: Path, *, answers: str = "livekit-server version 1.13.5", code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{answers}'\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def settings_of(tmp_path: Path, **settings: object) -> UpSettings:
    return load(UpSettings, home=tmp_path / "home", **settings)


def test_a_server_on_path_is_not_used(tmp_path: Path) -> None:
    program(tmp_path / "path" / "livekit-server")
    assert server.locate(settings_of(tmp_path)) is None


def test_a_given_server_of_the_same_minor_version_is_used(tmp_path: Path) -> None:
    program(LIVEKIT.cached)
    mine = program(tmp_path / "mine", answers="livekit-server version 1.13.99")
    assert server.locate(settings_of(tmp_path, livekit_server=mine)) == mine


@pytest.mark.parametrize(
    ("answers", "reported"),
    [
        ("livekit-server version 1.12.0", "version 1.12.0"),
        ("livekit-server version 2.13.5", "version 2.13.5"),
        ("v1.13.5", "not a LiveKit server"),
        ("", "not a LiveKit server"),
    ],
)
def test_a_given_program_of_another_version_is_refused(tmp_path: Path, answers: str, reported: str) -> None:
    mine = program(tmp_path / "mine", answers=answers)
    with pytest.raises(CommandError, match=f"{reported}.*set READBACK_LIVEKIT_SERVER to version 1.13"):
        server.locate(settings_of(tmp_path, livekit_server=mine))


def test_a_server_of_another_version_in_the_cache_is_not_used(tmp_path: Path) -> None:
    program(LIVEKIT.cached, answers="livekit-server version 1.13.4")
    assert server.locate(settings_of(tmp_path)) is None


def test_a_server_in_the_cache_is_brought_into_the_home(tmp_path: Path) -> None:
    program(LIVEKIT.cached)
    found = server.locate(settings_of(tmp_path))
    assert found == tmp_path / "home" / "bin" / f"livekit-server-{LIVEKIT.version}"
    assert server.locate(settings_of(tmp_path)) == found


def test_a_server_that_does_not_run_is_no_server(tmp_path: Path) -> None:
    program(LIVEKIT.cached, code=1)
    (tmp_path / "home" / "bin").mkdir(parents=True)
    (tmp_path / "home" / "bin" / f"livekit-server-{LIVEKIT.version}").write_bytes(b"half a copy")
    assert server.locate(settings_of(tmp_path)) is None


def test_the_machines_go_is_used_when_it_is_new_enough(tmp_path: Path) -> None:
    mine = program(tmp_path / "path" / "go", answers="go version go1.26.8 linux/amd64")
    assert find_go(LIVEKIT) == mine


def test_an_old_go_gives_way_to_the_one_in_the_wheel(tmp_path: Path) -> None:
    program(tmp_path / "path" / "go", answers="go version go1.19.8 linux/amd64")
    found = find_go(LIVEKIT)
    assert found != tmp_path / "path" / "go"
    assert go_version(found) >= LIVEKIT.needs


def test_without_go_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        go_program,
        "_installed_gos",
        lambda: iter([program(tmp_path / "go", answers="go version go1.19.8 linux/amd64")]),
    )
    with pytest.raises(ToolMissing, match="set READBACK_LIVEKIT_SERVER to one, or set LIVEKIT_URL"):
        find_go(LIVEKIT)


def test_a_build_is_announced_and_kept_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "go"
    fake.write_text(
        "#!/bin/sh\n"
        '[ "$GOTOOLCHAIN" = local ] && [ "$CGO_ENABLED" = 0 ] || exit 9\n'
        "echo 'go: downloading example.com/a v1' >&2\necho example.com/a >&2\n"
        'mkdir -p "$GOBIN"; cd "$GOBIN"\n'
        "printf '#!/bin/sh\\necho livekit-server version 1.13.5\\n' > server; chmod +x server\n"
    )
    fake.chmod(0o755)
    monkeypatch.setattr("cli.golang.build.find_go", lambda _: fake)
    output = io.StringIO()
    assert server.provide(settings_of(tmp_path), Console(file=output)).is_file()
    assert LIVEKIT.cached.is_file()
    assert "once, about two minutes" in output.getvalue()
    assert [path.name for path in cache_folder().iterdir()] == [LIVEKIT.cached.name]


def test_a_failed_build_ends_with_the_last_lines_of_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "go"
    fake.write_text("#!/bin/sh\necho 'dial tcp: no route to host' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr("cli.golang.build.find_go", lambda _: fake)
    with pytest.raises(CommandError, match="no route to host"):
        build.build(LIVEKIT, Console(file=io.StringIO()))
    assert list(cache_folder().iterdir()) == []


@pytest.mark.parametrize(
    ("number", "ends_with"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_a_signal_before_the_build_has_a_name_for_its_process_kills_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, ends_with: type[BaseException]
) -> None:
    program(tmp_path / "path" / "go", answers="go version go1.26.8 linux/amd64")
    started = []

    def start(*_: object) -> subprocess.Popen[str]:
        compiling = subprocess.Popen(
            ["sleep", "600"], stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(compiling)
        os.kill(os.getpid(), number)
        return compiling

    monkeypatch.setattr(build, "_started", start)
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # in the background of a shell it is ignored
    try:
        with pytest.raises(ends_with):
            build.build(LIVEKIT, Console(file=io.StringIO()))
    finally:
        signal.signal(signal.SIGINT, before)
    assert started[0].returncode == -signal.SIGKILL
    assert not any((tmp_path / "cache" / "readback").iterdir())


def test_progress_counts_lines_of_go() -> None:
    progress = build.Progress(began=100.0)
    for line in (
        "go: downloading example.com/a v1.2.3",
        "go: finding module",
        "example.com/a",
        "example.com/a/b",
        "",
    ):
        progress.read(line)
    assert progress.text(175.5) == "1:15  1 modules downloaded, 2 packages compiled"


def test_the_configuration_has_two_real_pairs_and_nothing_of_dev_mode(tmp_path: Path) -> None:
    settings = load(UpSettings, home=tmp_path, livekit_port=7001, livekit_udp_port=7003)
    path = config.write(settings)
    written = json.loads(path.read_text())
    assert written["port"] == 7001
    assert written["rtc"]["udp_port"] == 7003
    assert written["bind_addresses"] == ["127.0.0.1"]
    assert written["room"] == {"auto_create": False}, "only the conversation service creates rooms"
    assert set(written["keys"]) == {settings.livekit_keys.key, settings.livekit_worker_keys.key}
    assert all(len(secret) >= 32 for secret in written["keys"].values())
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_configuration_that_others_could_read_is_replaced_by_one_they_can_not(tmp_path: Path) -> None:
    (tmp_path / "livekit.yaml").write_text("old")
    os.chmod(tmp_path / "livekit.yaml", 0o644)  # noqa: PTH101  # says what it does
    assert config.write(load(UpSettings, home=tmp_path)).stat().st_mode & 0o777 == 0o600


def test_a_server_on_ipv6s_loopback_is_reached_by_the_name_its_callers_use(tmp_path: Path) -> None:
    settings = load(UpSettings, home=tmp_path, bind="::1", livekit_port=7001)
    written = config.configuration(settings)
    assert written["bind_addresses"] == ["::1", "127.0.0.1"]
    assert written["rtc"]["enable_loopback_candidate"] is True
    variables = environment_of_parts(settings)
    assert variables["LIVEKIT_URL"] == "ws://localhost:7001"
    assert "::1" in variables["NO_PROXY"].split(",")


def rtc_of(tmp_path: Path, bind: str) -> dict[str, Any]:
    rtc: dict[str, Any] = config.configuration(load(UpSettings, home=tmp_path, bind=bind))["rtc"]
    return rtc


@pytest.mark.parametrize("bind", ["0.0.0.0", "::"])
def test_a_server_for_all_addresses_is_not_tied_to_any(tmp_path: Path, bind: str) -> None:
    rtc = rtc_of(tmp_path, bind)
    assert "ips" not in rtc
    assert rtc["tcp_port"] == 7881


def test_a_server_on_one_address_listens_only_there(tmp_path: Path) -> None:
    rtc = rtc_of(tmp_path, "192.0.2.7")
    assert rtc["ips"] == {"includes": ["192.0.2.7/32"]}
    assert rtc["tcp_port"] == 0  # LiveKit would open it on all addresses


@pytest.mark.parametrize(("bind", "own"), [("127.0.0.1", []), ("localhost", []), ("::1", ["::1/128"])])
def test_media_of_a_loopback_server_is_also_on_the_default_route_for_firefox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bind: str, own: list[str]
) -> None:
    monkeypatch.setattr(config, "_default_address", lambda: "198.51.100.7")
    rtc = rtc_of(tmp_path, bind)
    assert rtc["ips"] == {"includes": ["127.0.0.1/32", *own, "198.51.100.7/32"]}
    assert rtc["tcp_port"] == 0


@pytest.mark.parametrize(("is_up", "own"), [(True, ["10.9.9.9/32"]), (False, [])])
def test_without_a_default_route_media_is_on_an_address_of_the_local_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_up: bool, own: list[str]
) -> None:
    interfaces = {
        "lo": [SimpleNamespace(family=socket.AF_INET, address="127.0.0.1")],
        "eth0": [SimpleNamespace(family=socket.AF_INET, address="10.9.9.9")],
    }
    state = {"lo": SimpleNamespace(isup=True), "eth0": SimpleNamespace(isup=is_up)}
    monkeypatch.setattr(config, "_default_address", lambda: None)
    monkeypatch.setattr("psutil.net_if_addrs", lambda: interfaces)
    monkeypatch.setattr("psutil.net_if_stats", lambda: state)
    assert rtc_of(tmp_path, "127.0.0.1")["ips"] == {"includes": ["127.0.0.1/32", *own]}


def test_no_stun_server_on_the_internet_is_asked(tmp_path: Path) -> None:
    assert rtc_of(tmp_path, "0.0.0.0")["use_ice_lite"] is True
