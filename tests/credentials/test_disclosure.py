"""Tokens of PyPI and TestPyPI never leave for another index or over plain http, however they are spelt."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest
from api_tokens import account_token, make_token

from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.checks import check_credential, check_user_name
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import is_blank, issuers_in

TOKEN = account_token()
TEST_TOKEN = make_token(location="test.pypi.org")
NOW = 1_790_000_000.0


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SPELLINGS = {
    "as it is": TOKEN,
    "x behind": f"{TOKEN}x",
    "xxx behind": f"{TOKEN}xxx",
    "padding behind": f"{TOKEN}==",
    "a dot behind": f"{TOKEN}.",
    "a comma behind": f"{TOKEN},",
    "a comment behind": f"{TOKEN} # comment",
    "a space inside": f"{TOKEN[:60]} {TOKEN[60:]}",
    "a space in its first letters": f"{TOKEN[:12]} {TOKEN[12:]}",
    "NBSP inside": f"{TOKEN[:13]}\xa0{TOKEN[13:]}",
    "zero width space inside": f"{TOKEN[:13]}\u200b{TOKEN[13:]}",
    "wrapped at 64 columns": f"{TOKEN[:64]} {TOKEN[64:]}",
    "user name in front": f"{TOKEN_USER}:{TOKEN}",
    "variable in front": f"PYPI_TOKEN={TOKEN}",
    "a word in front": f"token {TOKEN}",
    "JSON around it": json.dumps({"token": TOKEN}),
    "no prefix": TOKEN.removeprefix("pypi-"),
    "prefix in upper case": f"PYPI-{TOKEN.removeprefix('pypi-')}",
    "full-width letters": "".join(chr(ord(letter) + 0xFEE0) for letter in TOKEN),
    "Basic authentication": f"Basic {encoded(f'{TOKEN_USER}:{TOKEN}')}",
    "base64 twice": encoded(encoded(TOKEN)),
    "hexadecimal": TOKEN.encode().hex(),
    "percent-encoded": "".join(f"%{ord(letter):02x}" for letter in TOKEN),
    "percent-encoded where needed": quote(json.dumps({"token": TOKEN})),
    "HTML entities": "".join(f"&#{ord(letter)};" for letter in TOKEN),
    "escaped HTML": html.escape(json.dumps({"token": TOKEN})),
}
every_spelling = pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS)


def check(text: str, url: str, *, insecure_http: bool = False) -> None:
    credential = Credential(TOKEN_USER, Secret(text), "HATCH_INDEX_AUTH")
    check_credential(credential, "demo", Repository("index", url, insecure_http=insecure_http), NOW)


@every_spelling
def test_a_token_of_pypi_is_not_sent_to_another_index(text: str) -> None:
    assert issuers_in(text) == {"pypi.org"}
    with pytest.raises(CredentialError, match="Not sent"):
        check(text, "https://packages.example.org/legacy/")


@every_spelling
def test_a_token_of_pypi_is_not_sent_to_testpypi(text: str) -> None:
    with pytest.raises(CredentialError, match="a PyPI token, but you are publishing to TestPyPI"):
        check(text, "https://test.pypi.org/legacy/")


@every_spelling
@pytest.mark.parametrize("url", ["http://upload.pypi.org/legacy/", "http://packages.example.org/legacy/"])
def test_a_token_of_pypi_is_not_sent_over_plain_http(text: str, url: str) -> None:
    with pytest.raises(CredentialError, match="over plain http"):
        check(text, url, insecure_http=True)


@every_spelling
def test_a_token_is_not_taken_for_a_user_name(text: str) -> None:
    with pytest.raises(CredentialError) as refused:
        check_user_name(WithOrigin(text, "HATCH_INDEX_USER"))
    assert TOKEN[5:40] not in str(refused.value)


def test_a_token_of_testpypi_is_not_sent_to_pypi() -> None:
    with pytest.raises(CredentialError, match="a TestPyPI token, but you are publishing to PyPI"):
        check(f"{TEST_TOKEN}x", "https://upload.pypi.org/legacy/")


@pytest.mark.parametrize("text", [TOKEN, f"{TOKEN}x", f"{TOKEN_USER}:{TOKEN}"])
def test_pypi_gets_its_own_token_even_if_it_is_spelt_wrongly(text: str) -> None:
    check(text, "https://upload.pypi.org/legacy/")


@pytest.mark.parametrize(
    "text", ["hunter2", "pypi", "AgEI", "x" * 20_000, "AbCd" * 5_000, encoded("AgEI pypi.org"), "pypi-AgEJMTI3LjAuMC4x"]
)
def test_other_secrets_are_sent_anywhere(text: str) -> None:
    assert issuers_in(text) == frozenset()
    check(text, "https://packages.example.org/legacy/")


@pytest.mark.parametrize(
    "text", ['""', "''", "HATCH_INDEX_AUTH=", 'HATCH_INDEX_AUTH=""', "export HATCH_INDEX_AUTH=", "`", " \t"]
)
def test_quotes_and_the_name_of_a_variable_are_empty(text: str) -> None:
    assert is_blank(text)
    with pytest.raises(CredentialError, match="is empty"):
        check(text, "https://upload.pypi.org/legacy/")


@pytest.mark.parametrize("text", ["abc=", "=", "a", "'a'"])
def test_short_secrets_are_not_empty(text: str) -> None:
    assert not is_blank(text)
