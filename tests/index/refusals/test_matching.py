"""Refusals as a person meets them: runs of `hatch`, servers that say no in their own ways, and what is printed then.

`test_table.py` plays back every refusal; these are a sample of them from end to end. The page of troubleshooting is made
of the same table.
"""

from __future__ import annotations

import base64
import json
import os
import re
import runpy
import socket
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from api_tokens import USER_ID, make_token
from servers import Answer

from hatch_tokenindex.index.refusals import ROWS, ConnectionFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hatch_process import HatchResult
    from maintainer import Maintainer
    from servers import PyPIStandIn, Request

ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "s3cret-that-must-not-be-shown"
TOKEN = make_token(user=USER_ID)
UPLOAD_URL = "https://upload.pypi.org/legacy/"
HELP = "https://pypi.org/help/"

_REFUSAL = re.compile(
    r"^(?P<who>\S.*)\n\n(?P<said>(?:  \S.*\n)+)\n(?P<sent>(?:  \S.*\n){3})\n(?P<why>.*)\nFix: (?P<fix>.*)\n",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Told:
    """The three parts of a refusal."""

    who: str
    said: tuple[str, ...]
    sent: tuple[str, ...]
    step: str


def told(result: HatchResult) -> Told:
    """The error of a refused run; its output may show no secret or internals."""
    assert result.returncode == 1, result.output
    [parts] = _REFUSAL.finditer(result.stderr)
    assert not re.search(r"</?\w+[^>]*>|<!|&\w+;", result.output)
    for unwanted in ("Traceback", "developer.mozilla.org", "bug in hatch-tokenindex", "success"):
        assert unwanted not in result.output
    for user, secret in (("jane", PASSWORD), ("__token__", PASSWORD), ("__token__", TOKEN)):
        assert secret not in result.output
        assert base64.b64encode(f"{user}:{secret}".encode()).decode() not in result.output
    # No part of a token either, be it a narrowed one.
    assert "pypi-AgE" not in result.output
    step = f"{parts['why']} {parts['fix'][:1].upper()}{parts['fix'][1:]}"
    return Told(parts["who"], _lines(parts["said"]), _lines(parts["sent"]), step)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines())


def warehouse(
    status: int, text: str, explanation: str = "Access was denied to this resource.", **headers: str
) -> Callable[[Request], Answer]:
    """PyPI's response over HTTP/2, with the message only in the body: JSON if the client prefers it, else HTML."""

    def answer(request: Request) -> Answer:
        code = f"{status} {text}"
        if _prefers_json(request.headers["Accept"]):
            document = {"message": f"{explanation}\n\n\n{text}\n\n", "code": code, "title": HTTPStatus(status).phrase}
            return Answer(status, "", document, headers=headers)
        page = f"<html><head><title>{code}</title></head><body><h1>{code}</h1>{explanation}<br/>{text}</body></html>"
        return Answer(status, "", page, headers={"Content-Type": "text/html", **headers})

    return answer


def _prefers_json(accept: str) -> bool:
    """As PyPI negotiates: HTML unless JSON ranks above it."""
    ranks = {}
    for item in accept.split(","):
        kind, _, quality = item.strip().partition(";q=")
        ranks[kind] = float(quality or 1)
    return ranks.get("application/json", 0) > ranks.get("text/html", ranks.get("*/*", 0))


# Where the credential came from


@dataclass(frozen=True)
class KeyringEntry:
    """Arguments and environment of a run, and the user and source that its error should name."""

    source: str
    user: str = "__token__"
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def flag(_: Maintainer) -> KeyringEntry:
    """A token on the command line."""
    return KeyringEntry("--auth", arguments=("-a", TOKEN))


def variable(_: Maintainer) -> KeyringEntry:
    """A token in the variable that Hatch documents."""
    return KeyringEntry("HATCH_INDEX_AUTH", environment={"HATCH_INDEX_AUTH": TOKEN})


def own_variable(_: Maintainer) -> KeyringEntry:
    """A token in the repository's own variable."""
    return KeyringEntry("HATCH_INDEX_AUTH_MAIN", environment={"HATCH_INDEX_AUTH_MAIN": TOKEN})


def table(maintainer: Maintainer) -> KeyringEntry:
    """A token in a repository's table of Hatch's own file."""
    maintainer.home.configure_hatch(f'[publish.tokenindex.repos.main]\nauth = "{TOKEN}"\n')
    return KeyringEntry(f"`auth` of [publish.tokenindex.repos.main] in {maintainer.home.hatch_config}")


def pypirc(maintainer: Maintainer) -> KeyringEntry:
    """An account's password in a section of `.pypirc`."""
    maintainer.home.pypirc.write_text(f"[pypi]\nusername = jane\npassword = {PASSWORD}\n", encoding="utf-8")
    return KeyringEntry("[pypi] of ~/.pypirc", "jane")


def keyring(maintainer: Maintainer) -> KeyringEntry:
    """A token in the keyring slot of the project."""
    slot = f"pypi_token:project:{maintainer.project.name}"
    maintainer.home.remember(UPLOAD_URL, slot, TOKEN)
    return KeyringEntry(f"keyring entry '{slot}' for {UPLOAD_URL}")


@pytest.mark.parametrize(
    ("place", "answer", "said", "step"),
    [
        pytest.param(
            pypirc,
            # PyPI puts this one into the status line alone.
            Answer(
                403,
                "",
                {
                    "message": "Access was denied to this resource.\n\n\n\n\n",
                    "code": "403 Username/Password authentication is no longer supported. Migrate to API Tokens or"
                    f" Trusted Publishers instead. See {HELP}#apitoken and {HELP}#trusted-publishers",
                    "title": "Forbidden",
                },
            ),
            "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted Publishers"
            f" instead. See {HELP}#apitoken and {HELP}#trusted-publishers",
            r"two-factor authentication .* https://pypi.org/manage/account/token/ .* use it instead of the one from \[pypi\] of"
            " ~/.pypirc, with the user name `__token__`",
            id="password",
        ),
        pytest.param(
            variable,
            warehouse(
                403,
                f"Invalid or non-existent authentication information. See {HELP}#invalid-auth for more information.",
            ),
            f"Invalid or non-existent authentication information. See {HELP}#invalid-auth for more information.",
            "doesn't recognise this token.* set HATCH_INDEX_AUTH to it",
            id="unknown token",
        ),
        pytest.param(
            table,
            warehouse(
                403,
                "Invalid API Token: project-scoped token is not valid for project: 'x', project-scoped token is not valid for"
                " project: 'x'",
            ),
            "Invalid API Token: project-scoped token is not valid for project: 'x'",
            r"another project .* use it instead of the one from `auth` of .*config\.toml",
            id="token of another project",
        ),
        pytest.param(
            flag,
            warehouse(403, "Invalid API Token: token is expired, token is expired"),
            "Invalid API Token: token is expired",
            "clock",
            id="expired",
        ),
        pytest.param(
            keyring,
            warehouse(
                403,
                f"The user 'jane' isn't allowed to upload to project 'x'. See {HELP}#project-name for more information.",
            ),
            f"The user 'jane' isn't allowed to upload to project 'x'. See {HELP}#project-name for more information.",
            "the name .* is taken.* https://pypi.org/manage/project/demo-.*/collaboration/",
            id="name taken",
        ),
        pytest.param(
            own_variable,
            warehouse(
                400,
                f"File already exists ('x', with blake2_256 hash 'abc'). See {HELP}#file-name-reuse for more information.",
            ),
            f"File already exists ('x', with blake2_256 hash 'abc'). See {HELP}#file-name-reuse for more information.",
            "Raise the version, run `hatch build --clean`",
            id="file exists",
        ),
        pytest.param(
            variable,
            warehouse(400, "Uploading new files to releases older than 14 days is not allowed."),
            "Uploading new files to releases older than 14 days is not allowed.",
            "Release 1.0 is closed.* Raise the version",
            id="closed release",
        ),
        pytest.param(
            variable,
            warehouse(
                400,
                "File too large. Limit for project 'x' is 100 MB. See https://docs.pypi.org/project-management/storage-limits"
                "#requesting-a-file-size-limit-increase for more information.",
            ),
            "File too large. Limit for project 'x' is 100 MB. See https://docs.pypi.org/project-management/storage-limits"
            "#requesting-a-file-size-limit-increase for more information.",
            "request a higher limit",
            id="file too large",
        ),
        pytest.param(
            variable,
            warehouse(
                400,
                "Project size too large. Limit for project 'x' total size is 10 GB. See"
                " https://docs.pypi.org/project-management/storage-limits#requesting-a-project-size-limit-increase",
            ),
            "Project size too large. Limit for project 'x' total size is 10 GB. See"
            " https://docs.pypi.org/project-management/storage-limits#requesting-a-project-size-limit-increase",
            "Delete old releases .*/releases/",
            id="quota of the project",
        ),
        pytest.param(
            variable,
            warehouse(403, "Read-only mode: Uploads are temporarily disabled."),
            "Read-only mode: Uploads are temporarily disabled.",
            "your file and credential are not the reason.* https://status.python.org",
            id="read-only mode",
        ),
        pytest.param(
            variable,
            warehouse(
                429,
                "Too many new projects created",
                "The action could not be performed because there were too many requests by the client.",
                **{
                    "RateLimit-Policy": '"project.create.ip";q=40;w=3600;pk=:ip:, "project.create.user";q=20;w=3600;pk=:user:',
                    "RateLimit": '"project.create.ip";r=19;t=1500, "project.create.user";r=0;t=1500',
                },
            ),
            "Too many new projects created",
            r"\(it allows 20 in 60 minutes.* in 25 minutes \(at \d{4}-\d\d-\d\d \d\d:\d\d UTC\)",
            id="too many new projects",
        ),
        pytest.param(
            variable,
            Answer(418, "", {"message": "The moon is full"}),
            "The moon is full",
            "Contact the administrator of upload.pypi.org and quote the message above.",
            id="nothing that is known",
        ),
    ],
)
def test_pypi_says_no(
    at_pypi: Maintainer,
    place: Callable[[Maintainer], KeyringEntry],
    answer: Answer | Callable[[Request], Answer],
    said: str,
    step: str,
) -> None:
    at_pypi.build()
    given = place(at_pypi)
    # A second time for the token that is narrowed again after "token is expired".
    at_pypi.server.script_uploads(answer, answer)
    somebody = replace(at_pypi, environment={**at_pypi.environment, **given.environment})
    refusal = told(somebody.publish_in_process(*given.arguments))

    assert refusal.said == (said,)
    name = at_pypi.project.name
    [wheel] = at_pypi.project.dist.iterdir()
    assert re.fullmatch(rf"PyPI rejected {re.escape(wheel.name)} \(4\d\d\)", refusal.who)
    noun = "token" if given.user == "__token__" else "password"
    assert refusal.sent == (
        f"project      {name} 1.0",
        f"upload URL   {UPLOAD_URL}",
        f"credential   {given.user}, {noun} from {given.source}",
    )
    assert re.search(step, refusal.step), refusal.step
    assert len(at_pypi.server.uploads) == (2 if "expired" in said else 1)
    assert all(_prefers_json(request.headers["Accept"]) for request in at_pypi.server.uploads)


def test_a_quarantine_explains_a_refusal(at_pypi: Maintainer) -> None:
    name, server = at_pypi.project.name, at_pypi.server
    at_pypi.build()
    server.store(f"{name.replace('-', '_')}-0.9-py3-none-any.whl", b"x")
    page = {**server.simple_page(name), "project-status": {"status": "quarantined"}}
    server.script_others(Answer(body=page, headers={"Content-Type": "application/vnd.pypi.simple.v1+json"}))
    server.script_uploads(warehouse(403, "Invalid or non-existent authentication information."))
    result = at_pypi.publish(HATCH_INDEX_AUTH=TOKEN)
    assert f"have quarantined {name}" in told(result).step


def test_the_parts_are_in_the_document_too(at_pypi: Maintainer) -> None:
    at_pypi.build()
    at_pypi.server.script_uploads(warehouse(400, "Only one sdist may be uploaded per release."))
    result = at_pypi.publish("-o", "json", HATCH_INDEX_AUTH=TOKEN)
    error = json.loads(result.stdout)["error"]
    refusal = told(result)
    assert error["index_said"] == "Only one sdist may be uploaded per release." == refusal.said[0]
    assert error["next_step"] == refusal.step
    assert error["summary"] in result.stderr


# The address


def test_a_missing_slash_is_no_refusal(at_index: Maintainer) -> None:
    at_index.build()
    text = "An upload was attempted to /upload but the expected upload URL is /upload/ (with a trailing slash)"
    at_index.server.script_uploads(warehouse(308, text, "The resource has been moved to", Location="/upload/"))
    result = at_index.publish("-r", f"{at_index.server.url}upload", HATCH_INDEX_AUTH=PASSWORD)
    assert result.returncode == 0, result.output
    assert [request.path for request in at_index.server.uploads] == ["/upload", "/upload/"]
    assert len(at_index.server.files) == 1


@pytest.mark.parametrize(
    ("arguments", "answer", "said", "step"),
    [
        pytest.param(
            ("-r", "https://pypi.org/simple/"),
            Answer(405, "", "<html><body><h1>405 Method Not Allowed</h1></body></html>", {"Content-Type": "text/html"}),
            "405 Method Not Allowed",
            "PyPI accepts uploads only at https://upload.pypi.org/legacy/. Run `hatch publish -p tokenindex -r main`.",
            id="not the upload URL",
        ),
        pytest.param(
            (),
            Answer(302, "", headers={"Location": "https://pypi.org/account/login/"}),
            "302 Found",
            "https://upload.pypi.org/legacy/ redirects to https://pypi.org/account/login/. The redirect",
            id="another origin",
        ),
        pytest.param(
            (),
            Answer(
                503,
                "",
                '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html><head><title>503 Backend fetch failed'
                "</title><style>body{}</style></head><body><h1>Error 503 Backend fetch failed</h1><p>Backend fetch"
                " failed</p><h3>Guru Mediation:</h3><p>Details: cache-ams-1</p><hr><p>Varnish cache server</p></body></html>",
                {"Content-Type": "text/html"},
            ),
            "Backend fetch failed",
            "https://status.python.org",
            id="a page of the CDN",
        ),
    ],
)
def test_something_else_answers(
    at_pypi: Maintainer, arguments: tuple[str, ...], answer: Answer, said: str, step: str
) -> None:
    at_pypi.build()
    at_pypi.server.script_uploads(answer)
    refusal = told(at_pypi.publish_in_process(*arguments, "-o", "retries=0", HATCH_INDEX_AUTH=TOKEN))
    assert refusal.said[0] == said
    assert step in refusal.step
    assert len(at_pypi.server.uploads) == 1


# No answer: what doesn't mend itself is not tried again


def without_authority(maintainer: Maintainer, _: PyPIStandIn) -> Maintainer:
    """A user who doesn't trust the authority of the server's certificate."""
    return replace(maintainer, options=())


def with_wrong_password(maintainer: Maintainer, pypi: PyPIStandIn) -> Maintainer:
    """A user whose proxy expects another password."""
    pypi.proxy.proxy_authorization = "Basic bm90aGluZzp3cm9uZw=="
    return replace(maintainer, environment={"HTTPS_PROXY": pypi.proxy.url.replace("://", f"://jane:{PASSWORD}@")})


def with_failing_proxy(maintainer: Maintainer, pypi: PyPIStandIn) -> Maintainer:
    """A user whose proxy can't reach any host now, and who doesn't wait for it."""
    pypi.proxy.proxy_authorization, pypi.proxy.refusal = "", "502 Bad Gateway"
    return replace(maintainer, options=(*maintainer.options, "-o", "retries=0"))


def behind_a_wall(maintainer: Maintainer, pypi: PyPIStandIn) -> Maintainer:
    """A user whose proxy blocks every connection."""
    pypi.proxy.routes = {}
    return maintainer


@pytest.mark.parametrize(
    ("arrange", "said", "step"),
    [
        pytest.param(
            without_authority, "The TLS certificate could not be verified.", "`--ca-cert FILE`", id="certificate"
        ),
        pytest.param(
            with_wrong_password,
            "The proxy refused the connection.",
            "the proxy in HTTPS_PROXY",
            id="password of the proxy",
        ),
        pytest.param(
            behind_a_wall,
            "The proxy refused the connection.",
            "NO_PROXY=upload.pypi.org",
            id="proxy that forbids",
        ),
        pytest.param(
            with_failing_proxy,
            "The connection through the proxy failed.",
            "can't reach upload.pypi.org",
            id="proxy that fails",
        ),
    ],
)
def test_no_way_to_pypi(
    at_pypi: Maintainer,
    pypi: PyPIStandIn,
    arrange: Callable[[Maintainer, PyPIStandIn], Maintainer],
    said: str,
    step: str,
) -> None:
    at_pypi.build()
    result = arrange(at_pypi, pypi).publish_in_process(HATCH_INDEX_AUTH=TOKEN)
    check_no_answer(result, "upload.pypi.org", said, step)
    assert "Retrying" not in result.output
    assert pypi.server.uploads == []


@pytest.fixture
def resolver(at_index: Maintainer, tmp_path: Path) -> Callable[[str], None]:
    """Makes every look-up of a name in the processes to come fail with an error of `socket`."""

    def fail_with(error: str) -> None:
        folder = tmp_path / "resolver"
        folder.mkdir()
        folder.joinpath("sitecustomize.py").write_text(
            f"import socket\n\ndef getaddrinfo(*_, **__):\n    raise socket.gaierror(socket.{error}, 'no address')\n\n"
            f"socket.getaddrinfo = getaddrinfo\n",
            encoding="utf-8",
        )
        environment = at_index.home.environment
        environment["PYTHONPATH"] = os.pathsep.join([str(folder), environment["PYTHONPATH"]])

    return fail_with


def test_an_unknown_host(at_index: Maintainer, resolver: Callable[[str], None]) -> None:
    at_index.build()
    resolver("EAI_NONAME")
    host = "packages.example.org"
    result = at_index.publish("-r", f"https://{host}/legacy/", HATCH_INDEX_AUTH=PASSWORD)
    check_no_answer(result, host, "The host name could not be resolved.", f"spelling of {host}")
    assert "Retrying" not in result.output


def test_a_name_that_cannot_be_looked_up_now(at_index: Maintainer, resolver: Callable[[str], None]) -> None:
    at_index.build()
    resolver("EAI_AGAIN")
    host = "packages.example.org"
    result = at_index.publish("-r", f"https://{host}/legacy/", "-o", "retries=0", HATCH_INDEX_AUTH=PASSWORD)
    check_no_answer(result, host, "The host could not be reached.", "whether this machine is online")


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port at which nothing listens, and which nobody else gets."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_nothing_listens(at_index: Maintainer, free_port: int) -> None:
    at_index.build()
    host = f"127.0.0.1:{free_port}"
    result = at_index.publish("-r", f"http://{host}/legacy/", "-o", "retries=0", HATCH_INDEX_AUTH=PASSWORD)
    check_no_answer(result, host, "The connection was refused.", f"no server listens at {host}.")


def test_no_proxy_listens(at_index: Maintainer, free_port: int) -> None:
    at_index.build()
    arguments = ("-r", "https://packages.example.org/legacy/", "-o", "retries=0")
    proxy = f"http://jane:{PASSWORD}@127.0.0.1:{free_port}"
    result = at_index.publish(*arguments, HATCH_INDEX_AUTH=PASSWORD, HTTPS_PROXY=proxy)
    check_no_answer(result, "packages.example.org", "The connection through the proxy failed.", "HTTPS_PROXY")


def test_a_server_that_speaks_no_https(at_index: Maintainer) -> None:
    at_index.build()
    host = f"127.0.0.1:{at_index.server.port}"
    result = at_index.publish("-r", f"https://{host}/legacy/", HATCH_INDEX_AUTH=PASSWORD)
    check_no_answer(result, host, "The TLS handshake failed.", f"the TLS handshake with {host} failed")
    assert "Retrying" not in result.output


def check_no_answer(result: HatchResult, host: str, said: str, step: str) -> None:
    """The three parts of a run that got no answer."""
    refusal = told(result)
    assert "Nothing was sent" in result.stderr
    assert "Possibly uploaded" not in result.output
    assert re.fullmatch(r"Could not upload \S+ to \S+", refusal.who)
    assert refusal.said[0] == said
    assert refusal.sent[1].startswith("upload URL   ")
    assert urlsplit(refusal.sent[1].split()[-1]).netloc == host
    assert refusal.sent[-1].endswith(" from HATCH_INDEX_AUTH")
    assert step in refusal.step


# The page of troubleshooting

PAGE = ROOT / "docs" / "troubleshooting.md"


def test_the_page_is_up_to_date() -> None:
    script: Mapping[str, Any] = runpy.run_path(str(ROOT / "scripts" / "write_troubleshooting.py"))
    assert PAGE.read_text(encoding="utf-8") == script["page"](), "run scripts/write_troubleshooting.py"


def test_the_page_has_every_refusal_once() -> None:
    headings = re.findall(r"^### (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    titles = [row.title for row in (*ROWS, *(kind.value for kind in ConnectionFailure))]
    assert sorted(headings) == sorted(titles)
    assert len(set(headings)) == len(headings)
