"""Fuzz one parser of `tests/fuzz_targets.py` with atheris: `hatch run fuzz:run PARSER [FLAGS OF LIBFUZZER]`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
with atheris.instrument_imports(
    include=["hatch_tokenindex", "packaging", "configparser", "csv", "zipfile", "tarfile", "gzip", "email", "html"]
):
    from fuzz_targets import TARGETS


def main() -> None:
    """Fuzz the parser that the command line names; libFuzzer itself ends the process."""
    by_name = {target.name: target for target in TARGETS}
    if len(sys.argv) < 2 or sys.argv[1] not in by_name:  # noqa: PLR2004
        sys.exit(f"Usage: python scripts/fuzz.py {'|'.join(by_name)} [FLAGS OF LIBFUZZER]")
    target = by_name[sys.argv.pop(1)]
    corpus, folder = (Path(tempfile.mkdtemp(prefix=f"fuzz-{target.name}-")) for _ in range(2))
    for number, seed in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(seed)

    def feed(content: bytes) -> None:
        target.feed(content, folder)

    flags = (f"-max_len={target.limit}", "-timeout=10", "-print_final_stats=1")
    atheris.Setup([sys.argv[0], *flags, *sys.argv[1:], str(corpus)], feed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
