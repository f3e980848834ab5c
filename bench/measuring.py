"""Running whole processes against the server, one at a time and by turns, and what each of them took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, TYPE_CHECKING

from bench.agreed import UPLOAD_PATH, Request
from bench.candidates import CREDENTIALS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.candidates import Candidate

_REPOSITORY = Path(__file__).resolve().parent.parent
_LAUNCH = (sys.executable, "-I", "-S", _REPOSITORY / "bench" / "launch.py")
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that `ru_maxrss` counts in."""


class MeasurementError(Exception):
    """A run that didn't do what was to be measured. The text says what it did."""


@dataclass(frozen=True)
class Job:
    """One thing to measure: a tool and its files. `uploads` tells that it shall upload them all, else it is free to."""

    candidate: Candidate
    files: tuple[Path, ...]
    uploads: bool = True


@dataclass(frozen=True)
class Sample:
    """The cost of one process: wall-clock seconds from start to end, peak memory in bytes, requests."""

    seconds: float
    peak: int
    requests: Sequence[Request]

    @property
    def uploads(self) -> int:
        """The number of uploads among its requests."""
        return sum(request.method == "POST" for request in self.requests)


@dataclass(frozen=True)
class Samples:
    """The costs of the runs of one job."""

    job: Job
    runs: Sequence[Sample]

    @property
    def seconds(self) -> float:
        """The median."""
        return median(run.seconds for run in self.runs)

    @property
    def fastest(self) -> float:
        """The shortest run's seconds."""
        return min(run.seconds for run in self.runs)

    @property
    def slowest(self) -> float:
        """The longest run's seconds."""
        return max(run.seconds for run in self.runs)

    @property
    def peak(self) -> float:
        """The median of the peaks of memory, in bytes."""
        return median(run.peak for run in self.runs)


class Stage:
    """A running server, and where tools run: a home folder with nothing in it, and a project for Hatch to stand in."""

    def __init__(self, told: IO[str], answers: IO[str], folder: Path) -> None:
        self._told, self._answers = told, answers
        self._url = f"http://127.0.0.1:{int(answers.readline())}{UPLOAD_PATH}"
        self._output = folder / "output.txt"
        self._project = folder / "project"
        self._project.mkdir()
        self._project.joinpath("pyproject.toml").write_text(
            '[project]\nname = "bench"\nversion = "1"\n', encoding="utf-8"
        )
        home = folder / "home"
        home.mkdir()
        self._environment = {
            **CREDENTIALS,
            "HOME": str(home),
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }

    def interleaved(self, jobs: Sequence[Job], rounds: int) -> Sequence[Samples]:
        """Run every job once a round, each round beginning with another; a round before them fills caches and isn't counted.

        A shared machine is slower at one time than at another: this way, every job has its part of both. Raises
        `MeasurementError`.
        """
        runs: dict[Job, list[Sample]] = {job: [] for job in jobs}
        turns = deque(jobs)
        for _ in range(rounds + 1):
            for job in turns:
                runs[job].append(self.run(job))
            turns.rotate(-1)
        return [Samples(job, samples[1:]) for job, samples in runs.items()]

    def run(self, job: Job) -> Sample:
        """Run one tool to its end, as a process of its own. Raises `MeasurementError`."""
        command = job.candidate.command(self._url, job.files)
        with self._output.open("wb") as output:
            done = subprocess.run(
                [*_LAUNCH, *command],
                cwd=self._project,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                check=True,
            )
        seconds, peak, status = done.stdout.split()
        sample = Sample(float(seconds), int(peak) * _MAXRSS_UNIT, self._take_requests())
        if status != "0" or not _is_as_told(job, sample):
            said = self._output.read_text(encoding="utf-8", errors="replace")
            message = f"{job.candidate.name} ended with status {status}, after {sample.requests}:\n{said}"
            raise MeasurementError(message)
        return sample

    def _take_requests(self) -> list[Request]:
        print(file=self._told, flush=True)
        return [Request(**fields) for fields in json.loads(self._answers.readline())]


def _is_as_told(job: Job, sample: Sample) -> bool:
    """True if exactly the expected files were uploaded, each once and whole."""
    if not job.uploads:
        return True
    sent = {request.filename: request.size for request in sample.requests if request.method == "POST"}
    whole = all(sent.get(file.name, 0) > file.stat().st_size for file in job.files)
    return whole and sample.uploads == len(job.files)


@contextmanager
def stage(*options: str) -> Iterator[Stage]:
    """A stage during the block, with a server of its own; `options` are those of `python -m bench.server`."""
    command = [sys.executable, "-m", "bench.server", *options]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        subprocess.Popen(command, cwd=_REPOSITORY, stdin=pipe, stdout=pipe, text=True) as server,
    ):
        assert server.stdin  # noqa: S101 - mypy can't see that both were asked for
        assert server.stdout  # noqa: S101
        yield Stage(server.stdin, server.stdout, Path(folder))
