"""The index's own words: found in whatever it answers, short, masked, and with nothing that acts on a terminal."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from html.parser import HTMLParser
from typing import NoReturn

import pytest
from attempts import Facts, refusal, response, unreachable

from hatch_tokenindex.index.refusals import ConnectionFailure, Redact, Response
from hatch_tokenindex.secrets import Redactor, Secret

JSON = "application/json"
HTML = "text/html; charset=UTF-8"
PLAIN = "text/plain; charset=utf-8"
TOKEN = "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMAAABiBsecretsecret"
REDACT = Redactor((("__token__", Secret(TOKEN)),)).redact
SENT = Facts(
    repository="private",
    url="https://nexus.example.org/repository/pypi-local/",
    user="jane",
    source="[private] of ~/.pypirc",
)


def words(answer: Response, redact: Redact) -> tuple[str, ...]:
    """The message shown to a user for a response."""
    return refusal(answer, SENT, redact).said


def answered(body: str | bytes, kind: str = "", reason: str = "", status: int = 400) -> Response:
    content = body if isinstance(body, bytes) else body.encode()
    return response(status, reason, {"CONTENT-TYPE": kind} if kind else {}, content, "https://index.example.org/")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            answered(
                '{"type":"about:blank","title":"No room","status":400,"detail":"The disk is full"}',
                "application/problem+json",
            ),
            ("The disk is full", "No room"),
            id="problem details",
        ),
        pytest.param(answered('{"error":"no room"}', JSON), ("no room",), id="error as text"),
        pytest.param(
            answered('{"error":{"code":400,"message":"no room","errors":[{"message":"no room at all"}]}}', JSON),
            ("no room", "no room at all"),
            id="error as object",
        ),
        pytest.param(
            answered('{"detail":[{"loc":["body","name"],"msg":"field required","type":"missing"}]}', JSON),
            ("field required",),
            id="detail as list",
        ),
        pytest.param(
            answered('{"kind":"Status","why":{"disk":"full"}}', JSON),
            ("kind: Status", "why: disk: full"),
            id="unknown members",
        ),
        pytest.param(answered('"no room"', JSON), ("no room",), id="a JSON string"),
        pytest.param(answered('{"message":"no room"}', PLAIN), ("no room",), id="JSON that is called text"),
        pytest.param(answered('{"message":"no room"}'), ("no room",), id="JSON that is called nothing"),
        pytest.param(answered('{"message":"no ro', JSON), ('{"message":"no ro',), id="JSON that is cut off"),
        pytest.param(answered("no room", JSON), ("no room",), id="text that is called JSON"),
        pytest.param(answered("null", JSON, "Bad Request"), ("400 Bad Request",), id="null"),
        pytest.param(answered('{"message": null, "code": 7}', JSON), ("400 Bad Request",), id="JSON without words"),
        pytest.param(answered("no room\n\nat all\n", PLAIN), ("no room", "at all"), id="plain text"),
        pytest.param(answered("a\nb\nc\nd\ne\nf", PLAIN), ("a", "b", "c", "d"), id="at most four lines"),
        pytest.param(answered("x" * 9_000, PLAIN), ("x" * 497 + "...",), id="no endless line"),
        pytest.param(answered("no room", PLAIN, "No room"), ("no room",), id="the reason phrase repeats it"),
        pytest.param(answered("", "", "No room"), ("No room",), id="reason alone"),
        pytest.param(answered("", "", "Bad Request"), ("400 Bad Request",), id="the standard reason alone"),
        pytest.param(answered("", "", "", 599), ("HTTP status 599",), id="nothing at all"),
        pytest.param(
            answered("", "", "Content Too Large", 413), ("413 Content Too Large",), id="the server's name of the status"
        ),
        pytest.param(answered(b"\x89PNG\r\n\x1a\n\0\0", "image/png"), ("400 Bad Request",), id="an image"),
        pytest.param(
            answered("caf\xe9 is full".encode("latin-1"), "text/plain; charset=utf-8"),
            ("caf\xe9 is full",),
            id="wrong charset",
        ),
        pytest.param(answered("\ufeffno room", PLAIN), ("no room",), id="byte order mark"),
        pytest.param(
            answered(
                "<html><head><title>Full</title><script>alert('x')</script><style>p{}</style></head>"
                "<body><nav>Home</nav>Read <a href='/'>more</a><p>No &lt;b&gt;room&lt;/b&gt;</p></body></html>",
                HTML,
            ),
            ("Full", "No <b>room</b>", "Read more"),
            id="HTML: title, headings and paragraphs first; no script, style or navigation",
        ),
        pytest.param(
            answered("<Error><Code>AccessDenied</Code><Message>No room</Message></Error>", "application/xml"),
            ("AccessDenied", "No room"),
            id="XML",
        ),
        pytest.param(
            answered("Invalid API Token: a, b, token is expired, a, b, token is expired", PLAIN),
            ("Invalid API Token: a, b, token is expired, a, b",),
            id="short parts of a sentence may repeat",
        ),
        pytest.param(answered("one\u2028two\x85three", PLAIN), ("one", "two", "three"), id="every kind of line end"),
    ],
)
def test_the_words_are_found_in_every_kind_of_answer(answer: Response, expected: tuple[str, ...]) -> None:
    assert words(answer, REDACT) == expected


def test_html_that_the_parser_rejects_is_shown_up_to_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older Pythons raise `AssertionError` for a marked section that they don't know, as here every Python does."""
    monkeypatch.setattr(HTMLParser, "parse_html_declaration", rejected)
    assert words(answered("<p>No room<![endless]>more", HTML), REDACT) == ("No room",)


def rejected(*_: object) -> NoReturn:
    """Reject a part of a page."""
    raise AssertionError


@pytest.mark.parametrize(
    "evil",
    [
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07red",
        "\x1b]8;;https://evil.example\x1b\\red\x1b]8;;\x1b\\",
        "\x9b31mred",
        "r\x00e\x08d\x7f",
        "\u202ered\u202c",
        "\u2066r\u200be\u00add\u2069",
        "\ud800red",
    ],
)
def test_nothing_acts_on_the_terminal(evil: str) -> None:
    location = evil.encode("utf-8", "surrogatepass").decode("latin-1")
    answers = [
        answered(json.dumps({"message": evil}), JSON),
        answered(evil.encode("utf-8", "surrogatepass"), PLAIN),
        answered("", "", evil),
        answered(f"<p>{evil}</p>".encode("utf-8", "replace"), HTML),
        response(302, "", {"Location": f"https://other.example/{location}"}, b"", "https://index.example.org/"),
    ]
    sent = replace(SENT, filename=f"{evil}.whl", source=evil)
    for answer in answers:
        text = str(refusal(answer, sent, REDACT))
        assert all(character.isprintable() or character == "\n" for character in text)
    assert words(answers[0], REDACT) == ("red",)
    assert words(answers[2], REDACT) == ("red",)
    text = str(unreachable(ConnectionFailure.LOST, evil, sent, REDACT))
    assert all(character.isprintable() or character == "\n" for character in text)


BASIC = "X190b2tlbl9fOnB5cGktQWdFSWNIbHdhUzV2Y21jQ0pEQXdNREF3TURBd0xUQXdNREF0TURBd01DMHdNREF3TFRBd01EQXdNREF3TURBd01BQUFCaUJzZWNyZXRzZWNyZXQ="


@pytest.mark.parametrize("form", [TOKEN, BASIC, BASIC.rstrip("="), f"\x1b[1m{TOKEN[:9]}\x1b[0m{TOKEN[9:]}"])
@pytest.mark.parametrize("text", ["you sent {}", "{}", "Basic {} is wrong", "x" * 490 + " {}", "Error: {}, {}"])
def test_an_echoed_secret_is_masked(form: str, text: str) -> None:
    echo = text.format(form, form)
    filler = " " * (65_536 - len(echo) // 2)
    answers = [
        answered(json.dumps({"message": echo, "code": f"400 {echo}"}), JSON),
        answered(echo, PLAIN, echo),
        answered(f"<title>{echo}</title><p>{echo}</p>", HTML),
        answered(f"<p>{TOKEN[:9]}<b>{TOKEN[9:]}</b></p>", HTML),
        answered(filler + echo + " and so on", PLAIN),
        answered("<p>" + " " * (8_192 - len(echo) // 2) + echo + "</p>", HTML),
        response(302, "", {"Location": f"https://other.example/?q={TOKEN}"}, b"", f"https://index.example.org/{TOKEN}"),
    ]
    for answer in answers:
        shown = str(refusal(answer, SENT, REDACT))
        assert "AgEIcHlwaS5v" not in shown
        assert "X190b2tlbl9f" not in shown
        assert TOKEN[-20:] not in shown
    assert TOKEN[:20] not in str(unreachable(ConnectionFailure.PROXY, echo, SENT, REDACT))


ZERO_WIDTH = "correct\u200bhorse-battery"


@pytest.mark.parametrize("echo", [ZERO_WIDTH, ZERO_WIDTH.replace("\u200b", "")])
def test_an_echoed_secret_with_a_character_that_is_not_shown_is_masked(echo: str) -> None:
    redact = Redactor((("jane", Secret(ZERO_WIDTH)),)).redact
    answers = [
        answered(json.dumps({"message": f"no {echo}"}), JSON),
        answered(f"no {echo}", PLAIN),
        answered("", "", f"no {echo}"),
        answered(f"<p>no {echo.encode('ascii', 'xmlcharrefreplace').decode()}</p>", HTML),
    ]
    for answer in answers:
        assert words(answer, redact)[0] == "no *****"
        assert "horse" not in str(refusal(answer, SENT, redact))


NOISE = random.Random(20261121)


@pytest.mark.parametrize(
    ("kind", "bodies"),
    [
        *((kind, [NOISE.randbytes(NOISE.randrange(300)) for _ in range(60)]) for kind in ("", JSON, HTML, PLAIN)),
        (
            JSON,
            [
                b"[" * 100_000,
                b'{"message":' * 20_000,
                b'{"message":' + b"[" * 500 + b'"x"' + b"]" * 500 + b"}",
                b'{"code": ' + b"9" * 60_000 + b"}",
                b'{"message": "' + b"x" * 10_000_000 + b'"}',
            ],
        ),
        (
            HTML,
            [
                b"<a " * 50_000,
                b"<![" * 50_000,
                b"<!--" * 50_000,
                b"<svg>" * 50_000 + b"x",
                b"</p>" * 50_000,
                b"&#xD800;&#0;&#99999999999;<p>",
            ],
        ),
        (
            "text/plain; charset=idna",
            [
                b"\xff\xfe" * 5_000,
                b"x" * 10_000_000,
                b" " * 10_000_000,
                b"\n" * 70_000,
                b"a\n" * 50_000,
                b", ".join(b"%012d" % n for n in range(9_000)),
            ],
        ),
    ],
)
def test_any_bytes_are_survived(kind: str, bodies: list[bytes]) -> None:
    for body in bodies:
        lines = words(answered(body, kind), REDACT)
        assert 1 <= len(lines) <= 4
        assert all(line and len(line) <= 500 and line.isprintable() for line in lines)
