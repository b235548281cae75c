"""Commands on machines with an unusable home, an unknown user, another encoding, or a closed output."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.product import READBACK, environment_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

COMMANDS = (
    ["up"],
    ["serve", "identity"],
    ["serve", "flightdata"],
    ["agent"],
    ["migrate"],
    ["doctor"],
)


def readback(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*READBACK, *arguments],
        env=environment,
        input="",
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def mounted(folder: Path, options: str) -> bool:
    """Mount a file system in memory; return False if this user may not."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A home on a disk that can only be read."""
    folder = tmp_path / "read-only"
    if mounted(folder, "ro"):
        yield folder
        subprocess.run(["umount", str(folder)], check=True)
    else:
        folder.chmod(0o500)
        yield folder


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A home on a disk without space."""
    folder = tmp_path / "full"
    if not mounted(folder, "size=64k"):
        pytest.skip("only root can mount a small disk")
    with (folder / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(bytes(4096))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_home_that_is_a_file_is_one_sentence_and_exit_2(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "home").touch()
    assert_one_sentence(readback(environment_for(tmp_path / "home"), *arguments), tmp_path / "home")


@pytest.mark.parametrize("arguments", [["up"], ["serve", "identity"]], ids=" ".join)
def test_a_home_that_can_only_be_read_is_one_sentence_and_exit_2(
    read_only: Path, arguments: list[str]
) -> None:
    assert_one_sentence(readback(environment_for(read_only), *arguments), read_only)


@pytest.mark.parametrize("arguments", [["up"], ["serve", "identity"]], ids=" ".join)
def test_a_home_on_a_full_disk_is_one_sentence_and_exit_2(full: Path, arguments: list[str]) -> None:
    assert_one_sentence(readback(environment_for(full), *arguments), full)


def assert_one_sentence(ended: subprocess.CompletedProcess[str], home: Path) -> None:
    """Check that the command failed with one sentence that names the home and the setting."""
    assert ended.returncode == 2, ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert str(home) in ended.stderr
    assert "READBACK_HOME" in ended.stderr


@pytest.mark.parametrize("home", [None, "/", "/dev/null"])
@pytest.mark.parametrize("arguments", [["doctor"], ["logout"]], ids=" ".join)
def test_a_user_without_an_account_on_the_machine_gets_an_answer_or_one_sentence(
    tmp_path: Path, home: str | None, arguments: list[str]
) -> None:
    script = "import pwd, sys\ndef unknown(_): raise KeyError\npwd.getpwuid = unknown\n"
    script += f"sys.argv[1:] = {arguments}\nfrom cli.main import run\nrun()"
    environment = environment_for(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        environment.pop(name, None)
    environment |= {"HOME": home} if home else {}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    if home is None and arguments == ["doctor"]:  # it needs the folder of built programs
        assert ended.returncode == 2
        assert "HOME" in ended.stderr
    assert len(ended.stderr.splitlines() + ended.stdout.splitlines()[:1]) == 1, ended.stderr


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
@pytest.mark.parametrize("arguments", [["--help"], ["doctor"]], ids=" ".join)
def test_commands_write_to_terminals_of_any_encoding(
    tmp_path: Path, encoding: str, arguments: list[str]
) -> None:
    ended = readback(environment_for(tmp_path, PYTHONIOENCODING=encoding), *arguments)
    assert ended.returncode in (0, 1)
    assert ended.stderr == ""
    assert ended.stdout


def test_an_argument_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    command = [*READBACK, "flights", "status", os.fsdecode(b"AI\xff542")]
    ended = subprocess.run(command, env=environment_for(tmp_path), capture_output=True, check=False)
    assert len(ended.stderr.splitlines()) == 1, ended.stderr.decode()


@pytest.mark.parametrize("arguments", [["--help"], ["doctor", "--json"]], ids=" ".join)
def test_a_command_whose_reader_is_gone_ends_quietly(tmp_path: Path, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [*READBACK, *arguments],
        env=environment_for(tmp_path),
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert ended.stderr == b""


def test_the_supervisor_ends_everything_when_the_reader_of_its_output_is_gone(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(
        [*READBACK, "serve", "identity", "flightdata"],
        env=environment_for(tmp_path),
        stdout=writer,
        stderr=subprocess.PIPE,
    ) as serving:
        os.close(writer)
        assert serving.communicate(timeout=100)[1] == b""


def test_a_closed_terminal_ends_everything(tmp_path: Path) -> None:
    own_terminal = (
        "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", own_terminal, *READBACK, "serve", "identity", "flightdata"],
        env=environment_for(tmp_path),
        stdin=follower,
        stdout=follower,
        stderr=follower,
    ) as serving:
        os.close(follower)
        shown = b""
        while shown.count("✓".encode()) < 2:
            shown += os.read(leader, 1024)
        processes = psutil.Process(serving.pid).children(recursive=True)
        os.close(leader)
        serving.wait(60)
    assert psutil.wait_procs(processes, timeout=10)[1] == []
