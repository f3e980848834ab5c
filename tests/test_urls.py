"""URLs: which would disclose a secret to whoever listens on the way, and which host each spelling leads to."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hatch_tokenindex import urls
from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.index.client import connect


@pytest.mark.parametrize(
    ("url", "disclosing"),
    [
        ("https://example.org/legacy/", False),
        ("http://127.0.0.1/", False),
        ("http://127.8.9.10:8080/", False),
        ("http://[::1]:3141/", False),
        ("http://localhost/", False),
        ("http://LOCALHOST.:8080/", False),
        ("http://example.org/", True),
        ("http://localhost.example.org/", True),
        ("http://127.0.0.1.example.org/", True),
        ("http://0.0.0.0/", True),
        ("http://10.0.0.1/", True),
        ("http://[::]/", True),
        ("http://[fe80::1]/", True),
        ("HTTP://example.org/", True),
    ],
)
def test_plain_http_is_safe_on_this_machine_alone(url: str, disclosing: bool) -> None:
    assert urls.problem_with(url) is None
    assert urls.is_disclosing(url) is disclosing


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://upload.pypi.org/legacy/", "pypi.org"),
        ("HTTPS://UPLOAD.PyPI.org:443/legacy/", "pypi.org"),
        ("https://upload.pypi.org./legacy/", None),
        ("https://upload.pypi.org%40evil.example/", None),
        ("https://upload.pypi.org\\.evil.example/", None),
        ("https://upload.pypi.org\\evil.example/", None),
        ("https://evil.example/?@upload.pypi.org/", None),
        ("https://evil.example/#@upload.pypi.org/", None),
        ("https://upload.pypi.org.evil.example/", None),
        ("https://xn--upload-.pypi.org/", None),
        ("https://[::ffff:151.101.0.223]/", None),
        ("https://[fe80::1%25upload.pypi.org]/", None),
        ("https://upload.pypi.org:/", "pypi.org"),
    ],
)
def test_a_host_is_that_of_pypi_or_another(url: str, site: str | None) -> None:
    assert urls.problem_with(url) is None
    assert urls.site(url) == site


@pytest.mark.parametrize(
    "url",
    [
        "https://upload.pypi.org%2f@evil.example/",
        "https://upload.pypi.org@evil.example/",
        "https://upload.pypi.org:443@evil.example/",
        "https://@upload.pypi.org/",
        "https://evil.example\\@upload.pypi.org/",
        "https:\\\\upload.pypi.org/",
        "https://upload\u3002pypi.org/",
        "https://\uff55pload.pypi.org/",
        "https://upload.pyp\u0131.org/",
        "https://upload.pypi.org:0/",
        "https://upload.pypi.org:65536/",
        "https://upload.pypi.org:+443/",
        "https://upload.pypi.org:\u0664\u0664\u0663/",
    ],
)
def test_misleading_spellings_of_a_host_are_refused(url: str) -> None:
    assert urls.problem_with(url) is not None


PIECES = (
    *("https:", "//", "upload.pypi.org", "evil.example", "LOCALHOST", "[::1]", "[fe80::1%25eth0]", "[::ffff:1.2.3.4]"),
    *(
        "127.1",
        "xn--",
        "user",
        "443",
        "0443",
        "\u0664",
        "\u3002",
        "\u212a",
        "%40",
        "%2f",
        "%2e",
        "%00",
        "%25",
        "%",
        "[",
        "]",
    ),
    *"@\\/?#:.;&=+*~'\"<{|^`_- \t\n",
)


@settings(derandomize=True, database=None, deadline=None, max_examples=400, phases=[Phase.generate])
@given(st.sampled_from(["https://", "http://"]), st.lists(st.sampled_from(PIECES), max_size=8))
def test_the_http_client_goes_where_the_checks_looked(scheme: str, pieces: list[str]) -> None:
    url = "".join([scheme, *pieces])
    if urls.problem_with(url) is not None:
        return
    checked = urls.web_origin(url)
    with suppress(httpx.InvalidURL):
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii")
        asked = (
            parsed.scheme,
            f"[{host}]" if ":" in host else host,
            parsed.port or {"http": 80, "https": 443}[parsed.scheme],
        )
        # The two differ in how they write what no name of a host has.
        assert [unquote(str(part)).lower() for part in asked] == [unquote(str(part)).lower() for part in checked]


@pytest.mark.parametrize("url", ["https://upload.pypi.org%00.evil.example/", "https://evil.example%40upload.pypi.org/"])
def test_a_host_with_percent_signs_is_no_other(url: str) -> None:
    assert urls.site(url) is None
    with suppress(ConfigurationError), connect(Repository("private", url)) as client:
        assert urls.site(str(client.build_request("GET", url).url)) is None
