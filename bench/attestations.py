"""`python -m bench.attestations`: the time that attestations add to a release, with a Sigstore on loopback.

It uses the servers of the tests, so `tests` has to be on the path; `hatch run bench-attestations:run` sees to that.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import TYPE_CHECKING

import click
from hatch_process import Home, Project, run_hatch
from servers import RecordingServer
from servers.oidc import GitHub, TrustingIndex
from servers.sigstore import Sigstore

from bench.files import KIB, make_release
from bench.report import Bound, Finding

if TYPE_CHECKING:
    from servers import Answer, Request

LATENCY = 0.05
"""Seconds that each service of Sigstore takes to answer."""
UPLOAD_TIME = 0.3
"""Seconds that the index takes for an upload."""
WHEELS = 24
_NAME = "bench-attested"


def run(mode: str) -> tuple[float, int]:
    """Publish a release in a fake job of GitHub; return the seconds of the process and the attested files."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-attested-") as place,
        RecordingServer() as server,
        GitHub() as github,
        Sigstore() as sigstore,
    ):
        folder = Path(place)
        folder.joinpath("home").mkdir()
        project = Project(folder / "project", _NAME)
        make_release(project.dist, _NAME, "1.0", 256 * KIB, wheels=WHEELS)
        sigstore.latency = LATENCY
        trust = sigstore.write_trust_config(folder / "trust.json")
        index = TrustingIndex(server)
        index.trust(_NAME)

        def respond(request: Request) -> Answer | None:
            if request.is_upload:
                sleep(UPLOAD_TIME)
            return index.respond(request)

        server.respond = respond
        options = ("-o", f"attestations={mode}", "-o", f"sigstore-trust-config={trust}", "-r", server.upload_url)
        command = ("publish", "-p", "tokenindex", *options)
        began = monotonic()
        done = run_hatch(*command, cwd=project.folder, home=Home(folder / "home"), env=github.job)
        seconds = monotonic() - began
        if done.returncode:
            raise click.ClickException(done.output)
        return seconds, sum(bool(upload.values("attestations")) for upload in server.uploads)


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=5, help="Runs of each kind.")
def main(rounds: int) -> None:
    """Compare the time of a release with and without attestations."""
    # Each round runs both, so that a slow moment of the machine slows both down; the first one fills caches.
    times: dict[str, list[float]] = {"never": [], "always": []}
    for number in range(rounds + 1):
        for mode, found in times.items():
            seconds, attested = run(mode)
            if attested != (WHEELS + 1 if mode == "always" else 0):
                msg = f"`attestations={mode}` attested {attested} files"
                raise click.ClickException(msg)
            if number:
                found.append(seconds)
    files = WHEELS + 1
    rows = [
        (f"`attestations={mode}`", f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})")
        for mode, found in times.items()
    ]
    added = median(times["always"]) - median(times["never"])
    finding = Finding(
        f"{files} files with attestations",
        f"{WHEELS} wheels and an sdist of 256 KiB each; the server takes {UPLOAD_TIME} s for an upload, each service of "
        f"Sigstore {LATENCY * 1000:.0f} ms. With `always`, every file is attested before the first upload.",
        [("", "seconds"), *rows],
        [Bound("added time", added, "at most", 0.5 + 0.1 * files, " s")],
    )
    click.echo(finding.as_markdown())


if __name__ == "__main__":
    main()
