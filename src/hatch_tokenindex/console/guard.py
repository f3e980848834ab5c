"""The end of every run: whatever happens inside becomes a text for the user and an exit status."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from hatch_tokenindex.console.tty import restoring_terminal
from hatch_tokenindex.errors import TokenIndexError
from hatch_tokenindex.secrets import REDACTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hatch_tokenindex.console.terminal import Terminal

_ENDING_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class _EndedBySignalError(KeyboardInterrupt):
    """The process was asked to end. Everything that ends well after Ctrl-C does so after this too."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def guarded(terminal: Terminal, run: Callable[[], None]) -> int:
    """Run it and return the exit status. No exception leaves this: Hatch's debug tracebacks print variables."""
    try:
        with restoring_terminal(), _ending_signals_raised():
            return _reported(terminal, run)
    except Exception:  # noqa: BLE001 - nobody can be told
        return 1
    finally:
        REDACTOR.forget()


def _reported(terminal: Terminal, run: Callable[[], None]) -> int:
    try:
        run()
    except TokenIndexError as error:
        terminal.error(str(error))
    except _EndedBySignalError as ended:
        terminal.error(f"Ended by {signal.Signals(ended.number).name}.")
        return 128 + ended.number
    except (KeyboardInterrupt, click.exceptions.Abort, EOFError):
        terminal.error("Aborted.")
    except Exception as error:  # noqa: BLE001 - a bug of ours, whose own text could quote a secret
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


@contextmanager
def _ending_signals_raised() -> Iterator[None]:
    """Let SIGTERM and SIGHUP, where they would end the process at once, end the run as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    changed = [number for number in _ENDING_SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in changed:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


def _raise(number: int, _frame: object) -> NoReturn:
    raise _EndedBySignalError(number)
