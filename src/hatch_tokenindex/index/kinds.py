"""The kinds of package index: how an upload URL tells one, where its simple API is, and what it wants."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin


@dataclass(frozen=True)
class IndexKind:
    """What is the same for every index of one kind.

    `url` is searched for in an upload URL that ends with a slash. `simple` says where the simple API is, the likeliest
    place first, as references from that URL (RFC 3986). `credential` tells somebody who was refused what it takes.
    `wants_requires_python` marks an index that refuses a form without that field, even if it is empty.
    """

    name: str
    url: re.Pattern[str]
    simple: tuple[str, ...] = ("simple/",)
    credential: str = ""
    wants_requires_python: bool = False


KINDS = (
    IndexKind("PyPI", re.compile(r"^https?://(?:upload\.)?pypi\.org(?::\d+)?/"), ("https://pypi.org/simple/",)),
    IndexKind("TestPyPI", re.compile(r"^https?://test\.pypi\.org(?::\d+)?/"), ("https://test.pypi.org/simple/",)),
    IndexKind(
        "GitLab",
        re.compile(r"/api/v4/(?:projects|groups)/.+/packages/pypi/$"),
        credential=(
            "GitLab takes `__token__` with an access token of scope `api`, `gitlab-ci-token` with the job's CI_JOB_TOKEN, or "
            "a deploy token's own user name with a scope of `write_package_registry`."
        ),
        wants_requires_python=True,
    ),
    IndexKind(
        "AWS CodeArtifact",
        re.compile(r"\.codeartifact\."),
        credential=(
            "CodeArtifact takes the user name `aws` with a token of `aws codeartifact get-authorization-token`, which lives "
            "for 12 hours at most."
        ),
    ),
    IndexKind(
        "Google Artifact Registry",
        re.compile(r"-python\.pkg\.dev/"),
        credential=(
            "Google takes what its keyring backend gives (`pipx inject hatch keyrings.google-artifactregistry-auth`, then "
            "`gcloud auth application-default login`), or `_json_key_base64` with a service account's key."
        ),
    ),
    IndexKind(
        "Azure Artifacts",
        re.compile(r"/_packaging/[^/]+/pypi/upload/$"),
        ("../simple/",),
        credential=(
            "Azure takes any user name with a personal access token of scope Packaging (read & write), or what its keyring "
            "backend gives (`pipx inject hatch artifacts-keyring`)."
        ),
    ),
    IndexKind(
        "Gitea or Forgejo",
        re.compile(r"/api/packages/[^/]+/pypi/$"),
        credential="Gitea and Forgejo take your user name with an access token of scope `write:package`.",
    ),
    IndexKind(
        "Artifactory",
        re.compile(r"/artifactory/"),
        credential=(
            "Artifactory takes your user name with an identity token or password, and wants the right to deploy."
        ),
    ),
    IndexKind(
        "Nexus",
        re.compile(r"/repository/[^/]+/$"),
        credential="Nexus takes your user name with its password, or the two halves of a user token.",
    ),
    IndexKind("PyPI look-alike", re.compile(r"/legacy/$"), ("../simple/",)),
    # USER/INDEX; nothing in the URL tells a devpi for sure.
    IndexKind("devpi", re.compile(r"^https?://[^/]+/[^/]+/[^/]+/$"), ("+simple/", "simple/")),
)
OTHER = IndexKind("index", re.compile(""))


def kind_of(url: str) -> IndexKind:
    """The kind of the index with this upload URL; `OTHER` if the URL doesn't tell."""
    return next((kind for kind in KINDS if kind.url.search(_folder(url))), OTHER)


def simple_addresses(url: str) -> tuple[str, ...]:
    """Where the simple API of the index with this upload URL can be, the likeliest first; each ends with a slash."""
    return tuple(urljoin(_folder(url), reference) for reference in kind_of(url).simple)


def _folder(url: str) -> str:
    return url.partition("?")[0].rstrip("/") + "/"
