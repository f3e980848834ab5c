"""The five benchmarks. Each takes an empty folder for its files and how many rounds to run, and answers a `Finding`."""

from __future__ import annotations

import os
from statistics import median
from typing import TYPE_CHECKING

from bench.candidates import CURL, INDEX, OURS, PEERS, TWINE, UV_CHECKING, has_curl
from bench.files import KIB, MIB, make_release, make_wheel
from bench.measuring import Job, stage
from bench.report import Bound, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from bench.candidates import Candidate
    from bench.measuring import Samples

ROUND_TRIP = 0.040
"""Seconds to the server and back."""
UPLOAD_TIME = 0.3
"""Seconds that the server takes for an upload."""
RATE = 200e6
"""Bytes a second that the line lets through."""
LARGE = 512 * MIB


def release(folder: Path, rounds: int) -> Finding:
    """Many files of one release, on a server that is far away and takes its time."""
    files = make_release(folder, "bench-release", "1.0", 256 * KIB, wheels=24)
    with stage("--round-trip", str(ROUND_TRIP), "--upload-time", str(UPLOAD_TIME)) as on:
        ours, *peers = on.interleaved(_jobs((OURS, *PEERS), files), rounds)
    return Finding(
        "25 files of one release",
        f"24 wheels and an sdist of 256 KiB each; the server takes {UPLOAD_TIME} s for an upload, the round trip 40 ms.",
        _times(ours, peers),
        [_bound_to_fastest(ours, peers, "at most", 0.40)],
    )


def large(folder: Path, rounds: int) -> Finding:
    """One large wheel, through a line that is slower than this machine."""
    files = [make_wheel(folder, "bench-large", "1.0", LARGE)]
    # What is still on its way to the disk would slow down whoever reads it.
    os.sync()
    curl = [CURL] if has_curl() else []
    with stage() as on:
        unlimited = on.interleaved(_jobs(curl, files), rounds)
    with stage("--rate", str(RATE)) as on:
        ours, *others = on.interleaved(_jobs((OURS, *PEERS, *curl), files), rounds)
    return Finding(
        "One wheel of 512 MiB",
        "Line limited to 200 MB/s, no round trip: the bytes alone take 2.68 s."
        + ("" if curl else " curl is not installed and left out."),
        _times(ours, others),
        [
            _bound_to_fastest(ours, others[: len(PEERS)], "below", 1.0),
            *(Bound(f"time / {CURL.name}", ours.seconds / it.seconds, "at most", 1.3) for it in others[len(PEERS) :]),
            *(
                Bound("what the server can take / the line", LARGE / it.seconds / RATE, "at least", 3.0)
                for it in unlimited
            ),
        ],
    )


def store(folder: Path, rounds: int) -> Finding:
    """The same large wheel, and a small one: peak memory, which must not grow with the file."""
    sizes = {size: [make_wheel(folder / str(size), "bench-memory", "1.0", size)] for size in (MIB, LARGE)}
    jobs = [Job(candidate, tuple(files)) for candidate in (OURS, *PEERS) for files in sizes.values()]
    with stage() as on:
        peaks = [samples.peak / MIB for samples in on.interleaved(jobs, rounds)]
    pairs = list(zip(peaks[::2], peaks[1::2], strict=True))
    rows = [
        (candidate.name, f"{one:.1f} MiB", f"{large:.1f} MiB", f"{large - one:+.1f} MiB")
        for candidate, (one, large) in zip((OURS, *PEERS), pairs, strict=True)
    ]
    (one, large), *_ = pairs
    return Finding(
        "Peak memory",
        "Peak resident set size of the process (`ru_maxrss`) while uploading a wheel of 1 MiB or 512 MiB.",
        [("", "1 MiB", "512 MiB", "difference"), *rows],
        [Bound("difference", large - one, "at most", 8.0, " MiB"), Bound("peak", large, "below", 80.0, " MiB")],
    )


def existing(folder: Path, rounds: int) -> Finding:
    """Many files that the index has already: what is asked, and whether something is uploaded all the same."""
    projects = [f"bench-existing-{number}" for number in range(4)]
    for project in projects:
        for version in ("1.0", "2.0"):
            make_release(folder, project, version, 16 * KIB, wheels=24)
    candidates = (OURS, INDEX, UV_CHECKING, TWINE)
    jobs = [Job(candidate, tuple(sorted(folder.iterdir())), uploads=False) for candidate in candidates]
    with stage("--round-trip", str(ROUND_TRIP), "--holds", str(folder)) as on:
        found = on.interleaved(jobs, rounds)
    rows = [
        (
            samples.job.candidate.name,
            f"{median(len(run.requests) for run in samples.runs):g}",
            f"{median(run.uploads for run in samples.runs):g}",
            _seconds(samples),
        )
        for samples in found
    ]
    ours = found[0].runs
    return Finding(
        "200 files that all exist already",
        "The files of 4 projects; round trip 40 ms. (twine can query only PyPI.)",
        [("", "requests", "uploads", "seconds"), *rows],
        [
            Bound("requests", max(len(run.requests) for run in ours), "exactly", len(projects)),
            Bound("pages", min(len({it.path for it in run.requests}) for run in ours), "exactly", len(projects)),
            Bound("uploads", max(run.uploads for run in ours), "exactly", 0),
        ],
    )


def small(folder: Path, rounds: int) -> Finding:
    """One small file, on a server that answers at once: what a tool takes to get going."""
    files = [make_wheel(folder, "bench-small", "1.0", 10 * KIB)]
    with stage() as on:
        ours, *peers = on.interleaved(_jobs((OURS, *PEERS), files), rounds)
    index = next(samples for samples in peers if samples.job.candidate is INDEX)
    return Finding(
        "One small file",
        "A wheel of 10 KiB, to a server that answers immediately: the time to start the process and read the file.",
        _times(ours, peers),
        [Bound(f"time / {INDEX.name}", ours.seconds / index.seconds, "at most", 1.25)],
    )


BENCHMARKS: Mapping[str, tuple[Callable[[Path, int], Finding], int]] = {
    "release": (release, 5),
    "large": (large, 5),
    "memory": (store, 3),
    "existing": (existing, 3),
    "small": (small, 25),
}
"""Each benchmark by its name, and how many rounds it needs for figures that stay the same."""


def _jobs(candidates: Iterable[Candidate], files: Iterable[Path]) -> list[Job]:
    return [Job(candidate, tuple(files)) for candidate in candidates]


def _bound_to_fastest(ours: Samples, peers: Sequence[Samples], relation: str, limit: float) -> Bound:
    """Return a promise about our time, compared with that of the fastest peer."""
    fastest = min(peers, key=lambda samples: samples.seconds)
    return Bound(f"time / fastest peer ({fastest.job.candidate.name})", ours.seconds / fastest.seconds, relation, limit)


def _times(ours: Samples, others: Iterable[Samples]) -> list[tuple[str, ...]]:
    rows = [
        (samples.job.candidate.name, _seconds(samples), f"{ours.seconds / samples.seconds:.2f}")
        for samples in (ours, *others)
    ]
    return [("", "seconds", "ours / this"), *rows]


def _seconds(samples: Samples) -> str:
    """The median, and between which values all runs were."""
    return f"{samples.seconds:.2f} ({samples.fastest:.2f} to {samples.slowest:.2f})"
