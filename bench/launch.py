"""Run a command to its end: `python -I -S launch.py COMMAND...`; prints its seconds, `ru_maxrss` and exit status.

A process of its own that imports next to nothing: Linux counts the peak memory of whoever starts a command as the command's.
What the command prints goes to standard error.
"""

from __future__ import annotations

import os
import sys
import time

_TO_STANDARD_ERROR = [(os.POSIX_SPAWN_DUP2, 2, 1)]

began = time.perf_counter()
process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=_TO_STANDARD_ERROR)
_, status, usage = os.wait4(process, 0)
print(time.perf_counter() - began, usage.ru_maxrss, os.waitstatus_to_exitcode(status))  # noqa: T201 - this is its answer
