"""`python -m bench.handshakes`: uploads in parallel to a TLS server that serves one connection at a time.

It uses the servers of the tests, so `tests` has to be on the path; `hatch run bench-handshakes:run` sees to that.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import monotonic

import click
import trustme
from hatch_process import Home, Project, run_hatch
from servers import RawServer
from servers.pypi import server_tls

from bench.files import KIB, make_release
from bench.report import Bound, Finding

WHEELS = 10
_NAME = "bench-handshakes"


def run(jobs: int) -> float:
    """Publish the wheels with so many jobs; return the seconds of the process."""

    def answer(head: bytes) -> list[bytes]:
        status = b"200 OK" if head.startswith(b"POST") else b"404 Not Found"
        return [b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]

    authority = trustme.CA()
    with (
        tempfile.TemporaryDirectory(prefix="bench-handshakes-") as place,
        RawServer(answer, server_tls(authority)) as server,
    ):
        folder = Path(place)
        folder.joinpath("home").mkdir()
        project = Project(folder / "project", _NAME)
        *wheels, _sdist = make_release(project.dist, _NAME, "1.0", 256 * KIB, wheels=WHEELS)
        # Stands for the system's store: a `ca-cert` would be another one.
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        command = ("publish", "-p", "tokenindex", "-r", server.url, "-o", f"jobs={jobs}", *map(str, wheels))
        env = {"HATCH_INDEX_AUTH": "x", "SSL_CERT_FILE": str(folder / "ca.pem")}
        began = monotonic()
        done = run_hatch(*command, cwd=project.folder, home=Home(folder / "home"), env=env)
        seconds = monotonic() - began
        uploads = sum(head.startswith(b"POST") for head in server.heads)
    if done.returncode or uploads != WHEELS:
        raise click.ClickException(done.output)
    return seconds


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=5, help="Runs of each kind.")
def main(rounds: int) -> None:
    """Compare the time of a release with 4 jobs and with 1, where the server takes one connection at a time."""
    # Each round runs both, so that a slow moment of the machine slows both down; the first one fills caches.
    times: dict[int, list[float]] = {1: [], 4: []}
    for number in range(rounds + 1):
        for jobs, found in times.items():
            seconds = run(jobs)
            if number:
                found.append(seconds)
    rows = [
        (f"`jobs={jobs}`", f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})")
        for jobs, found in times.items()
    ]
    finding = Finding(
        f"{WHEELS} files to a TLS server with one worker",
        f"{WHEELS} wheels of 256 KiB each; the server serves one connection after the other, the handshake included.",
        [("", "seconds"), *rows],
        [Bound("time with 4 jobs / with 1", median(times[4]) / median(times[1]), "at most", 1.5)],
    )
    click.echo(finding.as_markdown())


if __name__ == "__main__":
    main()
