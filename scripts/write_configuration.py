"""Write the tables of options and keys into the configuration page: `python scripts/write_configuration.py`."""

from __future__ import annotations

import re
from pathlib import Path

from hatch_tokenindex.config.keys import KEYS, RUN_KEYS, Key, Place, Trust

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
WHERE = {Place.TOP: "top", Place.REPOSITORY: "repository", Place.OPTION: "`-o`"}
RESTRICTIONS = {
    Trust.PERSONAL: "Not in a project's file.",
    Trust.PERSONAL_WITH_URL: "Not in a project's file.",
    Trust.PERSONAL_FOR_PYPI: "In a project's file, not for PyPI and TestPyPI.",
    Trust.PERSONAL_OR_OWN: "In a project's file, only for repositories that it defines, and not for URLs that `config.toml`"
    " has too.",
}


def updated(page: str) -> str:
    """Return the page with fresh tables between their marks."""
    others = [key for name, key in KEYS.items() if name not in RUN_KEYS]
    tables = {
        "options": ["| option | effect | default |", "| --- | --- | --- |", *(_row(key) for key in RUN_KEYS.values())],
        "keys": [
            "| key | meaning | default | where |",
            "| --- | --- | --- | --- |",
            *(f"{_row(key)} {_where(key)} |" for key in others),
        ],
    }
    for name, lines in tables.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, _, rest = page.partition(begin)
        page = "".join([before, begin, *(f"{line}\n" for line in lines), end, rest.partition(end)[2]])
    return page


def _row(key: Key) -> str:
    name = key.usage if key.name in RUN_KEYS else key.name
    default = f"`{key.shown_default}`" if key.shown_default else ""
    restriction = f" {RESTRICTIONS[key.trust]}" if key.trust in RESTRICTIONS else ""
    return f"| `{name}` | {_marked(key.help)}{restriction} | {default} |"


def _where(key: Key) -> str:
    return ", ".join(text for place, text in WHERE.items() if place in key.places)


def _marked(text: str) -> str:
    """Mark values, file names, variables and flags as code."""
    text = re.sub(r"\b(automatic|always|never|skip|fail|replace|true|false|main|test)(?=[:,.; (])", r"`\1`", text)
    return re.sub(r"(?<!\w)(-[or](?: URL)?|--yes|dist/|~/\.pypirc|HATCH_\w+)(?![\w/])", r"`\1`", text)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
