"""Attest the files of a run in threads of its own, in the order of their upload, while others are uploaded."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hatch_tokenindex.attesting.attestor import Attestor, MadeAttestation

JOBS = 4
"""Files that are attested at once."""
_LOOK_FOR_INTERRUPT = 0.1
"""Seconds: Windows delivers Ctrl-C only to a thread that isn't waiting."""


@dataclass(eq=False)
class _Pending:
    """One file, and what came of it once `done` is set."""

    path: Path
    made: MadeAttestation | None = None
    error: BaseException | None = None
    done: Event = field(default_factory=Event)


class AttestedFiles:
    """The attestations of files, made from `start` on. Any thread may ask for one, and waits until it is there."""

    def __init__(self, attestor: Attestor, paths: Iterable[Path]) -> None:
        self._attestor = attestor
        self._pending = {path: _Pending(path) for path in paths}
        self._waiting = deque(self._pending.values())

    def __contains__(self, path: Path) -> bool:
        return path in self._pending

    def start(self) -> None:
        """Begin; the threads never keep the process from ending."""
        for number in range(min(JOBS, len(self._waiting))):
            Thread(target=self._work, name=f"attest-{number}", daemon=True).start()

    def of(self, path: Path) -> MadeAttestation:
        """Return the attestation of a file.

        Raises:
            AttestationError: It could not be made, or a service did not answer within its time limit.
            TokenIndexError: The file can't be read, or the trust configuration can't be used.
        """
        pending = self._pending[path]
        while not pending.done.wait(_LOOK_FOR_INTERRUPT):
            if overdue := self._attestor.exchanges.overdue():
                self._attestor.fail(overdue)
                raise overdue
        if pending.made is None:
            raise pending.error or AssertionError
        return pending.made

    def wait(self) -> None:
        """Wait until every file is attested. Raises like `of`."""
        for path in self._pending:
            self.of(path)

    def stop(self) -> None:
        """Begin no other file: nobody waits for it any more."""
        self._waiting.clear()

    def _work(self) -> None:
        while True:
            try:
                pending = self._waiting.popleft()
            except IndexError:
                return
            try:
                pending.made = self._attestor.attest(pending.path)
            except BaseException as error:  # noqa: BLE001 - handed to whoever asks
                pending.error = error
            finally:
                pending.done.set()
