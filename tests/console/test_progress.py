"""The progress of uploads: which columns fit, names that are too long, and what is left without a terminal."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from distribution_builders import make_wheel
from rich.console import Console
from rich.progress import Progress

from hatch_tokenindex.console import progress
from hatch_tokenindex.console.progress import UploadProgress, megabytes
from hatch_tokenindex.console.terminal import Terminal
from hatch_tokenindex.distributions import Distribution, read

if TYPE_CHECKING:
    from pathlib import Path


class TerminalText(io.StringIO):
    """A terminal's text, kept."""

    def isatty(self) -> bool:
        """Say that it is a terminal."""
        return True


@pytest.fixture
def item(tmp_path: Path) -> Distribution:
    return replace(read(make_wheel(tmp_path, name="a_project_with_a_rather_long_name_for_a_terminal")), size=2_500_000)


def shown_at(width: int, item: Distribution, monkeypatch: pytest.MonkeyPatch, *, files: int = 1) -> str:
    """Return what a terminal of a width shows while a file is half sent."""
    terminal_text = TerminalText()
    monkeypatch.setattr(sys, "stderr", terminal_text)
    shown = UploadProgress(Terminal(Console(force_terminal=True, width=width, file=terminal_text)))
    with shown.showing([item] * files):
        shown.begin(item)
        shown.update(item, item.size // 2)
        bars = shown._bars  # noqa: SLF001 - as it is while it is shown
        assert isinstance(bars, Progress)
        console = Console(width=width, file=io.StringIO(), record=True)
        console.print(bars)
        shown.end(item)
    return console.export_text().rstrip()


@pytest.mark.parametrize(
    ("width", "expected", "absent"),
    [(40, ["50%"], ["MB"]), (80, ["1.2/2.5 MB"], ["MB/s"]), (120, ["1.2/2.5 MB"], [])],
)
def test_a_file_takes_one_line_at_every_width(
    item: Distribution, monkeypatch: pytest.MonkeyPatch, width: int, expected: list[str], absent: list[str]
) -> None:
    text = shown_at(width, item, monkeypatch)
    assert len(text.splitlines()) == 1
    assert len(text) <= width
    assert text.startswith("a_proj")
    assert "…" in text
    assert all(part in text for part in expected)
    assert not any(part in text for part in absent)


def test_a_short_name_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_at(120, read(make_wheel(tmp_path)), monkeypatch).startswith("demo-1.0-py3-none-any.whl")


def test_many_files_have_a_line_for_all(item: Distribution, monkeypatch: pytest.MonkeyPatch) -> None:
    one, everything = sorted(shown_at(80, item, monkeypatch, files=5).splitlines(), key=lambda line: "all" in line)
    assert "1.2/2.5 MB" in one
    assert "all 5 files" in everything
    assert "1.2/12.5 MB" in everything


def test_a_terminal_without_bars_shows_when_a_large_file_begins(
    item: Distribution, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TerminalText()
    monkeypatch.setattr(sys, "stderr", text)
    UploadProgress(Terminal(Console(file=text, width=200))).begin(item)
    assert f"{item.filename} ... uploading (2.5 MB)" in text.getvalue()


def test_a_log_has_a_line_from_time_to_time(item: Distribution, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", text := io.StringIO())
    now = 1000.0
    monkeypatch.setattr(progress, "monotonic", lambda: now)
    shown = UploadProgress(Terminal(Console(file=text, width=200)))
    shown.begin(item)
    for seconds, size in ((29, 100_000), (31, 200_000), (32, 300_000), (62, 99_000)):
        now = 1000.0 + seconds
        shown.update(item, size)
    shown.end(item)
    lines = [line.rpartition(" ... ")[2] for line in text.getvalue().splitlines()]
    assert lines == ["0.2 MB of 2.5 MB", "99.0 kB of 2.5 MB"]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0.0 kB"), (99_999, "100.0 kB"), (100_000, "0.1 MB"), (10**9, "1000.0 MB")]
)
def test_sizes(size: int, text: str) -> None:
    assert megabytes(size) == text
