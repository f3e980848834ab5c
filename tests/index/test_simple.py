"""The simple API: every shape of page, credentials, redirects, and invalid, hostile or slow pages."""

from __future__ import annotations

import gzip
import itertools
import threading
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from time import monotonic, thread_time, time
from typing import TYPE_CHECKING

import httpx
import pytest
from api_tokens import USER_ID, make_token
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from servers import Answer, BasicAuth, Fault, RecordingServer

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.errors import CredentialError
from hatch_tokenindex.index import simple
from hatch_tokenindex.index.client import connect
from hatch_tokenindex.index.clock import Clock
from hatch_tokenindex.index.simple import SimpleApi
from hatch_tokenindex.index.simple_page import ListedFile, Listing, parse
from hatch_tokenindex.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from maintainer import Maintainer
    from servers import PyPIStandIn, Request

HEADER = Secret("Basic bWU6c2VjcmV0")
JSON_PAGE = "application/vnd.pypi.simple.v1+json"
ONE, TWO = "1" * 64, "a" * 64
PAGE_URL = "https://packages.example.org/simple/demo/"
WHEEL, SDIST = "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"


def has_the_wheel(found: Listing) -> bool:
    """Return True for a listing with everything that the run has."""
    return found.has(WHEEL, ONE)


def listing(
    repository: Repository | RecordingServer, authorization: Callable[[], Secret | None] = lambda: None
) -> Listing:
    """Return the listing of the project `demo`, of which the run has one wheel."""
    if isinstance(repository, RecordingServer):
        repository = Repository("private", repository.upload_url)
    with connect(repository) as client:
        return SimpleApi(client, repository, Clock()).listing("demo", authorization, has_the_wheel)


def json_page(*files: object, **more: object) -> Answer:
    """Return a PEP 691 page."""
    return Answer(body={"meta": {"api-version": "1.4"}, "name": "demo", "files": files, **more}, headers=as_json())


def as_json() -> dict[str, str]:
    """Return the headers of such a page."""
    return {"Content-Type": JSON_PAGE}


def html_page(body: str | bytes, content_type: str = "text/html; charset=utf-8") -> Answer:
    """Return a PEP 503 page."""
    return Answer(body=body, headers={"Content-Type": content_type})


# Pages


TIME = datetime(2026, 8, 1, 12, 0, 0, 250_000, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(json_page(), Listing(exists=True), id="JSON without files"),
        pytest.param(
            json_page(
                {
                    "filename": WHEEL,
                    "url": "../x",
                    "hashes": {"sha256": TWO.upper(), "md5": "x"},
                    "upload-time": "2026-08-01T12:00:00.250000Z",
                    "yanked": False,
                },
                {"filename": SDIST, "url": "", "hashes": {}, "upload-time": "2026-08-01T14:00:00.250000+02:00"},
                {"filename": "old.egg", "hashes": {"md5": "x"}, "upload-time": "yesterday"},
            ),
            Listing(
                exists=True,
                files={
                    WHEEL: ListedFile(TWO, TIME.timestamp()),
                    SDIST: ListedFile(None, TIME.timestamp()),
                    "old.egg": ListedFile(None, None),
                },
            ),
            id="JSON",
        ),
        pytest.param(
            json_page(**{"project-status": {"status": "archived", "reason": "old,\nvery\x1b[31m old"}}),
            Listing(exists=True, status="archived", status_reason="old, very old"),
            id="JSON with a status",
        ),
        pytest.param(
            json_page(
                7,
                None,
                [],
                {},
                {"filename": 7},
                {"filename": "a.whl", "hashes": [TWO]},
                {"filename": "b.whl", "hashes": {"sha256": 7}, "upload-time": 7},
                {"filename": "c.whl", "hashes": {"sha256": "short"}, "upload-time": {"no": "time"}},
                {"filename": WHEEL, "hashes": {"sha256": ONE}},
                **{"project-status": "archived"},
            ),
            Listing(
                exists=True,
                files={
                    "a.whl": ListedFile(None),
                    "b.whl": ListedFile(None),
                    "c.whl": ListedFile(None),
                    WHEEL: ListedFile(ONE),
                },
            ),
            id="JSON with bad entries",
        ),
        pytest.param(
            Answer(body=b'\xef\xbb\xbf{"files": []}', headers={"Content-Type": "application/json"}),
            Listing(exists=True),
            id="JSON with a byte order mark",
        ),
        pytest.param(
            html_page(
                "<!DOCTYPE html><html><head><meta name='pypi:repository-version' content='1.0'><title>demo</title></head>"
                f"<body><h1>demo</h1><a href='../../packages/{WHEEL}#sha256={ONE}' data-requires-python='&gt;=3.8'>w</a>"
                f'<A HREF="https://files.example.org/x/{SDIST}?token=1&amp;x#sha256={TWO.upper()}">s</A></body></html>'
            ),
            Listing(exists=True, files={WHEEL: ListedFile(ONE), SDIST: ListedFile(TWO)}),
            id="HTML",
        ),
        pytest.param(
            html_page(f"<a href='{WHEEL}'>w</a><a href={SDIST}#md5={'0' * 32}>s</a><a href='x%2B1-1.0.tar.gz'>x</a>"),
            Listing(
                exists=True,
                files={WHEEL: ListedFile(None), SDIST: ListedFile(None), "x+1-1.0.tar.gz": ListedFile(None)},
            ),
            id="HTML without hashes",
        ),
        pytest.param(
            html_page(
                f"<a>no link</a><a href>empty</a><a href='http://['>bad</a><a href='{WHEEL}#sha256=short'>w</a>"
                f"<a href='#sha256={ONE}'>no file</a><a href='{SDIST}#sha256={ONE}'>s</a><p>{WHEEL}</p><a href='{WHEEL}"
            ),
            Listing(exists=True, files={WHEEL: ListedFile(None), SDIST: ListedFile(ONE), "": ListedFile(ONE)}),
            id="HTML with bad entries",
        ),
        pytest.param(
            html_page(
                "<meta name='pypi:project-status' content='archived'><a href='x.whl'>x</a>"
                "<meta name='pypi:project-status-reason' content='old'><meta><meta name='pypi:x'>"
            ),
            Listing(exists=True, files={"x.whl": ListedFile(None)}, status="archived", status_reason="old"),
            id="HTML with a status",
        ),
        pytest.param(
            html_page(f"<![foo[bar]]><![><!x><a href='{WHEEL}#sha256={ONE}'>w</a><![never"),
            Listing(exists=True, files={WHEEL: ListedFile(ONE)}),
            id="HTML with unknown sections",
        ),
        pytest.param(html_page(""), Listing(exists=True), id="HTML without anything"),
        pytest.param(
            html_page(f"<a href='{WHEEL}'>\xff</a>".encode("latin-1")),
            Listing(exists=True, files={WHEEL: ListedFile(None)}),
            id="HTML that is not UTF-8",
        ),
    ],
)
def test_what_a_page_says(index: RecordingServer, answer: Answer, expected: Listing) -> None:
    index.script_others(answer)
    assert listing(index) == expected
    assert [(request.method, request.path) for request in index.requests] == [("GET", "/simple/demo/")]
    assert index.requests[0].headers["Accept"].startswith(JSON_PAGE)
    assert index.requests[0].authorization is None


def test_a_project_that_is_not_there(index: RecordingServer) -> None:
    assert listing(index) == Listing(exists=False)


def test_both_places_of_a_devpi_are_asked(index: RecordingServer) -> None:
    index.script_others(Answer(404), json_page({"filename": WHEEL}))
    found = listing(Repository("private", f"{index.url}user/index/"))
    assert list(found.files) == [WHEEL]
    assert [request.path for request in index.requests] == ["/user/index/+simple/demo/", "/user/index/simple/demo/"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(body="demo-1.0.tar.gz"), id="text"),
        pytest.param(Answer(body=b"\x00\xff", headers={"Content-Type": "application/octet-stream"}), id="bytes"),
        pytest.param(Answer(body="", headers={"Content-Type": ""}), id="nothing"),
        pytest.param(Answer(body="", headers=as_json()), id="empty JSON"),
        pytest.param(Answer(body='{"files": [', headers=as_json()), id="half of JSON"),
        pytest.param(Answer(body="7", headers=as_json()), id="a number"),
        pytest.param(Answer(body="[]", headers=as_json()), id="a list"),
        pytest.param(Answer(body='{"files": {}}', headers=as_json()), id="files that are no list"),
        pytest.param(Answer(body='{"message": "log in"}', headers=as_json()), id="other JSON"),
        pytest.param(Answer(body="[" * 500_000, headers=as_json()), id="deep JSON"),
        pytest.param(Answer(body=f'{{"files": [{"9" * 10_000}]}}', headers=as_json()), id="a large number"),
        pytest.param(
            Answer(body=b"<a", headers={"Content-Encoding": "gzip", "Content-Type": "text/html"}), id="no gzip"
        ),
        pytest.param(Answer(500), id="500"),
        pytest.param(Answer(503, body="<h1>Down</h1>"), id="503"),
        pytest.param(Answer(203), id="203"),
        pytest.param(Answer(204), id="204"),
        pytest.param(Answer(418), id="418"),
        pytest.param(Answer(304), id="304"),
        pytest.param(Answer(fault=Fault.RESET_BEFORE_BODY), id="reset"),
        pytest.param(replace(json_page(*["x" * 1000] * 100), fault=Fault.CUT_ANSWER), id="cut off"),
    ],
)
def test_invalid_page(index: RecordingServer, answer: Answer) -> None:
    index.script_others(answer)
    found = listing(index)
    assert found == Listing(exists=None, problem=found.problem)
    assert found.problem


def test_an_index_that_does_not_exist() -> None:
    with RecordingServer() as server:
        url = server.upload_url
    assert listing(Repository("private", url)).problem == "the connection was refused"
    unusable = Repository("private", url, simple_url="https://a..b/simple/")
    assert listing(unusable).exists is None


# Credentials


SIGN_IN = (
    "<!DOCTYPE html><title>Sign in</title><a href='/help'>Help</a>"
    "<form method='post' action='/login'><input name='user'><input type=password></form>"
)


@pytest.mark.parametrize(
    "anonymous",
    [
        pytest.param(Answer(401), id="401"),
        pytest.param(Answer(403), id="403"),
        pytest.param(Answer(404), id="404, as Artifactory answers"),
        pytest.param(html_page(SIGN_IN), id="sign-in page"),
        pytest.param(html_page("<input\nid='x' name=\"Password\">"), id="password field alone"),
        pytest.param(
            Answer(302, headers={"Location": "https://sso.example.org/login?to=demo"}), id="redirect to another host"
        ),
        pytest.param(Answer(302, headers={"Location": "https://pypi.org/simple/demo/"}), id="redirect to PyPI"),
        pytest.param(json_page(), id="no files"),
        pytest.param(json_page({"filename": SDIST, "hashes": {"sha256": ONE}}), id="other files"),
        pytest.param(json_page({"filename": WHEEL, "hashes": {"sha256": TWO}}), id="other content"),
        pytest.param(json_page({"filename": WHEEL}), id="no hash"),
        pytest.param(html_page(f"<a href='{WHEEL}#md5={'0' * 32}'>w</a>"), id="hash of another kind"),
        pytest.param(html_page(f"<a href='{WHEEL}#sha256={'g' * 64}'>w</a>"), id="no hexadecimal hash"),
        pytest.param(Answer(body="log in"), id="text"),
    ],
)
def test_the_credential_is_sent_unless_every_file_is_listed_without_it(
    index: RecordingServer, anonymous: Answer
) -> None:
    index.script_others(anonymous, json_page({"filename": WHEEL, "hashes": {"sha256": TWO}}))
    assert listing(index, lambda: HEADER) == Listing(exists=True, files={WHEEL: ListedFile(TWO)})
    assert [request.authorization for request in index.requests] == [None, BasicAuth("me", "secret")]


def test_a_redirect_to_a_sign_in_page_of_the_same_origin(index: RecordingServer) -> None:
    index.script_others(Answer(302, headers={"Location": "/login"}), html_page(SIGN_IN), Answer(404))
    assert listing(index, lambda: HEADER) == Listing(exists=False)
    assert [request.path for request in index.requests] == ["/simple/demo/", "/login", "/simple/demo/"]


@pytest.mark.parametrize(
    "second",
    [Answer(403), Answer(503), html_page(SIGN_IN), Answer(body="log in"), Answer(fault=Fault.RESET_AFTER_BODY)],
    ids=["403", "503", "sign-in", "text", "reset"],
)
@pytest.mark.parametrize("first", [Answer(404), json_page({"filename": SDIST})], ids=["404", "page"])
def test_the_anonymous_answer_is_used_where_the_other_one_says_nothing(
    index: RecordingServer, first: Answer, second: Answer
) -> None:
    index.script_others(first, second)
    found = listing(index, lambda: HEADER)
    assert found.problem
    assert (found.exists, list(found.files)) == ((False, []) if first.status == 404 else (True, [SDIST]))


def test_no_credential_is_needed_for_what_is_listed_without_one(index: RecordingServer) -> None:
    def missing() -> Secret | None:
        msg = "No credential"
        raise CredentialError(msg)

    index.script_others(json_page({"filename": WHEEL}))
    assert list(listing(index, missing).files) == [WHEEL]
    index.script_others(Answer(401))
    with pytest.raises(CredentialError):
        listing(index, missing)


@pytest.mark.parametrize(
    "answer",
    [html_page(SIGN_IN), html_page(f"{SIGN_IN}<script>{WHEEL}</script>"), Answer(body=SIGN_IN), html_page(SIGN_IN, "")],
    ids=["HTML", "with a name", "text", "no type"],
)
def test_a_sign_in_page_lists_nothing(index: RecordingServer, answer: Answer) -> None:
    index.script_others(answer)
    assert listing(index) == Listing(None, problem="a sign-in page or another web page")


def test_a_page_made_by_a_script_lists_nothing(index: RecordingServer) -> None:
    """As many a user interface answers to every path."""
    index.script_others(html_page("<!DOCTYPE html><div id=root></div><SCRIPT src='/assets/app.js'></SCRIPT>"))
    assert listing(index) == Listing(None, problem="a sign-in page or another web page")


def test_the_second_place_of_a_devpi_is_asked_if_the_first_hides(index: RecordingServer) -> None:
    index.script_others(Answer(404), Answer(403), json_page({"filename": WHEEL, "hashes": {"sha256": ONE}}))
    found = listing(Repository("private", f"{index.url}user/index/"), lambda: HEADER)
    assert found == Listing(exists=True, files={WHEEL: ListedFile(ONE)})
    index.script_others(Answer(404), Answer(403), Answer(404), Answer(404))
    assert listing(Repository("private", f"{index.url}user/index/"), lambda: HEADER).problem == "HTTP 403"


def test_a_listing_can_have_a_form(index: RecordingServer) -> None:
    """As devpi's has, to refresh a mirror."""
    index.script_others(html_page(f"<form action=refresh></form><a href='{WHEEL}#sha256={ONE}'>w</a>"))
    assert listing(index).has(WHEEL, ONE)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/octet-stream", "text/html", JSON_PAGE, "TEXT/HTML"]
)
@pytest.mark.parametrize(
    "body",
    [
        f'{{"files": [{{"filename": "{WHEEL}", "hashes": {{"sha256": "{ONE}"}}}}]}}',
        f"\n<a href='{WHEEL}#sha256={ONE}'>w</a>",
    ],
    ids=["JSON", "HTML"],
)
def test_a_page_counts_for_more_than_its_declared_type(index: RecordingServer, body: str, content_type: str) -> None:
    index.script_others(html_page(body, content_type))
    assert listing(index) == Listing(exists=True, files={WHEEL: ListedFile(ONE)})


@pytest.mark.parametrize("fragment", ["sha256={0}&egg=demo", "egg=demo&sha256={0}", "SHA256={0}"])
def test_hash_in_a_fragment(index: RecordingServer, fragment: str) -> None:
    index.script_others(html_page(f"<a href='{WHEEL}#{fragment.format(ONE)}'>w</a>"))
    assert listing(index).has(WHEEL, ONE)


DEVPI = "https://devpi.example.org/team/prod/+simple/demo/"


@pytest.mark.parametrize(
    ("page", "file", "own"),
    [
        (DEVPI, f"../../+f/ee5/4ceef/{WHEEL}", True),
        (DEVPI, f"https://devpi.example.org/team/prod/+f/ee5/4ceef/{WHEEL}", True),
        (
            "https://example.org/devpi/team/prod/+simple/demo/",
            f"https://pkgs.example.org/team/prod/+f/ee5/{WHEEL}",
            True,
        ),
        (DEVPI, f"../../../base/+f/ee5/4ceef/{WHEEL}", False),
        (DEVPI, f"../../../../root/pypi/+f/ee5/4ceef/{WHEEL}", False),
        (DEVPI, f"../../../../root/pypi/+e/https_files.example.org_a/{WHEEL}", False),
        (DEVPI, f"../../../../other/prod/+f/ee5/4ceef/{WHEEL}", False),
        (DEVPI, f"https://cdn.example.org/{WHEEL}", True),
        (PAGE_URL, f"/base/+f/ee5/{WHEEL}", True),
        (PAGE_URL, f"http://[/{WHEEL}", True),
        (DEVPI, f"http://[/{WHEEL}", True),
        (PAGE_URL, f"https://files.pythonhosted.org/packages/aa/bb/{WHEEL}", False),
        ("https://pypi.org/simple/demo/", f"https://files.pythonhosted.org/packages/aa/bb/{WHEEL}", True),
    ],
)
def test_files_of_another_index_are_not_the_index_s_own(page: str, file: str, own: bool) -> None:
    as_json = f'{{"files": [{{"filename": "{WHEEL}", "url": "{file}", "hashes": {{"sha256": "{ONE}"}}}}]}}'
    assert list(parse(as_json.encode(), JSON_PAGE, float("inf"), page).files) == [WHEEL] * own
    if "[" not in file:
        as_html = f"<a href='{file}#sha256={ONE}'>w</a>"
        assert list(parse(as_html.encode(), "text/html", float("inf"), page).files) == [WHEEL] * own


@pytest.mark.parametrize(("second", "expected"), [(401, "401"), (403, "403"), (404, "")])
def test_rejected_credentials(index: RecordingServer, second: int, expected: str) -> None:
    index.script_others(Answer(401), Answer(second))
    found = listing(index, lambda: HEADER)
    assert found.exists is (None if expected else False)
    assert expected in found.problem
    assert len(index.requests) == 2


def test_no_credentials_where_there_are_none(index: RecordingServer) -> None:
    index.script_others(Answer(401))
    assert listing(index).problem == "HTTP 401"
    assert len(index.requests) == 1


def never() -> Secret | None:
    """Fail if the credential is asked for."""
    pytest.fail("The credential was asked for")


@pytest.mark.parametrize(
    "answer",
    [
        json_page({"filename": WHEEL, "hashes": {"sha256": ONE}}),
        Answer(500),
        Answer(fault=Fault.RESET_AFTER_BODY),
    ],
    ids=["listed", "500", "reset"],
)
def test_credentials_are_not_looked_up_without_need(index: RecordingServer, answer: Answer) -> None:
    index.script_others(answer)
    listing(index, never)


def test_credentials_never_go_to_another_origin(index: RecordingServer) -> None:
    with RecordingServer() as elsewhere:
        repository = Repository("private", index.upload_url, simple_url=elsewhere.simple_url)
        elsewhere.script_others(Answer(401), Answer(404), html_page(SIGN_IN))
        assert [listing(repository, never).exists for _ in range(3)] == [None, False, None]
        assert len(elsewhere.requests) == 3


def test_pypi_never_gets_credentials_for_a_page(pypi: PyPIStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in pypi.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_PROXY", raising=False)
    pypi.server.script_others(Answer(401), Answer(403))
    for name, url in (("main", "https://upload.pypi.org/legacy/"), ("test", "https://test.pypi.org/legacy/")):
        assert "HTTP 40" in listing(Repository(name, url, ca_cert=pypi.ca_file), never).problem
    assert [request.headers["Host"] for request in pypi.server.requests] == ["pypi.org", "test.pypi.org"]


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/simple/Demo/", "../demo/?again", "{url}simple/other/"])
def test_a_redirect_within_the_origin_is_followed(index: RecordingServer, status: int, location: str) -> None:
    redirect = Answer(status, headers={"Location": location.format(url=index.url)})
    index.script_others(Answer(401), redirect, json_page({"filename": WHEEL}))
    assert list(listing(index, lambda: HEADER).files) == [WHEEL]
    assert [request.authorization is None for request in index.requests] == [True, False, False]


@pytest.mark.parametrize("asked_for", [False, True])
def test_no_redirect_is_followed_to_another_origin(index: RecordingServer, asked_for: bool) -> None:
    with RecordingServer() as elsewhere:
        redirect = Answer(302, headers={"Location": f"{elsewhere.url}login?secret=1"})
        index.script_others(*([Answer(401)] if asked_for else []), redirect)
        found = listing(index, lambda: HEADER if asked_for else None)
        assert found.exists is None
        # A host that is named once the credential was sent could quote it.
        assert found.problem == f"redirect to {'another host' if asked_for else '127.0.0.1'}"
        assert elsewhere.requests == []


def test_pypiserver_passes_on_to_pypi_what_it_does_not_have(index: RecordingServer) -> None:
    index.script_others(Answer(302, headers={"Location": "https://pypi.org/simple/demo/"}))
    assert listing(index) == Listing(exists=False)


@pytest.mark.parametrize("location", ["/simple/demo/", "", "http://[", "mailto:me@example.org", "//", "x" * 70_000])
def test_invalid_redirect(index: RecordingServer, location: str) -> None:
    index.respond = lambda _request: Answer(302, headers={"Location": location})
    found = listing(index)
    assert found.exists is None
    assert found.problem
    assert len(index.requests) <= 10


# Large, endless and slow pages


@pytest.mark.parametrize("kind", ["JSON", "HTML"])
def test_a_page_of_10_megabytes(index: RecordingServer, kind: str) -> None:
    names = [f"demo-1.{number}-py3-none-any.whl" for number in range(50_000)]
    padding = "x" * 100
    if kind == "JSON":
        page = json_page(*({"filename": name, "hashes": {"sha256": ONE}, "url": padding} for name in names))
    else:
        page = html_page("".join(f"<a href='/{padding}/{name}#sha256={ONE}'>{name}</a>\n" for name in names))
    assert len(page.content) > 10_000_000
    index.script_others(page)
    assert listing(index).files == dict.fromkeys(names, ListedFile(ONE))


@pytest.mark.parametrize("content_type", [JSON_PAGE, "text/html", "text/plain"])
def test_a_page_without_end(index: RecordingServer, monkeypatch: pytest.MonkeyPatch, content_type: str) -> None:
    monkeypatch.setattr(simple, "SIZE_LIMIT", 5_000_000)
    blocks = itertools.repeat(b"<a href='x'>x</a>" * 1000)
    index.script_others(Answer(blocks=blocks, headers={"Content-Type": content_type}))
    assert listing(index) == Listing(exists=None, problem="invalid response")


def test_a_page_that_unpacks_to_gigabytes_is_not_unpacked_whole(
    index: RecordingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simple, "SIZE_LIMIT", 5_000_000)
    packed = itertools.chain([gzip.compress(bytes(50_000_000))], itertools.repeat(gzip.compress(bytes(1_000_000))))
    index.script_others(Answer(blocks=packed, headers={"Content-Type": "text/html", "Content-Encoding": "gzip"}))
    assert listing(index).problem == "invalid response"


def test_page_that_times_out(index: RecordingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simple, "TIME_LIMIT", 0.2)
    end = threading.Event()
    index.script_others(Answer(after=end))
    assert listing(index).problem == "timed out"
    end.set()


def test_a_page_that_trickles(index: RecordingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simple, "TIME_LIMIT", 0.2)
    end = threading.Event()

    def trickle() -> Iterator[bytes]:
        while not end.wait(0.02):
            yield b"<p>"

    index.script_others(Answer(blocks=trickle(), headers={"Content-Type": "text/html"}))
    began = monotonic()
    assert listing(index).problem == "timed out"
    assert monotonic() - began < 5
    end.set()


def test_shorter_timeout_limits_a_page_too(index: RecordingServer) -> None:
    end = threading.Event()
    index.script_others(Answer(after=end))
    assert listing(Repository("private", index.upload_url, timeout=0.2)).problem == "timed out"
    end.set()


@pytest.mark.parametrize(
    "unit",
    [
        "<a ",
        "<a\n",
        "<a href='",
        "<a href=x ",
        "<a a=",
        "<a '",
        "<a/",
        "<!--",
        "<!",
        "<?",
        "</",
        "&#",
        "<script>",
        " a/",
    ],
)
def test_a_hostile_page_takes_no_time(unit: str) -> None:
    """Python's parser takes quadratic time, or worse, for unclosed markup."""
    page = ("<a" + unit * (2_000_000 // len(unit))).encode()
    began = thread_time()
    with suppress(ValueError):
        parse(page, "text/html", monotonic() + 600, PAGE_URL)
    assert thread_time() - began < 5


def test_parsing_stops_at_the_deadline() -> None:
    page = b"<a href='x.whl'>x</a>" * 100_000
    with pytest.raises(TimeoutError, match="timed out"):
        parse(page, "text/html", monotonic() - 1, PAGE_URL)


# Whole runs


@pytest.mark.parametrize("shape", ["JSON", "HTML"])
def test_an_archived_project_is_refused_before_anything_is_sent(at_index: Maintainer, shape: str) -> None:
    at_index.build()
    page = html_page("<meta name='pypi:project-status' content='archived'>")
    if shape == "JSON":
        page = json_page(**{"project-status": {"status": "archived"}})
    at_index.server.script_others(page, page)
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 1
    assert f"{at_index.project.name} is archived" in result.words
    assert "Unarchive" in result.words
    assert at_index.server.uploads == []


@pytest.mark.parametrize("shape", ["JSON", "HTML"])
@pytest.mark.parametrize("wait", [[], ["-o", "wait"]], ids=["", "wait"])
def test_a_quarantined_project_is_no_plain_success(at_index: Maintainer, shape: str, wait: list[str]) -> None:
    """Nor is it waited for: it lists nothing until the quarantine is lifted."""
    at_index.build()
    page = html_page(
        "<meta name='pypi:project-status' content='quarantined'>"
        "<meta name='pypi:project-status-reason' content='malware?'>"
    )
    if shape == "JSON":
        page = json_page(**{"project-status": {"status": "quarantined", "reason": "malware?"}})
    at_index.server.respond = lambda request: None if request.is_upload else page
    result = at_index.publish(*wait, run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == int(bool(wait)), result.output
    assert f"{at_index.project.name} is quarantined (malware?)" in result.words
    assert "Uploaded, but not available" in result.words
    assert ("reply to its administrators" in result.words) is bool(wait)
    assert len(at_index.server.uploads) == 1


def test_an_archived_project_that_has_everything_is_no_error(at_index: Maintainer) -> None:
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    at_index.server.store(wheel.name, wheel.read_bytes())
    page = {**at_index.server.simple_page(at_index.project.name), "project-status": {"status": "archived"}}
    at_index.server.script_others(Answer(body=page, headers=as_json()))
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 0, result.output
    assert "already exists" in result.words


@pytest.mark.parametrize(("days", "closed"), [(13, False), (15, True)])
def test_pypi_takes_no_new_files_for_an_old_release(at_pypi: Maintainer, days: int, closed: bool) -> None:
    make_wheel(at_pypi.project.dist, at_pypi.project.name)
    name = at_pypi.project.name.replace("-", "_")
    now = datetime.now(timezone.utc)
    for version, age in (("1.0", days), ("0.9", 900)):
        uploaded = (now - timedelta(days=age)).isoformat().replace("+00:00", "Z")
        at_pypi.server.store(f"{name}-{version}.tar.gz", b"sdist", upload_time=uploaded)
        at_pypi.server.store(f"{name}-{version}-cp311-none-any.whl", b"wheel", upload_time=now.isoformat())
    result = at_pypi.publish(run=invoke_hatch, HATCH_INDEX_AUTH=make_token(user=USER_ID))
    assert result.returncode == int(closed), result.output
    assert len(at_pypi.server.uploads) == int(not closed)
    assert ("was released more than 14 days ago" in result.words) is closed
    assert "0.9" not in result.words


def test_other_indexes_keep_old_releases_open(at_index: Maintainer) -> None:
    make_wheel(at_index.project.dist, at_index.project.name)
    name = at_index.project.name.replace("-", "_")
    at_index.server.store(f"{name}-1.0.tar.gz", b"sdist", upload_time="2020-01-01T00:00:00Z")
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 0
    assert "14 days" not in result.words


@pytest.mark.parametrize(
    "answer",
    [Answer(500), Answer(401), json_page("x", files=7), Answer(body="log in"), Answer(fault=Fault.RESET_AFTER_BODY)],
    ids=["500", "401", "nonsense", "text", "reset"],
)
def test_files_are_uploaded_if_the_index_cannot_be_asked(at_index: Maintainer, answer: Answer) -> None:
    at_index.build()
    at_index.server.script_others(answer, answer)
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 0, result.output
    assert f"Could not list the files of {at_index.project.name} on {at_index.url}: " in result.words
    assert "Uploading all files. If the index overwrites files, existing ones are replaced." in result.words
    assert len(at_index.server.uploads) == 1


def test_files_that_only_users_see_are_not_uploaded_again(at_index: Maintainer) -> None:
    """As on Artifactory, whose answer to everyone else is a 404."""
    wheel, sdist = make_wheel(at_index.project.dist), make_sdist(at_index.project.dist)
    at_index.server.store(wheel.name, wheel.read_bytes())
    at_index.server.respond = lambda request: None if request.authorization else Answer(404)
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="secret")
    assert result.returncode == 0, result.output
    assert [request.file.filename for request in at_index.server.uploads] == [sdist.name]


def test_files_of_another_index_that_everyone_sees_are_no_obstacle(at_index: Maintainer) -> None:
    wheel = make_wheel(at_index.project.dist)
    other = json_page({"filename": wheel.name, "hashes": {"sha256": ONE}})
    at_index.server.script_others(other)
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="secret")
    assert result.returncode == 0, result.output
    assert list(at_index.server.files) == [wheel.name]


def test_a_listing_that_hides_files_from_the_credential_is_told(at_index: Maintainer) -> None:
    make_wheel(at_index.project.dist)
    at_index.server.script_others(json_page(), Answer(403))
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="secret")
    assert result.returncode == 0, result.output
    assert "HTTP 403. Uploading files that are not listed." in result.words


def test_one_request_for_each_project(at_index: Maintainer) -> None:
    for name in ("aaa", "bbb"):
        files = [make_wheel(at_index.project.dist, name, tag=f"cp3{minor}-none-any") for minor in range(10, 30)]
        for path in (*files, make_sdist(at_index.project.dist, name)):
            at_index.server.store(path.name, path.read_bytes())
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 0, result.output
    assert result.words.count("already exists") == 42
    assert [request.path for request in at_index.server.requests] == ["/simple/aaa/", "/simple/bbb/"]


def test_a_page_behind_credentials_is_read_with_those_of_the_upload(at_index: Maintainer) -> None:
    wheel = make_wheel(at_index.project.dist, at_index.project.name)
    at_index.server.store(wheel.name, wheel.read_bytes())

    def locked(request: Request) -> Answer | None:
        return None if request.authorization == BasicAuth("__token__", "secret") else Answer(401)

    at_index.server.respond = locked
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="secret")
    assert result.returncode == 0, result.output
    assert "already exists" in result.words
    assert [request.authorization for request in at_index.server.requests] == [None, BasicAuth("__token__", "secret")]


def test_redirect_to_a_url_with_credentials(at_index: Maintainer) -> None:
    make_wheel(at_index.project.dist, at_index.project.name)
    redirect = Answer(302, headers={"Location": "http://user:password@127.0.0.1/simple/"})
    at_index.server.script_others(redirect, redirect)
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 0, result.output
    assert "redirect to an invalid URL. Uploading all files." in result.words


@pytest.mark.parametrize("page", [b'{"files":[' + b"{}," * 1_000_000 + b"{}]}", b'{"files":' + b"[" * 1_000_001])
def test_a_page_of_countless_values_is_not_parsed(page: bytes) -> None:
    """Each takes many times its own size in memory."""
    with pytest.raises(ValueError, match="more than 500,000 values"):
        parse(page, JSON_PAGE, float("inf"), PAGE_URL)


def test_a_page_of_countless_links_is_not_kept() -> None:
    page = b"".join(b"<a href=%x>" % number for number in range(110_000))
    with pytest.raises(ValueError, match="too many links"):
        parse(page, "text/html", float("inf"), PAGE_URL)


@pytest.mark.parametrize(("begin", "end"), [('{"files":[],"x":"', '"}'), ("<p>", "</p>")])
def test_a_wide_character_does_not_multiply_a_page(begin: str, end: str) -> None:
    """Python's texts have up to four bytes for each character, those of ASCII too."""
    page = b"".join([f"\ufeff{begin}".encode(), b"x" * 8_000_000, f"\U0001f600{end}".encode()])
    tracemalloc.start()
    parse(page, "text/html" if begin == "<p>" else JSON_PAGE, float("inf"), PAGE_URL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * len(page)


@pytest.mark.parametrize(
    "page",
    [
        '{"files":[{"filename":"démo-1.0.tar.gz"}],"project-status":{"status":"quarantined","reason":"prüfen"}}',
        '{"files":[{"filename":"d\\u00e9mo-1.0.tar.gz"}],"project-status":{"status":"quarantined","reason":"pr\\u00fcfen"}}',
        '<meta name="pypi:project-status" content="quarantined"><meta name="pypi:project-status-reason" content="prüfen">'
        '<a href="d%C3%A9mo-1.0.tar.gz">',
        '<meta name="pypi:project-status" content="quarantined"><meta name="pypi:project-status-reason" content="prüfen">'
        '<a href="démo-1.0.tar.gz">',
    ],
)
def test_a_page_is_utf_8(page: str) -> None:
    found = parse(page.encode(), "", float("inf"), PAGE_URL)
    assert list(found.files) == ["démo-1.0.tar.gz"]
    assert (found.status, found.status_reason) == ("quarantined", "prüfen")


AT_PYPI = "https://upload.pypi.org/legacy/"


@pytest.mark.parametrize(
    ("upload_url", "simple_url", "is_believed"),
    [
        (AT_PYPI, "https://pypi.org/simple/", True),
        (AT_PYPI, "https://test.pypi.org/simple/", False),
        (AT_PYPI, "https://mirror.example/simple/", False),
        ("https://index.example/legacy/", "https://index.example/simple/", True),
        ("https://index.example/legacy/", "https://INDEX.example:443/simple/", True),
        ("https://index.example/legacy/", "http://index.example/simple/", False),
        ("https://index.example/legacy/", "https://index.example:8443/simple/", False),
        ("https://index.example/legacy/", "https://files.index.example/simple/", False),
        ("https://index.example/legacy/", "https://pypi.org/simple/", False),
    ],
)
def test_only_the_upload_origin_and_pypis_own_hosts_set_the_clock(
    upload_url: str, simple_url: str, is_believed: bool
) -> None:
    """The clock decides how long a restricted token lives."""
    date = format_datetime(datetime.now(timezone.utc) + timedelta(hours=1), usegmt=True)
    transport = httpx.MockTransport(lambda _request: httpx.Response(404, headers={"Date": date}))
    repository, clock = Repository("private", upload_url, simple_url=simple_url), Clock()
    with httpx.Client(transport=transport) as client:
        SimpleApi(client, repository, clock).listing("demo", lambda: None, has_the_wheel)
    assert clock.now() - time() == pytest.approx(3600 if is_believed else 0, abs=60)
