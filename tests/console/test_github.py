"""GitHub Actions: what the runner takes for commands, what the job's summary shows, and that hostile text is neither."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from hatch_process import HatchResult, run_hatch
from readme_renderer.markdown import variants
from servers import Answer

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.console import github
from hatch_tokenindex.console.document import FileResult, Outcome
from hatch_tokenindex.distributions import read_all
from hatch_tokenindex.index.kinds import release_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from maintainer import Maintainer

    from hatch_tokenindex.distributions import Distribution

SECRET = "s3cret-that-must-not-be-shown"
ERROR = "hatch-tokenindex: not published"
UNFINISHED = "hatch-tokenindex: not finished"


@dataclass(frozen=True)
class Command:
    """A workflow command as the runner understood it."""

    name: str
    properties: Mapping[str, str]
    text: str


def commands(printed: str) -> list[Command]:
    """Commands for GitHub's runner: `::name a=b,c=d::text` after white space, and `##[name a=b;]text` anywhere."""
    found = []
    for line in re.split(r"\r\n|\r|\n", printed):
        if match := re.match(r"\s*::(.*?)::(.*)", line):
            name, _, properties = match[1].partition(" ")
            found.append(Command(name, _properties(properties, ","), _decoded(match[2])))
        elif match := re.search(r"##\[(.*?)\](.*)", line):
            name, _, properties = match[1].partition(" ")
            found.append(Command(name, _properties(properties, ";"), match[2]))
    return found


def _properties(text: str, separator: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(separator) if pair)
    return {name: _decoded(value).replace("%3A", ":").replace("%2C", ",") for name, _, value in pairs}


def _decoded(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


class Page(HTMLParser):
    """The job's summary as a browser gets it, rendered without any cleaning."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.cells: list[list[str]] = []
        self.code = ""
        self._inside: list[str] = []
        self.feed(variants["GFM"](markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._inside.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag == "tr":
            self.cells.append([])
        if tag == "td":
            self.cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            """Void elements have no end."""

    def handle_data(self, data: str) -> None:
        if "code" in self._inside:
            self.code += data
        elif "td" in self._inside:
            self.cells[-1][-1] += data

    @property
    def rows(self) -> list[list[str]]:
        """The table without its heading."""
        return [cells for cells in self.cells if cells]


@dataclass
class Runner:
    """GitHub's runner, in a job that publishes to an index of its own."""

    maintainer: Maintainer
    summary_file: Path
    environment: dict[str, str] = field(default_factory=dict)

    def publish(
        self, *arguments: str, exit_status: int, run: Callable[..., HatchResult] = invoke_hatch, **variables: str
    ) -> tuple[str, str]:
        """Standard output and standard error of `hatch publish`; in this process, unless `run` says otherwise."""
        result = replace(self.maintainer, environment={**self.environment, **variables}).publish(*arguments, run=run)
        assert result.returncode == exit_status, result.output
        assert SECRET not in result.output
        return result.stdout, result.stderr

    @property
    def summary(self) -> str:
        """The Markdown that the runner would render."""
        return self.summary_file.read_text(encoding="utf-8")

    @property
    def page(self) -> Page:
        """The job summary, rendered."""
        return Page(self.summary)


@pytest.fixture
def runner(at_index: Maintainer, tmp_path: Path) -> Runner:
    """A runner with a secret in the environment of its runner."""
    summary = tmp_path / "summary.md"
    summary.write_text("## Of an earlier step\n", encoding="utf-8")
    environment = {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "HATCH_INDEX_AUTH": SECRET,
    }
    return Runner(at_index, summary, environment)


# What happened


def test_the_summary_lists_what_was_published(runner: Runner) -> None:
    maintainer = runner.maintainer
    name, dist = maintainer.project.name, maintainer.project.dist
    files = [make_wheel(dist, name), make_sdist(dist, name)]
    _, printed = runner.publish(exit_status=0, run=run_hatch)

    assert commands(printed) == []
    assert runner.summary.startswith("## Of an earlier step\n")
    stored = maintainer.server.files
    assert runner.page.rows == [
        [path.name, f"{name} 1.0", f"{path.stat().st_size:,}", stored[path.name].sha256, "uploaded", ""]
        for path in files
    ]
    assert f"{maintainer.server.simple_url}{name}/" in runner.page.links
    assert runner.page.code == ""
    assert SECRET not in runner.summary


def test_the_summary_of_a_failure_tells_what_became_of_each_file(runner: Runner) -> None:
    maintainer = runner.maintainer
    name, dist = maintainer.project.name, maintainer.project.dist
    there, first, refused, waiting = (make_wheel(dist, name, tag=f"py3-none-{tag}") for tag in "abcd")
    maintainer.server.store(there.name, there.read_bytes())
    maintainer.server.script_uploads(None, Answer(400, body="No room"))
    _, printed = runner.publish("-o", "jobs=1", exit_status=1, run=run_hatch)

    outcomes = {row[0]: row[4] for row in runner.page.rows}
    assert outcomes == {
        there.name: "exists",
        first.name: "uploaded",
        refused.name: "failed",
        waiting.name: "not tried",
    }
    [command] = commands(printed)
    assert (command.name, command.properties) == ("error", {"title": UNFINISHED})
    assert "(400)\n\n  No room\n\n  project      " in command.text
    assert command.text in runner.page.code
    assert SECRET not in command.text + runner.summary


def test_what_is_uploaded_and_not_listed_is_not_called_unpublished(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hatch_tokenindex.index.arrival.monotonic", itertools.count().__next__)
    monkeypatch.setattr("hatch_tokenindex.index.arrival.sleep", lambda _seconds: None)
    runner.maintainer.build()
    runner.maintainer.server.script_others(*[Answer(404)] * 100)
    printed, errors = runner.publish("-o", "wait=5", "-o", "json", exit_status=1)
    [command] = commands(errors)
    assert (command.name, command.properties) == ("error", {"title": UNFINISHED})
    assert "don't upload again" in command.text
    error = json.loads(printed)["error"]
    assert error == {"summary": command.text, "index_said": None, "next_step": None}
    assert [row[4] for row in runner.page.rows] == ["uploaded"]


def test_what_fails_before_anything_is_known_is_told_too(runner: Runner) -> None:
    printed, errors = runner.publish("-o", "json", "-o", "jobs=9", exit_status=1)
    [command] = commands(errors)
    assert "jobs" in command.text
    assert json.loads(printed)["error"]["summary"] == command.text
    assert command.text in runner.page.code
    assert runner.page.rows == []


def test_warnings_are_annotations(runner: Runner) -> None:
    maintainer = runner.maintainer
    maintainer.build()
    maintainer.server.script_others(Answer(503))
    _, printed = runner.publish(exit_status=0)
    [command] = commands(printed)
    assert (command.name, command.properties) == ("warning", {"title": "hatch-tokenindex"})
    assert "Could not list" in command.text


def test_a_dry_run_tells_what_would_be_uploaded(runner: Runner) -> None:
    runner.maintainer.build()
    runner.publish("-o", "dry-run", exit_status=0)
    assert [row[4] for row in runner.page.rows] == ["would upload"]


def test_explain_is_no_part_of_the_summary(runner: Runner) -> None:
    # As the secret's user it is an odd name, and as text of a JSON document an old command.
    user = "##[add-mask]jane"
    printed, errors = runner.publish("-o", "explain", "-o", "json", exit_status=0, HATCH_INDEX_USER=user)
    assert commands(printed + errors) == []
    [project] = json.loads(printed)["projects"]
    assert project["credential"]["user"] == user
    assert runner.summary == "## Of an earlier step\n"


@pytest.mark.parametrize("status", [0, 1])
def test_a_summary_that_cannot_be_written_is_a_warning(runner: Runner, status: int) -> None:
    maintainer = runner.maintainer
    maintainer.build()
    maintainer.server.script_uploads(Answer(200 if status == 0 else 400))
    _, printed = runner.publish(exit_status=status, GITHUB_STEP_SUMMARY=str(maintainer.home.folder))
    assert "Can't write the job summary" in printed
    assert "Traceback" not in printed
    assert ("success" in printed) == (status == 0)


@pytest.mark.parametrize("elsewhere", [{"GITHUB_ACTIONS": ""}, {"GITHUB_ACTIONS": "false"}])
def test_elsewhere_there_is_nothing_of_it(runner: Runner, elsewhere: dict[str, str]) -> None:
    maintainer = runner.maintainer
    maintainer.build()
    maintainer.server.script_uploads(Answer(400, body="No ##[room]"))
    _, printed = runner.publish(exit_status=1, run=invoke_hatch, **elsewhere)
    assert "\n  No ##[room]\n" in printed
    assert "::error" not in printed
    assert runner.summary == "## Of an earlier step\n"


# What a server says is data

LINES = (
    "::set-output name=x::y",
    "::add-mask::the",
    "##[command]rm -rf",
    "room ##[add-mask]room",
    "::stop-commands::x",
    "\u00a0::error title=x::from the server%0A::add-mask::z",
    ":::add-path::/evil",
    "%0A::add-mask::z",
    "```",
    "| <img src=https://evil.example/x> | [x](https://evil.example/y) | ![z](https://evil.example/z) `a` |",
    "~~~ *b* <script>alert(1)</script> &lt;i&gt; \\| $x$",
    "a\x1b[31mb\x1b]0;title\x07c\x9b2Jd\u202ee",
)


def hostile_answers() -> list[Answer]:
    """Error responses with hostile text in every field, in each form that a text can have."""
    answers = []
    for start in range(0, len(LINES), 4):
        lines = LINES[start : start + 4]
        answers += [
            Answer(400, body="\r\n".join(lines)),
            Answer(400, body={"message": "\n".join(lines), "code": lines[0]}),
            Answer(400, body="\r".join(f"<p>{line}</p>" for line in lines), headers={"Content-Type": "text/html"}),
        ]
    return [*answers, Answer(400, reason="##[add-mask]room ::add-mask::room %0A::add-mask::room")]


@pytest.mark.parametrize("answer", hostile_answers())
def test_hostile_text_is_no_command_and_no_markup(runner: Runner, answer: Answer) -> None:
    maintainer = runner.maintainer
    maintainer.build()
    maintainer.server.script_uploads(answer)
    printed, errors = runner.publish("-o", "json", exit_status=1)

    assert commands(printed) == []
    document = json.loads(printed)
    said = document["error"]["index_said"].splitlines()
    assert said
    assert all(character.isprintable() for line in said for character in line)
    if isinstance(answer.body, str) and "\r\n" in answer.body:
        wanted = [re.sub(r"\x1b\[31m|\x1b\]0;title\x07|\x9b2J|\u202e", "", line) for line in answer.body.split("\r\n")]
        assert said == [" ".join(line.split()) for line in wanted]

    assert [(command.name, command.properties) for command in commands(errors)] == [("error", {"title": ERROR})]
    assert commands(errors)[0].text == document["error"]["summary"]
    assert all(character.isprintable() or character == "\n" for character in printed + errors)

    page = runner.page
    assert page.tags <= {"h2", "h3", "table", "thead", "tbody", "tr", "th", "td", "a", "pre", "code"}
    assert page.code == document["error"]["summary"] + "\n"
    assert all(link.startswith((maintainer.server.url, "#")) for link in page.links)


def test_a_hostile_url_breaks_neither_table_nor_link(distribution: Distribution) -> None:
    url = "https://packages.example.org/a)b|c`<img>~~d~~/[e](f)/legacy/"
    repository = Repository("private", url)
    page_url = release_page(repository, "demo", "1.0")
    text = github.summary(repository, [FileResult(distribution, page_url, Outcome.UPLOADED, "ab" * 32)], None)
    page = Page(text)
    assert page.tags <= {"h3", "table", "thead", "tbody", "tr", "th", "td", "a"}
    assert page.rows == [[distribution.filename, "demo 1.0", f"{distribution.size:,}", "ab" * 32, "uploaded", ""]]
    [link] = (link for link in page.links if link.endswith("/demo/"))
    assert unquote(link) == "https://packages.example.org/a)b|c`<img>~~d~~/[e](f)/simple/demo/"


@pytest.fixture
def distribution(tmp_path: Path) -> Distribution:
    """A wheel that was read."""
    [item] = read_all([make_wheel(tmp_path)])
    return item
