"""The upload tools that are compared, each as a person would call it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Candidate:
    """One tool. In `arguments` and `settings` (variables), `{url}` stands for the upload URL and
    `{simple}` for the root of the simple API. `requirement` is what pip installs; `user` and `secret` name the variables
    that take a credential. `unattended` is the option that disables prompts, `existing` the one that skips files
    already on the index. `questions` pairs the beginning of each prompt with the text to type, where `{secret}` stands
    for a secret. `uses_proxy` is true if the tool honours `HTTP_PROXY`.
    """

    name: str
    requirement: str
    executable: str
    arguments: tuple[str, ...]
    user: str
    secret: str
    unattended: tuple[str, ...] = ()
    existing: tuple[str, ...] = ()
    questions: tuple[tuple[str, str], ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    uses_proxy: bool = True

    def __str__(self) -> str:
        return self.name

    @property
    def package(self) -> str:
        """The name of its distribution."""
        return self.requirement.partition("[")[0]


OURS = Candidate(
    name="hatch, `tokenindex`",
    requirement="hatch-tokenindex",
    executable="hatch",
    arguments=("publish", "-p", "tokenindex", "-r", "{url}"),
    user="HATCH_INDEX_USER",
    secret="HATCH_INDEX_AUTH",
    unattended=("--no-prompt",),
    questions=(("User name for", "__token__"), ("API token for", "{secret}")),
)
INDEX = Candidate(
    name="hatch, `index`",
    requirement="hatch",
    executable="hatch",
    arguments=("publish", "-p", "index", "-r", "{url}"),
    user="HATCH_INDEX_USER",
    secret="HATCH_INDEX_AUTH",
    unattended=("--no-prompt",),
    questions=(("Username for", "__token__"), ("Password / Token", "{secret}")),
    uses_proxy=False,
)
TWINE = Candidate(
    name="twine",
    requirement="twine",
    executable="twine",
    arguments=("upload", "--disable-progress-bar", "--repository-url", "{url}", "dist/*"),
    user="TWINE_USERNAME",
    secret="TWINE_PASSWORD",
    unattended=("--non-interactive",),
    existing=("--skip-existing",),
    questions=(("Enter your username", "__token__"), ("Enter your password", "{secret}")),
)
UV = Candidate(
    name="uv",
    requirement="uv",
    executable="uv",
    arguments=("publish", "--publish-url", "{url}"),
    user="UV_PUBLISH_USERNAME",
    secret="UV_PUBLISH_PASSWORD",
    existing=("--check-url", "{simple}"),
    questions=(("Enter username", "__token__"), ("Enter password", "{secret}")),
)
POETRY = Candidate(
    name="poetry",
    requirement="poetry",
    executable="poetry",
    arguments=("publish", "--repository", "private"),
    user="POETRY_HTTP_BASIC_PRIVATE_USERNAME",
    secret="POETRY_HTTP_BASIC_PRIVATE_PASSWORD",
    unattended=("--no-interaction",),
    existing=("--skip-existing",),
    settings={"POETRY_REPOSITORIES_PRIVATE_URL": "{url}"},
)
FLIT = Candidate(
    name="flit",
    requirement="flit",
    executable="flit",
    arguments=("publish", "--format", "wheel"),
    user="FLIT_USERNAME",
    secret="FLIT_PASSWORD",
    questions=(("Username: ", "__token__"), ("Password: ", "{secret}")),
    settings={"FLIT_INDEX_URL": "{url}"},
)
PDM = Candidate(
    name="pdm",
    # With the versions that it is released with, as its own installer does.
    requirement="pdm[locked]",
    executable="pdm",
    arguments=("publish", "--no-build", "--repository", "{url}"),
    user="PDM_PUBLISH_USERNAME",
    secret="PDM_PUBLISH_PASSWORD",
    existing=("--skip-existing",),
    questions=(("Username", "__token__"), ("Password", "{secret}"), ("Save credentials to keyring?", "y")),
    settings={"PDM_CHECK_UPDATE": "0", "PDM_USE_VENV": "0"},
)
OF_HATCH = (OURS, INDEX)
OTHERS = (TWINE, UV, POETRY, FLIT, PDM)
