"""Which URLs would disclose a secret to whoever listens on the way."""

from __future__ import annotations

import pytest

from hatch_tokenindex import urls


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
