"""`python -m bench NAMES...`: run benchmarks and print their results as Markdown."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path

import click

from bench.benchmarks import BENCHMARKS
from bench.candidates import versions
from bench.measuring import MeasurementError


@click.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice(["all", *BENCHMARKS]))
@click.option(
    "--rounds", type=click.IntRange(min=1), help="How often each tool is run (default: what each benchmark needs)."
)
def main(names: tuple[str, ...], rounds: int | None) -> None:
    """Compare the time and memory that upload tools take, on files and a server of this benchmark's own."""
    if sys.platform == "win32":
        message = "The memory of a process that has ended is asked for with `os.wait4`, which Windows doesn't have."
        raise click.ClickException(message)
    machine = f"{platform.system()}, Python {platform.python_version()}, {os.cpu_count()} processors"
    click.echo(f"{versions()}; {machine}, load {os.getloadavg()[0]:.1f} at the start.")
    for name in BENCHMARKS if "all" in names else names:
        benchmark, usual_rounds = BENCHMARKS[name]
        with tempfile.TemporaryDirectory(prefix="bench-files-") as folder:
            try:
                finding = benchmark(Path(folder), rounds or usual_rounds)
            except MeasurementError as error:
                raise click.ClickException(str(error)) from None
        click.echo(f"\n{finding.as_markdown()}")


main()
