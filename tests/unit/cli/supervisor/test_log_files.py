"""Log files of the parts, and alerts on the terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from cli.supervisor.log_files import KEPT_FILES, MAX_FILE_BYTES, MAX_LINE_BYTES, PartLog
from cli.supervisor.parts import Part, Stage
from cli.supervisor.terminal import REPEAT_AFTER_SECONDS, TerminalOutput, alert_in, exit_text, readable

pytestmark = pytest.mark.unit

PART = Part("identity", (), "", "127.0.0.1:1", (), Stage.SERVICES)


class Screen:
    """A terminal with readable text, on a clock that the test moves."""

    def __init__(self, *, verbose: bool = False) -> None:
        self._text = io.StringIO()
        self.now = 0.0
        self.report = TerminalOutput(
            Console(file=self._text, width=200), verbose=verbose, monotonic=lambda: self.now
        )

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self._text.getvalue().splitlines()]


@pytest.mark.parametrize("level", ["warning", "warn", "error", "critical", "ERROR", "fatal"])
def test_warnings_and_errors_are_alerts(level: str) -> None:
    alert = alert_in(
        json.dumps(
            {
                "level": level,
                "logger": "mesh.serving.grpc_server",
                "event": "disk is full",
                "code": 12,
                "timestamp": "now",
            }
        )
    )
    assert alert is not None
    assert alert.text == "disk is full code=12"


@pytest.mark.parametrize(
    "line",
    [
        '{"level": "info", "event": "serving"}',
        "Traceback (most recent call last):",
        "[1, 2]",
        '"text"',
        "",
        '{"event": "no level"}',
        "{broken",
        '{"level": "warning", "logger": "mesh.security", "event": "security event"}',
    ],
)
def test_other_lines_are_no_alerts(line: str) -> None:
    assert alert_in(line) is None


def test_many_security_events_are_an_alert_with_their_kind() -> None:
    line = '{"level":"warning","logger":"mesh.x","event":"security events","kind":"guess","count":40}'
    alert = alert_in(line)
    assert alert is not None
    assert alert.text == "security events kind=guess count=40"


def test_the_message_field_of_zap_is_understood() -> None:
    alert = alert_in('{"level":"error","ts":1,"logger":"livekit","caller":"x.go:1","msg":"no key"}')
    assert alert is not None
    assert alert.text == "no key"


def test_a_librarys_warnings_stay_in_the_log() -> None:
    assert (
        alert_in(
            '{"level": "warning", "logger": "livekit.agents", "event": "inference is slower than realtime"}'
        )
        is None
    )
    assert alert_in('{"level": "error", "logger": "livekit.agents", "event": "out of memory"}') is not None


def test_a_caller_who_hangs_up_is_no_error() -> None:
    assert (
        alert_in(
            '{"level": "error", "logger": "livekit", "msg": "error reading data channel", "error": "closed"}'
        )
        is None
    )


def test_an_alert_is_one_line() -> None:
    alert = alert_in(json.dumps({"level": "error", "event": "blocked\n  File x", "error": "y" * 500}))
    assert alert is not None
    assert alert.text == "blocked error=" + "y" * 120


def test_an_alert_that_repeats_is_shown_once_a_minute() -> None:
    screen = Screen()
    line = '{"level": "warning", "logger": "services.identity.store.store", "event": "slow"}'
    for _ in range(3):
        screen.report.logged(PART, line)
    screen.now = REPEAT_AFTER_SECONDS
    screen.report.logged(PART, line)
    assert screen.lines == ["! identity      slow"] * 2


def test_the_terminal_shows_everything_when_verbose() -> None:
    screen = Screen(verbose=True)
    screen.report.logged(PART, "[plain] text")
    assert screen.lines == ["identity        [plain] text"]


def test_a_crash_is_shown_with_the_last_log_line_and_the_delay() -> None:
    screen = Screen()
    screen.report.died(PART, -9, '{"level": "error", "event": "out of [memory]"}', 0.5)
    assert screen.lines == ["✗ identity      was killed (signal 9); restarting in 0.5 s: out of [memory]"]


def test_endings_in_words() -> None:
    assert exit_text(3) == "ended (exit code 3)"
    assert exit_text(-15) == "was killed (signal 15)"


def test_any_log_line_becomes_readable() -> None:
    assert readable('{"level": "info", "event": "stopping"}') == "stopping"
    assert readable("ImportError: no") == "ImportError: no"
    assert readable("[1]") == "[1]"


def test_lines_split_by_the_pipe_are_joined_and_the_last_needs_no_line_break(tmp_path: Path) -> None:
    heard: list[str] = []
    log = PartLog(tmp_path / "a.log", heard.append)
    for piece in (b"fir", b"st\nsec", b"ond\n\nthi", b"rd"):
        log.data_received(piece)
    log.close()
    assert heard == ["first", "second", "third"]
    assert log.last_line == "third"
    assert (tmp_path / "a.log").read_bytes() == b"first\nsecond\n\nthird"


def test_an_endless_line_does_not_fill_the_memory(tmp_path: Path) -> None:
    heard: list[str] = []
    log = PartLog(tmp_path / "a.log", heard.append)
    for _ in range(100):
        log.data_received(b"x" * 10_000)
    log.close()
    assert max(map(len, heard)) <= 64_000
    assert (tmp_path / "a.log").stat().st_size == 1_000_000


def test_a_full_log_of_an_earlier_run_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"x" * MAX_FILE_BYTES)
    log = PartLog(path, print)
    log.data_received(b"old\nnew\n")
    log.close()
    assert path.read_bytes() == b"new\n"
    assert path.with_suffix(".log.1").stat().st_size == MAX_FILE_BYTES + len(b"old\n")


def test_logs_stay_bounded_while_a_part_runs_and_the_latest_lines_are_there_whole_and_in_order(
    tmp_path: Path,
) -> None:
    heard: list[str] = []
    log = PartLog(tmp_path / "a.log", heard.append)
    lines = [f"{number} ".ljust(1 + number % 7_000, "x") for number in range(12_000)]
    said = "".join(f"{line}\n" for line in lines).encode()
    assert len(said) > (KEPT_FILES + 2) * MAX_FILE_BYTES
    for start in range(0, len(said), 60_001):
        log.data_received(said[start : start + 60_001])
    log.close()
    files = [*(tmp_path / f"a.log.{age}" for age in range(KEPT_FILES, 0, -1)), tmp_path / "a.log"]
    assert set(tmp_path.iterdir()) == set(files)
    assert all(file.stat().st_size <= MAX_FILE_BYTES + MAX_LINE_BYTES for file in files)
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    kept = [line for file in files for line in file.read_text().splitlines()]
    assert kept == lines[-len(kept) :]
    assert len("\n".join(kept)) > KEPT_FILES * (MAX_FILE_BYTES - 10_000)
    assert all(file.read_bytes().endswith(b"\n") for file in files)
    assert heard == [line.strip() for line in lines]


def test_a_line_without_end_is_cut_rather_than_let_a_log_grow(tmp_path: Path) -> None:
    log = PartLog(tmp_path / "a.log", print)
    for _ in range(2 * MAX_FILE_BYTES // MAX_LINE_BYTES):
        log.data_received(b"x" * MAX_LINE_BYTES)
    log.close()
    assert (tmp_path / "a.log.1").stat().st_size <= MAX_FILE_BYTES + 2 * MAX_LINE_BYTES


def test_a_log_is_for_its_owner_alone(tmp_path: Path) -> None:
    PartLog(tmp_path / "a.log", print).close()
    assert (tmp_path / "a.log").stat().st_mode & 0o077 == 0
