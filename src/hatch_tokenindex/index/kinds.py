"""Kinds of package index: recognised by their upload URL, with the URL of their simple API and what they expect."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin

if TYPE_CHECKING:
    from hatch_tokenindex.config.repositories import Repository


@dataclass(frozen=True)
class IndexKind:
    """The properties that all indexes of one kind share."""

    name: str
    url: str
    """A regular expression, searched for in an upload URL that ends with a slash."""
    simple: tuple[str, ...] = ("simple/",)
    r"""The simple API, the likeliest place first: references relative to the upload URL (RFC 3986), or URLs on another
    host. `\1` and `\g<name>` stand for groups of `url`."""
    credential_help: str = ""
    """The credentials that the index accepts, shown after a refused one."""
    wants_requires_python: bool = False
    """The index refuses a form without this field, even if it is empty."""


KINDS = (
    IndexKind("PyPI", r"^https?://(?:upload\.)?pypi\.org(?::\d+)?/", ("https://pypi.org/simple/",)),
    IndexKind("TestPyPI", r"^https?://test\.pypi\.org(?::\d+)?/", ("https://test.pypi.org/simple/",)),
    IndexKind(
        "GitLab",
        r"/api/v4/(?:projects|groups)/.+/packages/pypi/$",
        credential_help=(
            "GitLab accepts the user `__token__` with an access token of scope `api`, `gitlab-ci-token` with the job's "
            "CI_JOB_TOKEN, or a deploy token of scope `write_package_registry` with its own user name."
        ),
        wants_requires_python=True,
    ),
    IndexKind(
        "AWS CodeArtifact",
        r"\.codeartifact\.",
        credential_help=(
            "CodeArtifact accepts the user `aws` with a token from `aws codeartifact get-authorization-token`, valid for "
            "up to 12 hours."
        ),
    ),
    IndexKind(
        "Google Artifact Registry",
        r"-python\.pkg\.dev/",
        credential_help=(
            "Google Artifact Registry accepts the credential of its keyring backend (`pipx inject hatch "
            "keyrings.google-artifactregistry-auth`, then `gcloud auth application-default login`), or the user "
            "`_json_key_base64` with a service account's key."
        ),
    ),
    IndexKind(
        "Azure Artifacts",
        r"/_packaging/[^/]+/pypi/upload/$",
        ("../simple/",),
        credential_help=(
            "Azure Artifacts accepts any user name with a personal access token of scope Packaging (read & write), or the "
            "credential of its keyring backend (`pipx inject hatch artifacts-keyring`)."
        ),
    ),
    IndexKind(
        "Gitea or Forgejo",
        r"/api/packages/[^/]+/pypi/$",
        credential_help="Gitea and Forgejo accept your user name with an access token of scope `write:package`.",
    ),
    IndexKind(
        "Artifactory",
        r"/artifactory/",
        credential_help=(
            "Artifactory accepts your user name with an identity token or password; the user needs permission to deploy."
        ),
    ),
    IndexKind(
        "Nexus",
        r"/repository/[^/]+/$",
        credential_help="Nexus accepts your user name and password, or the two halves of a user token.",
    ),
    IndexKind("PyPI look-alike", r"/legacy/$", ("../simple/",)),
    IndexKind(
        "Cloudsmith",
        r"^https?://python\.cloudsmith\.io/(?P<repository>[^/]+/[^/]+)/$",
        (r"https://dl.cloudsmith.io/public/\g<repository>/python/simple/",),
        credential_help="Cloudsmith accepts your user name, or `token`, with an API key.",
    ),
    IndexKind(
        "Gemfury",
        r"^https?://(?:push|pypi)\.fury\.io/(?P<account>[^/]+)/$",
        (r"https://pypi.fury.io/\g<account>/",),
        credential_help="Gemfury accepts a push token as user name, with an empty password (`-u TOKEN -a ''`).",
    ),
    # USER/INDEX: a guess, since nothing in the URL identifies a devpi for sure.
    IndexKind("devpi", r"^https?://[^/]+/[^/]+/[^/]+/$", ("+simple/", "simple/")),
)
OTHER = IndexKind("index", "")


_SIMPLE = re.compile(r"/\+?simple/$")


def kind_of(url: str) -> IndexKind:
    """Return the kind of the index with this upload URL; `OTHER` if the URL doesn't identify one."""
    return _recognise(_folder(url))[0]


def simple_urls(repository: Repository) -> tuple[str, ...]:
    """Return the URLs that the repository's simple API can have, the likeliest first; each ends with a slash."""
    if repository.simple_url is not None:
        return (repository.simple_url.rstrip("/") + "/",)
    folder = _folder(repository.url)
    kind, found = _recognise(folder)
    return tuple(urljoin(folder, found.expand(reference)) for reference in kind.simple)


def is_simple_url(url: str) -> bool:
    """Return True if a URL is that of a simple API, as far as its spelling tells."""
    return _SIMPLE.search(_folder(url)) is not None


def upload_url_beside(url: str) -> str:
    """Return the upload URL that usually belongs to the URL of a simple API."""
    # Azure has both beside each other; the others have the simple API below. GitLab, Gitea and Artifactory want no slash.
    found = _SIMPLE.sub("/upload/" if "/_packaging/" in url else "/", _folder(url))
    return found.rstrip("/") if "/api/" in found else found


def release_page(repository: Repository, project: str, version: str) -> str:
    """Return the URL of a release's page on PyPI and devpi, elsewhere of the project's page of the simple API."""
    if repository.site is not None:
        return f"https://{repository.site}/project/{project}/{version}/"
    if repository.simple_url is None and kind_of(repository.url).name == "devpi":
        return f"{_folder(repository.url)}{project}/{version}/"
    return f"{simple_urls(repository)[0]}{project}/"


def _recognise(folder: str) -> tuple[IndexKind, re.Match[str]]:
    return next((kind, found) for kind in (*KINDS, OTHER) if (found := re.search(kind.url, folder)))


def _folder(url: str) -> str:
    return url.partition("?")[0].rstrip("/") + "/"
