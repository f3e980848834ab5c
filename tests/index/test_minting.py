"""The index's endpoints for Trusted Publishing: requests, responses, and burning tokens."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import pytest
from servers import Answer, Fault, RecordingServer
from servers.oidc import GITHUB, signed

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.sources.trusted_publishing import BURN_PATIENCE
from hatch_tokenindex.errors import ConfigurationError, MintingError, SourceUnavailableError
from hatch_tokenindex.index import minting
from hatch_tokenindex.index.clock import Clock
from hatch_tokenindex.index.minting import TokenMinter
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import Minted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path


IDENTITY = Secret(signed({"iss": GITHUB}, "pypi"))
TOKEN = "pypi-AgEIcHlwaS5vcmcABCDEF"


def mint_at(index: RecordingServer, **settings: Any) -> TokenMinter:
    """Return the minter of an index."""
    return TokenMinter(Repository("private", f"{index.url}deep/below/legacy/?a=b", **settings), Clock())


def answered(index: RecordingServer, answer: Answer) -> TokenMinter:
    """Return the minter of an index with one answer to every request."""
    index.respond = lambda _request: answer
    return mint_at(index)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_an_identity_token_follows_no_redirect(index: RecordingServer, status: int) -> None:
    with RecordingServer() as other:
        minter = answered(index, Answer(status, headers={"Location": f"{other.url}_/oidc/mint-token"}))
        for ask in (minter.audience, lambda: minter.mint(IDENTITY)):
            with pytest.raises((MintingError, SourceUnavailableError)):
                ask()
        minter.burn([Secret("one")])
        assert other.requests == []


# The audience


def test_the_audience_is_asked_on_the_upload_urls_own_host(index: RecordingServer) -> None:
    assert answered(index, Answer(body={"audience": "pypi"})).audience() == "pypi"
    (request,) = index.requests
    assert (request.method, request.target) == ("GET", "/_/oidc/audience")
    assert "Authorization" not in request.headers
    assert request.headers["User-Agent"].startswith("hatch-tokenindex/")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(404, body="Not found"), "HTTP 404)"),
        (Answer(405, body="Method not allowed"), "HTTP 405)"),
        (Answer(403, body={"message": "not enabled\n\x1b[31m today"}), "HTTP 403: not enabled today)"),
        (Answer(403, body={"message": ["not", "text"]}), "HTTP 403)"),
        (Answer(403, body={"message": "x" * 10_000}), "..."),
        (Answer(200, body="<html>Welcome</html>"), "HTTP 200)"),
        (Answer(200, body={}), "HTTP 200)"),
        (Answer(200, body=["pypi"]), "HTTP 200)"),
        (Answer(200, body={"audience": ""}), "HTTP 200)"),
        (Answer(200, body={"audience": ["pypi"]}), "HTTP 200)"),
        (Answer(200, body=b"[" * 60_000), "HTTP 200)"),
        (Answer(200, body=b'{"audience": "' + b"x" * 1_000_000 + b'"}'), "HTTP 200)"),
        (Answer(201, body={"audience": "pypi"}), "HTTP 201)"),
        (Answer(301, headers={"Location": "https://example.org/_/oidc/audience"}), "HTTP 301)"),
        (Answer(307, headers={"Location": "/elsewhere"}), "HTTP 307)"),
        (Answer(500, body="out of order"), "HTTP 500)"),
    ],
)
def test_an_index_without_trusted_publishing(index: RecordingServer, answer: Answer, told: str) -> None:
    with pytest.raises(SourceUnavailableError) as caught:
        answered(index, answer).audience()
    assert str(caught.value).startswith("the index does not support Trusted Publishing (HTTP ")
    assert told in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    assert len(index.requests) == 1


# Minting


def test_a_token_is_minted_for_an_identity(index: RecordingServer) -> None:
    mint = answered(index, Answer(body={"success": True, "token": TOKEN, "expires": 1_800_000_900}))
    assert mint.mint(IDENTITY) == Minted(Secret(TOKEN), 1_800_000_900)
    (request,) = index.requests
    assert (request.method, request.target) == ("POST", "/_/oidc/mint-token")
    assert json.loads(request.body) == {"token": IDENTITY.reveal()}
    assert request.headers["Content-Type"] == "application/json"
    assert "Authorization" not in request.headers


def test_what_was_minted_shows_no_token() -> None:
    assert repr(Minted(Secret(TOKEN), 3)) == "Minted(token=*****, expires=3)"


@pytest.mark.parametrize(
    "expires", [None, "1800000900", 1.5e9, True, [], "missing", 10**400, -(10**400), 10**11, 0, -1, float("inf")]
)
def test_invalid_expiry_is_ignored(index: RecordingServer, expires: object) -> None:
    body = {"token": TOKEN, "expires": expires} if expires != "missing" else {"token": TOKEN}
    assert answered(index, Answer(body=body)).mint(IDENTITY).expires is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": ""},
        {"token": 3},
        {"token": f"{TOKEN}\n::set-output name=x::y"},
        {"token": f"{TOKEN} "},
        {"token": "pypi-\u00fc"},
        {"token": "\x1b[31m"},
        ["token"],
        "no JSON",
    ],
)
def test_response_without_a_valid_token(index: RecordingServer, body: object) -> None:
    with pytest.raises(MintingError) as caught:
        answered(index, Answer(body=body)).mint(IDENTITY)
    assert (caught.value.code, str(caught.value)) == ("", "HTTP 200")


def errors(*pairs: tuple[object, object]) -> dict[str, Any]:
    """Return the body of a refusal by PyPI."""
    return {
        "message": "Token request failed",
        "errors": [{"code": code, "description": description} for code, description in pairs],
    }


@pytest.mark.parametrize(
    ("body", "code", "description"),
    [
        (errors(("invalid-token", "malformed or invalid token")), "invalid-token", "malformed or invalid token"),
        (errors(("a", "one"), ("b", "two")), "a", "one two"),
        (errors(("a", "several\nlines\r\nof \x1b[31mred")), "a", "several lines of red"),
        (errors((3, ["x"])), "3", "['x']"),
        (errors(("a", None)), "a", "HTTP 422"),
        ({"errors": ["text"], "message": "no"}, "", "no"),
        ({"errors": "text"}, "", "HTTP 422"),
        ({"message": "no"}, "", "no"),
        ([], "", "HTTP 422"),
        ("<html>", "", "HTTP 422"),
    ],
)
def test_a_refusal_has_the_words_of_the_index(
    index: RecordingServer, body: object, code: str, description: str
) -> None:
    with pytest.raises(MintingError) as caught:
        answered(index, Answer(422, body=body)).mint(IDENTITY)
    assert (caught.value.code, str(caught.value)) == (code, description)


def test_a_refusal_shows_no_piece_of_the_identity_token(index: RecordingServer) -> None:
    """PyPI's validator quotes the request's body, shortened in its middle."""
    token = IDENTITY.reveal()
    quoted = (
        f'Invalid JSON [type=json_invalid, input_value=\'{{"token":"{token[:25]}...{token[-24:]}"}}\', input_type=str]'
    )
    with pytest.raises(MintingError) as caught:
        answered(index, Answer(422, body=errors((token, quoted), (token[5:40], token[100:109])))).mint(IDENTITY)
    text = f"{caught.value.code} {caught.value}"
    assert 'input_value=\'{"token":"*****...*****"}\'' in text
    assert not [start for start in range(len(token) - 8) if token[start : start + 8] in text]


def test_a_long_refusal_is_cut(index: RecordingServer) -> None:
    with pytest.raises(MintingError) as caught:
        answered(index, Answer(422, body=errors(("a" * 10_000, "b" * 10_000)))).mint(IDENTITY)
    assert len(caught.value.code) == len(str(caught.value)) == 500


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_temporary_failure(index: RecordingServer, status: int) -> None:
    with pytest.raises(SourceUnavailableError, match=f"failed to issue a token \\(HTTP {status}\\)"):
        answered(index, Answer(status, body="later")).mint(IDENTITY)


def test_a_temporary_failure_has_the_words_of_the_index(index: RecordingServer) -> None:
    answer = Answer(503, body={"message": f"Read-only mode for {IDENTITY.reveal()}"})
    with pytest.raises(SourceUnavailableError, match=r"HTTP 503: Read-only mode for \*\*\*\*\*\)"):
        answered(index, answer).mint(IDENTITY)


@pytest.mark.parametrize("fault", [Fault.RESET_BEFORE_BODY, Fault.RESET_AFTER_BODY, Fault.CUT_ANSWER])
def test_lost_response(index: RecordingServer, fault: Fault) -> None:
    index.script_others(Answer(body={"token": TOKEN}, fault=fault))
    with pytest.raises(SourceUnavailableError, match=r"/_/oidc/mint-token could not be reached \(\w+Error\)"):
        mint_at(index).mint(IDENTITY)


def test_the_time_limit_of_the_repository_counts(index: RecordingServer) -> None:
    never = threading.Event()
    index.script_others(Answer(after=never))
    begin = monotonic()
    with pytest.raises(SourceUnavailableError, match="ReadTimeout"):
        mint_at(index, timeout=0.2).audience()
    assert monotonic() - begin < 5
    never.set()


def test_the_clock_learns_the_time_of_the_index(index: RecordingServer) -> None:
    index.seconds_ahead = 5_000
    mint = answered(index, Answer(body={"token": TOKEN}))
    mint.mint(IDENTITY)
    assert mint.clock.now() - time() == pytest.approx(5_000, abs=5)


# Certificates


def test_the_certificate_of_the_index_is_checked(tls_index: RecordingServer, ca_file: Path) -> None:
    tls_index.respond = lambda _request: Answer(body={"audience": "pypi"})
    with pytest.raises(SourceUnavailableError, match="ConnectError"):
        mint_at(tls_index).audience()
    assert tls_index.requests == []
    assert mint_at(tls_index, ca_cert=ca_file).audience() == "pypi"


def test_unreadable_ca(tls_index: RecordingServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ca-cert"):
        mint_at(tls_index, ca_cert=tmp_path / "missing.pem").audience()


# Burning


def test_tokens_are_burned(index: RecordingServer) -> None:
    answered(index, Answer(body={"success": True})).burn([Secret("one"), Secret("two")])
    assert {(request.method, request.target) for request in index.requests} == {("POST", "/_/oidc/burn-token")}
    assert sorted(json.loads(request.body)["token"] for request in index.requests) == ["one", "two"]


def test_nothing_to_burn_is_no_request(index: RecordingServer) -> None:
    mint_at(index).burn([])
    assert index.requests == []


@pytest.mark.parametrize(
    "answer", [Answer(404), Answer(422, body="no"), Answer(500), Answer(fault=Fault.RESET_AFTER_BODY)]
)
def test_burning_never_fails(index: RecordingServer, capfd: pytest.CaptureFixture[str], answer: Answer) -> None:
    answered(index, answer).burn([Secret("one")])
    assert len(index.requests) == 1
    assert capfd.readouterr() == ("", "")


def test_burning_never_fails_where_nobody_listens(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        mint = TokenMinter(Repository("private", f"http://127.0.0.1:{unused.getsockname()[1]}/"), Clock())
        mint.burn([Secret("one")])
        replace(mint, repository=replace(mint.repository, ca_cert=tmp_path / "missing.pem")).burn([Secret("one")])
    assert capfd.readouterr() == ("", "")


@contextmanager
def silent_listener() -> Iterator[socket.socket]:
    """A socket that listens, but accepts no connection."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        yield listening


@contextmanager
def silent_before_the_answer() -> Iterator[str]:
    """An index that reads a request, but never responds."""
    with RecordingServer() as index:
        index.respond = lambda _request: Answer(after=threading.Event())
        yield index.url


@contextmanager
def silent_in_the_handshake() -> Iterator[str]:
    """An index that never completes the TLS handshake."""
    with silent_listener() as listening:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/"


@contextmanager
def silent_while_connecting() -> Iterator[str]:
    """An index with a full queue of connections, so that Linux accepts no other."""
    with silent_listener() as listening, ExitStack() as queue:
        for _ in range(8):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@contextmanager
def dripping() -> Iterator[str]:
    """An index with an endless response, one byte at a time."""
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not ended.wait(0.02):
                connection.sendall(b" ")

    with silent_listener() as listening:
        threading.Thread(target=lambda: serve(listening.accept()[0]), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        ended.set()


@pytest.mark.parametrize(
    "hanging", [silent_before_the_answer, silent_in_the_handshake, silent_while_connecting, dripping]
)
def test_burning_takes_no_longer_than_its_limit(
    monkeypatch: pytest.MonkeyPatch, hanging: Callable[[], AbstractContextManager[str]]
) -> None:
    assert minting.BURN_TIME_LIMIT + BURN_PATIENCE == 2
    monkeypatch.setattr(minting, "BURN_TIME_LIMIT", 0.3)
    with hanging() as url:
        begin = monotonic()
        TokenMinter(Repository("private", url), Clock()).burn([Secret("one"), Secret("two"), Secret("three")])
        assert monotonic() - begin < 5
