"""The workflows and pipelines on the pages: their validity, the permissions they need, and their error messages."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hatch_in_process import invoke_hatch
from pages import DOCS, ROOT, blocks, every_page
from ruamel.yaml import YAML
from servers import oidc
from servers.oidc import GitHub

from hatch_tokenindex.config import options
from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.sources import identity, publishers
from hatch_tokenindex.errors import MintingError

if TYPE_CHECKING:
    from hatch_process import Home

CI_PAGE = DOCS / "how-to" / "ci.md"
TRUSTED_PAGE = DOCS / "trusted-publishing.md"


def yaml_on(page: Path) -> list[Any]:
    """The YAML on a page, each block loaded."""
    return [YAML(typ="safe").load(block) for block in blocks(page.read_text(encoding="utf-8"), "ya?ml")]


def jobs_of(data: Any) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow of GitHub, of a pipeline of GitLab, or of a part of one, by name."""
    if isinstance(data, list):
        return {"steps": {"steps": data}}
    jobs = data.get("jobs", data)
    return {name: job for name, job in jobs.items() if isinstance(job, dict) and job.keys() & {"steps", "script"}}


def command_lines(data: Any) -> list[str]:
    """The script lines of a GitHub workflow, a GitLab pipeline, or a part of one."""
    return [
        line
        for job in jobs_of(data).values()
        for lines in (job.get("script", []), *(step.get("run", "").splitlines() for step in job.get("steps", [])))
        for line in lines
    ]


def github() -> list[dict[str, dict[str, Any]]]:
    """The jobs of each workflow that the page describes: the complete one, and what its other sections make of it."""
    trusted, last_step, rehearsal, private, _ = jobs_with("steps")
    token = {key: value for key, value in trusted["publish"].items() if key != "permissions"}
    token["steps"] = [*trusted["publish"]["steps"][:-1], *last_step["steps"]["steps"]]
    build = {"build": trusted["build"]}
    return [trusted, {**build, "publish": token}, {**trusted, **rehearsal}, private]


def gitlab() -> list[dict[str, dict[str, Any]]]:
    """The jobs of the complete pipeline of the page, and those that its other sections add or replace."""
    return jobs_with("script")


def jobs_with(key: str) -> list[dict[str, dict[str, Any]]]:
    """The jobs in each block of the CI page, for those services whose jobs have this key."""
    return [jobs for jobs in map(jobs_of, yaml_on(CI_PAGE)) if all(key in job for job in jobs.values())]


def check_command(line: str, home: Home, folder: Path) -> None:
    """A command line of Hatch is one that it takes, with options that this plugin takes."""
    words = shlex.split(line)
    assert words[0] == "hatch"
    result = invoke_hatch(*words[1:], "--help", cwd=folder, home=home)
    assert result.returncode == 0, f"{line}: {result.output}"
    pairs = dict(pair.partition("=")[::2] for flag, pair in pairwise(words) if flag == "-o")
    options.read([], pairs, {}, stdin_is_terminal=False)


@every_page
def test_the_yaml_on_the_pages_is_yaml_and_runs_commands_that_exist(page: Path, home: Home, tmp_path: Path) -> None:
    for data in yaml_on(page):
        for line in command_lines(data):
            if line.startswith("hatch "):
                check_command(line, home, tmp_path)


def publishing_jobs(jobs: dict[str, dict[str, Any]]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """The jobs that run `hatch publish`, each with the step that does."""
    return {
        name: (job, step)
        for name, job in jobs.items()
        for step in job["steps"]
        if "hatch publish" in step.get("run", "")
    }


@pytest.mark.parametrize("jobs", github(), ids=["trusted", "token", "rehearsal", "private"])
def test_workflows_have_the_rights_that_they_need_and_no_others(jobs: dict[str, dict[str, Any]]) -> None:
    publishing = publishing_jobs(jobs)
    assert publishing
    for name, job in jobs.items():
        step = publishing[name][1] if name in publishing else {}
        is_trusted = "trusted-publishing=always" in step.get("run", "")
        checks_out = any("actions/checkout" in step.get("uses", "") for step in job["steps"])
        assert job.get("permissions", {}) == {
            **({"contents": "read"} if checks_out else {}),
            **({"id-token": "write"} if is_trusted else {}),
        }
        if name in publishing:
            assert "environment" in job
            secrets = [key for key in step.get("env", {}) if key.startswith("HATCH_INDEX_AUTH")]
            assert bool(secrets) is not is_trusted
        if is_trusted:
            assert not checks_out
            assert not any("hatch build" in step.get("run", "") for step in job["steps"])


def test_the_pages_have_a_file_for_every_case() -> None:
    kinds = [
        sorted(step["run"].removeprefix("hatch publish -p tokenindex") for _, step in publishing_jobs(jobs).values())
        for jobs in github()
    ]
    trusted = " -o trusted-publishing=always"
    assert kinds == [[trusted], [""], [trusted, f" -r test{trusted} -o wait"], [" -r private"]]
    assert yaml_on(CI_PAGE)[0]["permissions"] == {}
    assert "(how-to/ci.md#github-actions)" in TRUSTED_PAGE.read_text(encoding="utf-8")
    assert [list(jobs) for jobs in gitlab()] == [["build", "publish"], ["testpypi"], ["publish"]]


def test_pipelines_of_gitlab_ask_for_the_identity_that_the_index_wants() -> None:
    seen = []
    for jobs in gitlab():
        for job in jobs.values():
            (line,) = (line for line in job["script"] if line.startswith("hatch"))
            if "trusted-publishing=always" not in line:
                assert "id_tokens" not in job
                continue
            audience = "testpypi" if "-r test" in line else "pypi"
            variable = re.findall(r"\w+_ID_TOKEN", identity.PROVIDERS[1].missing({}, audience))[0]
            assert job["id_tokens"] == {variable: {"aud": audience}}
            assert job["environment"] == audience
            seen.append(audience)
    assert seen == ["pypi", "testpypi"]


def test_the_failure_on_the_page_is_what_is_said() -> None:
    with GitHub("octo-org/my-project") as github:
        text = publishers.explained(
            MintingError(
                "invalid-publisher",
                "valid token, but no corresponding publisher (Publisher with matching claims was not found)",
            ),
            github.claims,
            "my-project",
            Repository("main", "https://upload.pypi.org/legacy/", trusted_publishing="always"),
        )
    (shown,) = blocks(TRUSTED_PAGE.read_text(encoding="utf-8"), "text")
    assert shown == f"{text}\n"


def test_every_failure_is_on_the_page() -> None:
    page = TRUSTED_PAGE.read_text(encoding="utf-8")
    described = re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]+ \|$", page, re.MULTILINE)
    described = described[described.index("invalid-publisher") :]
    on_github, on_gitlab, _ = identity.PROVIDERS
    pull_request = {"GITHUB_EVENT_NAME": "pull_request"}
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    said = [
        on_github.missing({}, None),
        on_github.missing(pull_request, None),
        on_gitlab.missing({}, "pypi"),
        Path(oidc.__file__).read_text(encoding="utf-8"),
        source,
    ]
    assert [text for text in described if not any(text in each for each in said)] == []
    assert {text for text in described if re.fullmatch("[a-z-]+", text)} == set(publishers.ADVICE)
