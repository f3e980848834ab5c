"""GitHub Actions: annotations, the job summary, and texts that must not be taken for workflow commands.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hatch_tokenindex.config.repositories import Repository
    from hatch_tokenindex.console.document import FileResult
    from hatch_tokenindex.secrets import Secret

_COMMAND = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
_OLD_COMMAND = re.compile(r"##(?=\[)")


def neutralized(text: str) -> str:
    """Return the text without anything that the runner would take for a command."""
    return _OLD_COMMAND.sub("# #", _COMMAND.sub(r"\1: ", text))


def annotation(level: str, title: str, text: str) -> str:
    """Return the workflow command that annotates the job; `level` is `error`, `warning` or `notice`."""
    return f"::{level} title={_escaped(title, in_property=True)}::{_escaped(text)}"


def masking(secret: Secret) -> str:
    """Return the workflow command that masks a secret in everything the job prints from then on, as plain text."""
    return f"::add-mask::{_escaped(secret.reveal())}"


def append_summary(environment: Mapping[str, str], text: str) -> None:
    """Add Markdown to the job summary. Raises `OSError` if the runner's file can't be written."""
    if path := environment.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{text}\n")


def summary(
    repository: Repository | None, results: Iterable[FileResult], failure: str | None, hints: Iterable[str] = ()
) -> str:
    """Return the run as Markdown: a table of its files, what stopped it, and hints for the next run."""
    lines = [f"### hatch-tokenindex: {_cell(repository.url) if repository else 'no repository'}", ""]
    if rows := [_row(result) for result in results]:
        heading = ("File", "Project", "Bytes", "SHA-256", "Outcome", "Attestation")
        lines += [f"| {' | '.join(cells)} |" for cells in (heading, ("---",) * len(heading), *rows)]
    if failure:
        fence = _fence_around(failure)
        lines += ["", f"{fence}text", failure, fence]
    for hint in hints:
        lines += ["", _cell(hint)]
    return "\n".join([*lines, ""])


def _row(result: FileResult) -> tuple[str, ...]:
    item, made = result.distribution, result.attestation
    project = f"[{_cell(f'{item.name} {item.version}')}]({_target(result.page)})"
    log = f"[log entry {made.log_index}]({_target(made.log_url)})" if made else ""
    return _cell(item.filename), project, f"{item.size:,}", result.sha256 or "", result.outcome.value, log


def _cell(text: str) -> str:
    """Escape text so that it is neither markup nor the end of a cell."""
    return re.sub(r"[\\|`*_~$\[\]]", r"\\\g<0>", html.escape(" ".join(text.split()), quote=False))


def _target(url: str) -> str:
    """Escape a URL so that it ends neither its link nor its cell."""
    return quote(url, safe="%/:?#[]@!$&'*+,;=~")


def _fence_around(text: str) -> str:
    """Return a fence that nothing in the text can close (CommonMark, 4.5)."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


def _escaped(text: str, *, in_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text
