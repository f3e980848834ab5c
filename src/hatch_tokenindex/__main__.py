"""`python -m hatch_tokenindex`: the same as the `hatch-tokenindex` command."""

from __future__ import annotations

from hatch_tokenindex.cli import main

if __name__ == "__main__":
    main()
