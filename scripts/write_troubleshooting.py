"""Write `docs/troubleshooting.md`: the table of refusals, each with the messages that the tests play back for it."""

from __future__ import annotations

import re
import runpy
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.index.kinds import KINDS
from hatch_tokenindex.index.refusals import CONNECTION_ROWS, GROUPS, render
from hatch_tokenindex.index.refusals.placeholders import attempt_placeholders, response_placeholders

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hatch_tokenindex.index.refusals import Row

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "troubleshooting.md"
TESTS = ROOT / "tests/index/refusals/test_table.py"

_NO_RESPONSE = "No response"
_ACCEPTED = "Credentials of indexes other than PyPI"
_INTRODUCTION = """\
# Troubleshooting

When an upload fails, the error shows the index's own message, what was sent, the cause, and a fix:

```text
{example}
```

This page lists every error that the plugin recognises. Search it for a few words of the index's message. A response
that isn't listed here is shown unchanged; ask the administrator of the index about it.

Three things help with any error:

- `hatch publish -p tokenindex -o explain` shows which credential would be used and why. It uploads nothing.
- `hatch publish -p tokenindex -o dry-run` does everything except the upload and finds most problems with files.
- You can always run the same command again: files already uploaded are skipped.

In the examples, version 1.0 of a project named Demo.Project is published, mostly to PyPI and with an API token from the
environment variable `HATCH_INDEX_AUTH`. Your error names your project, your index and the origin of your credential.
"""
_IN_GENERAL = {
    "when": "at the time that the error shows",
    "response_url": "The upload URL",
    "location": "another URL",
    "accepted": f"See the [credentials that it accepts](#{_ACCEPTED.lower().replace(' ', '-')}).",
}
"""Values of placeholders for which an example would say too little."""
_RETRIED = "The upload is retried automatically, with increasing pauses, before this error is shown."


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8", newline="\n")


def page() -> str:
    """Return the whole page."""
    sys.path.insert(0, str(TESTS.parent))
    tests = runpy.run_path(str(TESTS))
    cases = tests["CASES"]
    example = next(case for case in cases if case.key == "token-unknown")
    titles = [*(group.title for group in GROUPS), _NO_RESPONSE, _ACCEPTED]
    parts = [
        _INTRODUCTION.format(example=render(example.refused)),
        "".join(f"- [{title}](#{_anchor(title)})\n" for title in titles),
    ]
    for group in GROUPS:
        entries = (_response_entry(row, [case for case in cases if case.key == row.key]) for row in group.rows)
        parts += [f"## {group.title}\n", *entries]
    values = attempt_placeholders(tests["NEXUS"])
    failures = (_entry(row, [failure.value], values) for failure, row in CONNECTION_ROWS.items())
    parts += [f"## {_NO_RESPONSE}\n", *failures]
    parts += [f"## {_ACCEPTED}\n", "".join(_paragraph(kind.credential, "- ", "  ") for kind in KINDS if kind.credential)]
    return "\n".join(parts)


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _response_entry(row: Row, cases: Sequence[Any]) -> str:
    """Return an entry that quotes every message in the tests; the first of them gives the values of placeholders."""
    answer = next(iter(cases[0].answers.values()))
    values = {**attempt_placeholders(cases[0].attempt), **response_placeholders(answer, str), **_IN_GENERAL}
    return _entry(row, (case.refused.message[0] for case in cases), values)


def _entry(row: Row, messages: Iterable[str], values: Mapping[str, str]) -> str:
    quoted = [_paragraph(_linked(_quoted(line)), "> ") for line in dict.fromkeys(messages)]
    paragraphs = [
        f"### {row.title}\n",
        ">\n".join(quoted),
        _paragraph(_linked(row.why.format_map(values))),
        _paragraph(f"**Fix:** {_linked(row.step.format_map(values))}"),
        *([_paragraph(_RETRIED)] if row.retry else []),
    ]
    return "\n".join(paragraphs)


def _paragraph(text: str, begin: str = "", indent: str | None = None) -> str:
    """Wrap a paragraph; its first line begins with `begin`, the others with `indent` (by default the same)."""
    lines = textwrap.wrap(
        text,
        width=120,
        initial_indent=begin,
        subsequent_indent=begin if indent is None else indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "".join(f"{line}\n" for line in lines)


def _quoted(text: str) -> str:
    """Escape a server's text for Markdown, with long repetitions cut short."""
    short = re.sub(r"(\w{1,2})\1{20,}", r"\1\1\1...", text)
    return re.sub(r"[\\`*<\[]|(?<!\w)_|_(?!\w)", r"\\\g<0>", short)


def _linked(text: str) -> str:
    """Link bare URLs, and format names of environment variables as code."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") else _marked(piece) for piece in pieces)


def _marked(text: str) -> str:
    text = re.sub(r"https?://[^\s()]+[^\s().,;:']", r"<\g<0>>", text)
    return re.sub(r"\b[A-Z]+(?:_[A-Z]+)+(?:=\S+[^\s.])?", r"`\g<0>`", text)


if __name__ == "__main__":
    main()
