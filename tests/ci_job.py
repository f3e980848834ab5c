"""A CI job that publishes with Trusted Publishing, its identity provider, and the index that issues its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_in_process import invoke_hatch
from servers.oidc import GITLAB, GitHub, Publisher, TrustingIndex, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hatch_process import HatchResult
    from maintainer import Maintainer
    from servers import Answer, Request


@dataclass(frozen=True)
class Job:
    """A job in GitHub Actions: `at` publishes, `github` issues identity tokens, `index` issues API tokens."""

    at: Maintainer
    github: GitHub
    index: TrustingIndex

    @property
    def project(self) -> str:
        """The name of the current project."""
        return self.at.project.name

    def publish(
        self,
        *arguments: str,
        run: Callable[..., HatchResult] = invoke_hatch,
        environment: Mapping[str, str] | None = None,
        **variables: str,
    ) -> HatchResult:
        """Publish in that job, or in another environment, and look for secrets in what is shown."""
        at, job = self.at, self.github.job if environment is None else environment
        command_line = ("publish", "-p", "tokenindex", *at.options, *arguments)
        everything = {**at.environment, **job, **variables}
        result = run(*command_line, cwd=at.project.folder, home=at.home, env=everything)
        self.look_for_secrets(result.output)
        return result

    def look_for_secrets(self, output: str) -> None:
        """No identity token may be shown, and no minted one but to mask it."""
        assert self.github.request_token not in output
        for token in self.github.issued:
            assert not [part for part in token.split(".")[1:] if part in output]
        shown = "".join(line for line in output.splitlines() if not line.startswith("::add-mask::"))
        for token in self.index.minted:
            assert token not in shown
            assert token[-40:] not in shown


GITLAB_CLAIMS = {
    "iss": GITLAB,
    "sub": "project_path:group/sub/sample:ref_type:tag:ref:v1.0",
    "namespace_path": "group/sub",
    "project_path": "group/sub/sample",
    "ci_config_ref_uri": "gitlab.com/group/sub/sample//.gitlab-ci.yml@refs/tags/v1.0",
    "ref_path": "refs/tags/v1.0",
    "pipeline_source": "push",
    "environment": "release",
}


def gitlab_job(audience: object = "pypi", **claims: str) -> dict[str, str]:
    """The environment of a job in GitLab CI/CD that asks for an identity token for PyPI."""
    token = signed({**GITLAB_CLAIMS, **claims}, audience)
    return {"CI": "true", "GITLAB_CI": "true", "PYPI_ID_TOKEN": token}


def gitlab_publisher(job: Job) -> Publisher:
    """The one that fits it."""
    return Publisher("group/sub/sample", ".gitlab-ci.yml", "release", [job.project])


def script_minting(job: Job, *steps: Callable[[Request], Answer | None]) -> None:
    """Do something else at the first requests to mint."""
    waiting = list(steps)
    usual = job.at.server.respond

    def respond(request: Request) -> Answer | None:
        is_minting = request.path == "/_/oidc/mint-token"
        return waiting.pop(0)(request) if is_minting and waiting else usual(request)

    job.at.server.respond = respond
