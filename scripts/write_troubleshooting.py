"""Write `docs/troubleshooting.md` from the table of refusals and the answers that the tests play back."""

from __future__ import annotations

import re
import runpy
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.index.kinds import KINDS
from hatch_tokenindex.index.refusals import GROUPS, ConnectionFailure
from hatch_tokenindex.index.refusals.placeholders import about_attempt, about_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hatch_tokenindex.index.refusals import Row

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "troubleshooting.md"
TESTS = ROOT / "tests/index/refusals/test_table.py"

_NO_ANSWER = "No response from the index"
_WANTED = "Credentials that other indexes accept"
_INTRODUCTION = """\
# Troubleshooting

When an index rejects an upload, the message shows what the index said, what was sent, and how to fix it:

```text
{example}
```

This page lists every answer that the plugin recognises. Search it for words from the index's message. For an
unrecognised answer, contact the administrator of the index and quote it. Other messages:

| message | see |
| --- | --- |
| `Unknown publisher: tokenindex` | [Check the installation](install.md#check-the-installation) |
| `Cannot prompt for a token` | [Without a keyring](credentials.md#without-a-keyring), or [in CI](how-to/ci.md#when-it-doesnt-work) |
| about a token or secret, before the upload | [Checks before an upload](credentials.md#checks-before-an-upload) |
| about Trusted Publishing | [When it fails](trusted-publishing.md#when-it-fails) |

`-o explain` shows which credential would be used, and why. `-o dry-run` finds most problems without uploading. You can
always run the same command again: files already uploaded are skipped.

The examples publish version 1.0 of a project Demo.Project, usually to PyPI with a token from `HATCH_INDEX_AUTH`. Links
to PyPI's help are left out of the quotes.
"""
_IN_GENERAL = {
    "when": "at the time in the message",
    "answered": "The URL",
    "location": "another one",
    "wants": f"See [what it accepts](#{_WANTED.lower().replace(' ', '-')}).",
}
"""Placeholders whose value in the test would make a poor example."""
_RETRIED = "Retried automatically."
_SKIPPED = "; files already uploaded are skipped."
"""The end of many steps, which the introduction says once."""
_SEE_HELP = re.compile(r"(?<=[.!]) See:? https?://\S+(?: for more information)?\.?$")
"""The link to PyPI's help at the end of many answers."""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8", newline="\n")


def page() -> str:
    """Return the page as Markdown."""
    tests = runpy.run_path(str(TESTS))
    cases = tests["CASES"]
    example = next(case for case in cases if case.title == "Mistyped token")
    parts = [_INTRODUCTION.format(example=example.refused)]
    for title, rows in _in_reading_order():
        entries = (_of_answers(row, [case for case in cases if case.title == row.title]) for row in rows)
        parts += [f"## {title}\n", *entries]
    facts = about_attempt(tests["NEXUS"].attempt)
    parts += [
        f"## {_NO_ANSWER}\n",
        *(_entry(kind.value, [], facts) for kind in ConnectionFailure),
    ]
    parts += [
        f"## {_WANTED}\n",
        "".join(_paragraph(kind.credential_help, "- ", "  ") for kind in KINDS if kind.credential_help),
    ]
    return "\n".join(parts)


def _in_reading_order() -> Iterable[tuple[str, Sequence[Row]]]:
    """Return the groups with the first two, which are rare but must be matched first, at the end."""
    groups = tuple(GROUPS.items())
    return (*groups[2:], *groups[:2])


def _of_answers(row: Row, cases: Sequence[Any]) -> str:
    """Return an entry that quotes every answer of the tests for this row; the first one fills the placeholders."""
    answer = next(iter(cases[0].answers.values()))
    facts = {**about_attempt(cases[0].sent.attempt), **about_response(answer, str), **_IN_GENERAL}
    return _entry(row, (case.refused.said[0] for case in cases), facts)


def _entry(row: Row, said: Iterable[str], facts: Mapping[str, str]) -> str:
    quoted = [_paragraph(_linked(line), "> ") for line in dict.fromkeys(map(_quoted, said))]
    paragraphs = [
        f"### {row.title}\n",
        *([">\n".join(quoted)] if quoted else []),
        _paragraph(_linked(row.why.format_map(facts))),
        _paragraph(f"**Fix:** {_linked(row.step.format_map(facts).removesuffix(_SKIPPED)).rstrip('.')}."),
        *([_paragraph(_RETRIED)] if row.retry else []),
    ]
    return "\n".join(paragraphs)


def _paragraph(text: str, begin: str = "", indent: str | None = None) -> str:
    """Wrap a paragraph; `begin` precedes the first line, and `indent` (default: `begin`) the others."""
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
    """Escape a server's text for Markdown, without links to help, and with long repetitions shortened."""
    short = re.sub(r"(\w{1,2})\1{20,}", r"\1\1\1...", _SEE_HELP.sub("", text))
    return re.sub(r"[\\`*<\[]|(?<!\w)_|_(?!\w)", r"\\\g<0>", short)


def _linked(text: str) -> str:
    """Turn bare URLs into links and names of environment variables into code."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") else _marked(piece) for piece in pieces)


def _marked(text: str) -> str:
    text = re.sub(r"https?://[^\s()]+[^\s().,;:']", r"<\g<0>>", text)
    return re.sub(r"\b[A-Z]+(?:_[A-Z]+)+(?:=\S+[^\s.])?", r"`\g<0>`", text)


if __name__ == "__main__":
    main()
