"""The end of every run: whatever happens inside becomes a text for the person and an exit status."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING

import click

from hatch_tokenindex.errors import TokenIndexError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_tokenindex.console.terminal import Terminal


def guarded(terminal: Terminal, run: Callable[[], None]) -> int:
    """Run it, and answer the exit status. No exception leaves this: Hatch's debug tracebacks print variables."""
    try:
        return _told(terminal, run)
    except Exception:  # noqa: BLE001 - standard error is full or closed: nobody can be told
        return 1


def _told(terminal: Terminal, run: Callable[[], None]) -> int:
    try:
        run()
    except TokenIndexError as error:
        terminal.error(str(error))
    except (KeyboardInterrupt, click.exceptions.Abort, EOFError):
        terminal.error("Aborted.")
    except Exception as error:  # noqa: BLE001 - a bug of ours; its own text could quote a secret
        frame = traceback.extract_tb(error.__traceback__)[-1]
        terminal.error(
            f"This is a bug in hatch-tokenindex, please report it: {type(error).__name__} in {frame.name} "
            f"({frame.filename}, line {frame.lineno})."
        )
        if os.environ.get("HATCH_DEBUG") in {"1", "true"}:
            terminal.error("".join(traceback.format_tb(error.__traceback__)))
    else:
        return 0
    return 1
