"""Writes `docs/troubleshooting.md`: the table of refusals, each with the answers that the tests play back for it."""

from __future__ import annotations

import re
import runpy
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatch_tokenindex.index.kinds import KINDS
from hatch_tokenindex.index.refusals import GROUPS, NO_ANSWER_ROWS, render
from hatch_tokenindex.index.refusals.placeholders import about_answer, about_sent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hatch_tokenindex.index.refusals import Row

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "troubleshooting.md"
TESTS = ROOT / "tests/index/refusals/test_table.py"

_NO_ANSWER = "No answer at all"
_WANTED = "What other indexes than PyPI take as a credential"
_INTRODUCTION = """\
# When the index says no

Every refusal is told in three parts: what the index said, in its own words; what was sent, and where the credential
came from; and what to do now.

```text
{example}
```

This page lists every refusal that the plugin knows. Search it for some words of what the index said. An answer that
isn't listed is shown as it came and not guessed at: its own words are then all that anybody knows, and whoever runs the
index can tell more.

Three things help with any refusal:

- `hatch publish -p tokenindex -o explain` tells which credential would be used and why, and uploads nothing.
- `hatch publish -p tokenindex -o dry-run` does everything but the upload, and finds most of what is wrong with files.
- Running the same command again is safe. Files that arrived are passed over, and the rest is completed.

The examples are about version 1.0 of a project Demo.Project, mostly published to PyPI with an API token from the
variable `HATCH_INDEX_AUTH`. What you see names your project, your index, and the place where your credential lies.
"""
_IN_GENERAL = {
    "when": "at the time that the message tells",
    "answered": "The URL",
    "location": "another one",
    "wants": f"See [what it takes](#{_WANTED.lower().replace(' ', '-')}).",
}
"""What would say too little as an example."""
_RETRIED = "This is tried again by itself, with growing pauses, and told only if that doesn't help."


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8", newline="\n")


def page() -> str:
    """The whole page."""
    tests = runpy.run_path(str(TESTS))
    cases = tests["CASES"]
    example = next(case for case in cases if case.key == "token-changed")
    titles = [*(group.title for group in GROUPS), _NO_ANSWER, _WANTED]
    parts = [
        _INTRODUCTION.format(example=render(example.refused, example.sent)),
        "".join(f"- [{title}](#{_anchor(title)})\n" for title in titles),
    ]
    for group in GROUPS:
        entries = (_of_answers(row, [case for case in cases if case.key == row.key]) for row in group.rows)
        parts += [f"## {group.title}\n", *entries]
    facts = about_sent(tests["NEXUS"])
    parts += [f"## {_NO_ANSWER}\n", *(_entry(row, [kind.value], facts) for kind, row in NO_ANSWER_ROWS.items())]
    parts += [f"## {_WANTED}\n", "".join(_paragraph(kind.credential_help, "- ", "  ") for kind in KINDS if kind.credential_help)]
    return "\n".join(parts)


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def _of_answers(row: Row, cases: Sequence[Any]) -> str:
    """An entry that quotes all that the tests know an index to say; the first of them gives the facts."""
    answer = next(iter(cases[0].answers.values()))
    facts = {**about_sent(cases[0].sent), **about_answer(answer, str), **_IN_GENERAL}
    return _entry(row, (case.refused.said[0] for case in cases), facts)


def _entry(row: Row, said: Iterable[str], facts: Mapping[str, str]) -> str:
    quoted = [_paragraph(_linked(_quoted(line)), "> ") for line in dict.fromkeys(said)]
    paragraphs = [
        f"### {row.title}\n",
        ">\n".join(quoted),
        _paragraph(_linked(row.why.format_map(facts))),
        _paragraph(f"**What to do:** {_linked(row.step.format_map(facts))}"),
        *([_paragraph(_RETRIED)] if row.retry else []),
    ]
    return "\n".join(paragraphs)


def _paragraph(text: str, begin: str = "", indent: str | None = None) -> str:
    """Lines of bearable length; `indent` stands before each but the first, as `begin` does before that."""
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
    """A server's text as Markdown that shows it, with long repetitions cut short."""
    short = re.sub(r"(\w{1,2})\1{20,}", r"\1\1\1...", text)
    return re.sub(r"[\\`*<\[]|(?<!\w)_|_(?!\w)", r"\\\g<0>", short)


def _linked(text: str) -> str:
    """Markdown with links where it has bare URLs, and code where it has names of variables."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(piece if piece.startswith("`") else _marked(piece) for piece in pieces)


def _marked(text: str) -> str:
    text = re.sub(r"https?://[^\s()]+[^\s().,;:']", r"<\g<0>>", text)
    return re.sub(r"\b[A-Z]+(?:_[A-Z]+)+(?:=\S+[^\s.])?", r"`\g<0>`", text)


if __name__ == "__main__":
    main()
