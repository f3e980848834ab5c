"""The progress of uploads: a bar per file on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from hatch_tokenindex.text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.progress import Progress, ProgressColumn, TaskID

    from hatch_tokenindex.console.terminal import Terminal
    from hatch_tokenindex.distributions import Distribution

INTERVAL = 30.0
"""Seconds between two lines about one file where no bar is shown."""
WORTH_A_LINE = 1_000_000
"""Bytes from which the begin of an upload is worth a line where no bar is shown."""
_WIDE, _MEDIUM = 100, 60
_MOST_SINGLE_BARS = 4
_SHORTEST_NAME = 8


class UploadProgress:
    """Shows how much of each file was sent. Any thread may use it."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._bars: Progress | None = None
        self._tasks: dict[Path, TaskID] = {}
        self._total: TaskID | None = None
        self._last_line: dict[Path, float] = {}
        self._lock = Lock()

    @contextmanager
    def showing(self, items: list[Distribution]) -> Iterator[None]:
        """Show a bar for each file that is being uploaded, and one for all if they are many, on a terminal with colours."""
        console = self._terminal.console
        if self._terminal.verbosity < 0 or not console.is_interactive or not sys.stderr.isatty():
            yield
            return
        from rich.progress import Progress

        console.stderr = True
        try:
            with Progress(*_columns(console.width), console=console, transient=True) as self._bars:
                if len(items) > _MOST_SINGLE_BARS:
                    size = sum(item.size for item in items)
                    self._total = self._bars.add_task(f"all {len(items)} files", total=size)
                yield
        finally:
            console.stderr = False
            self._bars = self._total = None
            self._tasks.clear()

    def begin(self, item: Distribution) -> None:
        """Show that the upload of a file begins."""
        with self._lock:
            self._last_line[item.path] = monotonic()
            if self._bars is not None:
                name = _shortened(escaped(item.filename), _width_of_name(self._terminal.console.width))
                self._tasks[item.path] = self._bars.add_task(name, total=item.size)
                return
        if item.size >= WORTH_A_LINE and sys.stderr and sys.stderr.isatty():
            self._terminal.info(f"{self._terminal.path(item.path)} ... uploading ({megabytes(item.size)})")

    def update(self, item: Distribution, size: int) -> None:
        """Show that `size` bytes of a file were handed to the network."""
        with self._lock:
            bars, task = self._bars, self._tasks.get(item.path)
            if bars is not None and task is not None:
                bars.update(task, completed=size)
                if self._total is not None:
                    sent = sum(each.completed for each in bars.tasks if each.id != self._total)
                    bars.update(self._total, completed=sent)
                return
            now = monotonic()
            if now - self._last_line.get(item.path, now) < INTERVAL:
                return
            self._last_line[item.path] = now
        self._terminal.info(f"{self._terminal.path(item.path)} ... {megabytes(size)} of {megabytes(item.size)}")

    def end(self, item: Distribution) -> None:
        """Stop showing a file."""
        with self._lock:
            self._last_line.pop(item.path, None)
            task = self._tasks.get(item.path)
            if self._bars is not None and task is not None:
                self._bars.update(task, visible=False)


def megabytes(size: int) -> str:
    """Return a size in bytes as users read it."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"  # noqa: PLR2004


def _columns(width: int) -> list[ProgressColumn]:
    """Return what fits: numbers are never wrapped, and the name gives way."""
    from rich.progress import BarColumn, DownloadColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as SpeedColumn
    from rich.table import Column

    def column() -> Column:
        return Column(no_wrap=True)

    name = TextColumn("{task.description}", markup=False, table_column=column())
    remaining = TimeRemainingColumn(compact=True, table_column=column())
    if width < _MEDIUM:
        return [name, TaskProgressColumn(table_column=column()), remaining]
    download = DownloadColumn(table_column=column())
    if width < _WIDE:
        return [name, BarColumn(bar_width=12), download, remaining]
    return [name, BarColumn(bar_width=24), download, SpeedColumn(table_column=column()), remaining]


def _width_of_name(width: int) -> int:
    """Return the columns that are left for a name beside the columns of numbers."""
    others = 16 if width < _MEDIUM else 42 if width < _WIDE else 66
    return max(_SHORTEST_NAME, width - others)


def _shortened(name: str, width: int) -> str:
    """Shorten a file name in its middle: its ends tell the project and the platform."""
    if len(name) <= width:
        return name
    begin = (width - 1) // 2
    return f"{name[:begin]}…{name[len(name) - (width - 1 - begin) :]}"
