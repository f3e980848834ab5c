"""Kinds of package index: the simple API and release pages that belong to an upload URL."""

from __future__ import annotations

import pytest

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.index import kinds
from hatch_tokenindex.index.kinds import IndexKind, release_page, simple_urls

GITLAB = "https://gitlab.example.org/api/v4/projects/7/packages/pypi"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://upload.pypi.org/legacy/", ["https://pypi.org/simple/"]),
        ("https://pypi.org/legacy/", ["https://pypi.org/simple/"]),
        ("https://test.pypi.org/legacy/", ["https://test.pypi.org/simple/"]),
        (
            "https://devpi.example.org/user/index/",
            ["https://devpi.example.org/user/index/+simple/", "https://devpi.example.org/user/index/simple/"],
        ),
        (
            "http://localhost:3141/user/index",
            ["http://localhost:3141/user/index/+simple/", "http://localhost:3141/user/index/simple/"],
        ),
        ("http://pypi.example.org:8080/", ["http://pypi.example.org:8080/simple/"]),
        ("http://pypi.example.org:8080", ["http://pypi.example.org:8080/simple/"]),
        (GITLAB, [f"{GITLAB}/simple/"]),
        (f"{GITLAB}/", [f"{GITLAB}/simple/"]),
        ("https://nexus.example.org/repository/pypi/", ["https://nexus.example.org/repository/pypi/simple/"]),
        ("https://example.org/nexus/repository/pypi/", ["https://example.org/nexus/repository/pypi/simple/"]),
        (
            "https://example.org/artifactory/api/pypi/private",
            ["https://example.org/artifactory/api/pypi/private/simple/"],
        ),
        ("https://git.example.org/api/packages/me/pypi", ["https://git.example.org/api/packages/me/pypi/simple/"]),
        (
            "https://pkgs.dev.azure.com/org/project/_packaging/feed/pypi/upload/",
            ["https://pkgs.dev.azure.com/org/project/_packaging/feed/pypi/simple/"],
        ),
        (
            "https://me-123.d.codeartifact.eu-west-1.amazonaws.com/pypi/private/",
            ["https://me-123.d.codeartifact.eu-west-1.amazonaws.com/pypi/private/simple/"],
        ),
        (
            "https://europe-west1-python.pkg.dev/project/private/",
            ["https://europe-west1-python.pkg.dev/project/private/simple/"],
        ),
        ("https://python.cloudsmith.io/acme/main/", ["https://dl.cloudsmith.io/public/acme/main/python/simple/"]),
        ("https://push.fury.io/acme", ["https://pypi.fury.io/acme/"]),
        ("https://pypi.fury.io/acme/", ["https://pypi.fury.io/acme/"]),
        ("https://packages.example.org/legacy/", ["https://packages.example.org/simple/"]),
        ("https://packages.example.org/team/legacy", ["https://packages.example.org/team/simple/"]),
        ("https://packages.example.org/a/b/c/?x=1", ["https://packages.example.org/a/b/c/simple/"]),
    ],
)
def test_where_the_simple_api_is(url: str, expected: list[str]) -> None:
    assert list(simple_urls(Repository("private", url))) == expected


@pytest.mark.parametrize("simple_url", ["https://x.example.org/simple", "https://x.example.org/simple/"])
def test_the_simple_api_is_where_configuration_says(simple_url: str) -> None:
    repository = Repository("private", "https://packages.example.org/legacy/", simple_url=simple_url)
    assert simple_urls(repository) == ("https://x.example.org/simple/",)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://upload.pypi.org/legacy/", "https://pypi.org/project/demo/1.0/"),
        ("https://test.pypi.org/legacy/", "https://test.pypi.org/project/demo/1.0/"),
        ("https://packages.example.org/legacy/", "https://packages.example.org/simple/demo/"),
        ("https://devpi.example.org/user/index", "https://devpi.example.org/user/index/demo/1.0/"),
    ],
)
def test_release_page(url: str, expected: str) -> None:
    assert release_page(Repository("private", url), "demo", "1.0") == expected


def test_a_kind_whose_simple_api_is_on_another_host_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    url = r"^https://upload\.(?P<host>[^/]+\.example\.net)/([^/]+)/$"
    kind = IndexKind("another", url, (r"https://files.\g<host>/\2/simple/",))
    monkeypatch.setattr(kinds, "KINDS", (kind, *kinds.KINDS))
    repository = Repository("private", "https://upload.eu.example.net/team")
    assert kinds.kind_of(repository.url) == kind
    assert simple_urls(repository) == ("https://files.eu.example.net/team/simple/",)
    assert release_page(repository, "demo", "1.0") == "https://files.eu.example.net/team/simple/demo/"


@pytest.mark.parametrize(
    ("url", "upload_url"),
    [
        ("http://pypi.example.org:8080/simple/", "http://pypi.example.org:8080/"),
        ("https://devpi.example.org/user/index/+simple/", "https://devpi.example.org/user/index/"),
        (f"{GITLAB}/simple", GITLAB),
        ("https://nexus.example.org/repository/pypi/simple/?x=1", "https://nexus.example.org/repository/pypi/"),
        ("https://example.org/artifactory/api/pypi/private/simple", "https://example.org/artifactory/api/pypi/private"),
        (
            "https://pkgs.dev.azure.com/org/_packaging/feed/pypi/simple/",
            "https://pkgs.dev.azure.com/org/_packaging/feed/pypi/upload/",
        ),
    ],
)
def test_the_upload_url_beside_a_simple_api(url: str, upload_url: str) -> None:
    assert kinds.is_simple_url(url)
    assert kinds.upload_url_beside(url) == upload_url
    assert not kinds.is_simple_url(upload_url)
