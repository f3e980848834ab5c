"""A warm start, compared with a cold one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
import warm_process
from hatch_process import command

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_process import Home

pytestmark = pytest.mark.skipif(not warm_process.IS_SUPPORTED, reason="this system has no warm starts")

FACTS = """
import json, locale, os, signal, stat, sys, threading, time

streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
texts = ("encoding", "errors", "line_buffering", "newlines", "write_through")
on_terminal = sys.stdin.isatty()
facts = {
    "streams": {name: [getattr(stream, text) for text in texts] for name, stream in streams.items()},
    "kinds": [stat.S_IFMT(os.fstat(number).st_mode) for number in range(3)],
    "terminals": [stream.isatty() for stream in streams.values()],
    "open": sorted(number for number in map(int, os.listdir("/proc/self/fd")) if os.path.exists(f"/proc/self/fd/{number}")),
    "path": sys.path,
    "arguments": sys.argv,
    "main": [__name__, __file__, sys.modules["__main__"].__file__],
    "executable": sys.executable,
    "flags": list(sys.flags),
    "folder": os.getcwd(),
    "environment": dict(os.environ),
    "locale": locale.getlocale(),
    "zone": [time.tzname, time.localtime(0).tm_hour],
    "signals": {name: str(signal.getsignal(getattr(signal, name))) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE", "SIGCHLD")},
    "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "threads": threading.active_count(),
    "main thread": threading.current_thread() is threading.main_thread(),
    "umask": os.umask(0),
    "leads": [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()],
    "foreground": on_terminal and os.tcgetpgrp(0) == os.getpgrp(),
    "size": on_terminal and os.get_terminal_size(),
    "controls": on_terminal and open("/dev/tty").isatty(),
    "typed": sys.stdin.readline(),
}
with open(sys.argv[1], "w") as file:
    json.dump(facts, file, default=str)
print("to standard output")
print("to standard error", file=sys.stderr)
if sys.argv[2] == "a signal":
    os.kill(os.getpid(), signal.SIGTERM)
raise SystemExit(sys.argv[2] if sys.argv[2] == "a message" else 3)
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    """A console script that writes what it finds at its start into the file that it is given."""
    path = tmp_path / "bin" / "program"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\n{FACTS}", encoding="utf-8")
    path.chmod(0o700)
    return str(path)


@pytest.fixture
def environment(home: Home) -> dict[str, str]:
    """The environment of a process that isn't measured: coverage.py changes how it ends on a signal."""
    return {name: value for name, value in home.environment.items() if not name.startswith("COVERAGE")}


@pytest.mark.parametrize("end", ["a status", "a message", "a signal"])
def test_a_warm_start_on_pipes(program: str, environment: dict[str, str], tmp_path: Path, end: str) -> None:
    file = tmp_path / "facts.json"
    arguments = [program, str(file), end, "ü", "\udcff"]
    environment["TZ"] = "XYZ-7"

    cold = subprocess.run(arguments, cwd=tmp_path, env=environment, input=b"typed\n", capture_output=True, check=False)
    found = facts(file)
    warm = warm_process.run(arguments, cwd=tmp_path, environment=environment, stdin=b"typed\n", timeout=30)

    assert facts(file) == found
    assert found["zone"] == [["XYZ", "XYZ"], 7]
    assert (warm.returncode, warm.stdout, warm.stderr) == (cold.returncode, cold.stdout, cold.stderr)


@pytest.mark.parametrize("end", ["a status", "a signal"])
def test_a_warm_start_on_a_terminal(program: str, environment: dict[str, str], tmp_path: Path, end: str) -> None:
    from warm_terminal import WarmSpawn

    file = tmp_path / "facts.json"
    ends = []
    for spawn in (pexpect.spawn, WarmSpawn):
        process = spawn(program, [str(file), end], cwd=str(tmp_path), env=environment, dimensions=(33, 77), timeout=30)
        process.sendline("typed")
        process.expect(pexpect.EOF)
        process.wait()
        process.close()
        ends.append((facts(file), process.before, process.exitstatus, process.signalstatus))

    assert ends[0] == ends[1]
    assert ends[0][0]["controls"]
    assert ends[0][0]["size"] == [77, 33]


def facts(file: Path) -> dict[str, Any]:
    """The facts in the file, which is removed."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    return found


def test_a_process_that_does_not_end_in_time_is_ended(home: Home, tmp_path: Path) -> None:
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n", encoding="utf-8")
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        warm_process.run([str(sleeper)], cwd=tmp_path, environment=home.environment, stdin=b"", timeout=0.5)
    assert caught.value.output is not None
    with pytest.raises(ProcessLookupError):
        os.kill(int(caught.value.output), 0)


def test_a_process_that_needs_another_interpreter_is_started_cold(home: Home) -> None:
    hatch = command("hatch")
    assert warm_process.is_possible(hatch, home.environment)
    home.use_keyring("FileKeyring")
    assert warm_process.is_possible(hatch, home.environment)
    assert not warm_process.is_possible(sys.executable, home.environment)
    for variable in ("PYTHONPATH", "PYTHONWARNINGS", "LC_ALL", "LANG"):
        assert not warm_process.is_possible(hatch, {**home.environment, variable: "x"})
    assert not warm_process.is_possible(hatch, home.environment, stdin=b"x" * 100_000)
