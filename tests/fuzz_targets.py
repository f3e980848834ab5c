"""Every parser of something from outside, as a function of bytes that raises nothing but the project's own exceptions.

`test_fuzzing.py` calls them with what Hypothesis makes up, and `scripts/fuzz.py` with what atheris finds.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import struct
import tarfile
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx
from api_tokens import make_token
from attempts import Facts, response
from distribution_builders import MARKDOWN, core_metadata, make_sdist, make_wheel
from packaging.version import Version
from servers.oidc import signed

from hatch_tokenindex.config import repositories
from hatch_tokenindex.config.folders import find_folders
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.cache import Cache, EntryRecord
from hatch_tokenindex.credentials.checks import check_credential
from hatch_tokenindex.credentials.credential import TOKEN_USER, Credential
from hatch_tokenindex.credentials.sources.identity import PROVIDERS, obtain
from hatch_tokenindex.credentials.sources.pypirc import Pypirc
from hatch_tokenindex.distributions import Distribution, check_for_pypi, find, read, read_attestations
from hatch_tokenindex.distributions.metadata import parse
from hatch_tokenindex.distributions.problems import Diagnostics
from hatch_tokenindex.errors import TokenIndexError
from hatch_tokenindex.index import minting
from hatch_tokenindex.index.client import connect, next_url
from hatch_tokenindex.index.clock import Clock, allowance, seconds_to_wait, when
from hatch_tokenindex.index.minting import TokenMinter
from hatch_tokenindex.index.refusals import refusal
from hatch_tokenindex.index.simple import SimpleApi
from hatch_tokenindex.secrets import REDACTOR, Redactor, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KIB, MIB = 2**10, 2**20
NOW = 1_800_000_000
WHEEL, SDIST = "demo-1.0-py3-none-any.whl", "demo-1.0.tar.gz"
PRIVATE = Repository("private", "https://index.example.org/legacy/")
AT_PYPI = Facts()
ELSEWHERE = Facts(repository="private", url=PRIVATE.url, user="jane")


@dataclass(frozen=True)
class Target:
    """One parser. `seeds` are what it is meant for; `limit` is the size in bytes up to which it is fed."""

    parse: Callable[[bytes, Path], object]
    """Takes the content, and a folder for files."""
    seeds: tuple[bytes, ...]
    limit: int

    @property
    def name(self) -> str:
        """The name of the parser."""
        return self.parse.__name__

    def feed(self, content: bytes, folder: Path) -> None:
        """Parse the content. Every exception that leaves this is a fault of the parser."""
        REDACTOR.forget()
        with suppress(TokenIndexError):
            self.parse(content, folder)


def _text(content: bytes) -> str:
    """Return bytes as Python gives those of the environment."""
    return content.decode("utf-8", "surrogateescape").replace("\0", "")


def _written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


# Files in dist/


def metadata(content: bytes, _folder: Path) -> None:
    fields = parse(content, Diagnostics())
    if fields is not None:
        # Rendering has a process and limits of its own.
        fields = tuple((name, value) for name, value in fields if name != "description")
        name, version = dict(fields)["name"], str(Version(dict(fields)["version"]))
        check_for_pypi(Distribution(Path(WHEEL), WHEEL, 1, "bdist_wheel", name, version, fields))


def wheel(content: bytes, folder: Path) -> None:
    read(_written(folder, WHEEL, content))


def entry_points(content: bytes, folder: Path) -> None:
    read(make_wheel(folder, extra={"demo-1.0.dist-info/entry_points.txt": content}))


def record(content: bytes, folder: Path) -> None:
    read(make_wheel(folder, record=content))


def sdist(content: bytes, folder: Path) -> None:
    read(_written(folder, SDIST, content))


def tar(content: bytes, folder: Path) -> None:
    """Read an sdist with valid header checksums; without them, the tar module stops early."""
    blocks = bytearray(content)
    for start in range(0, min(len(blocks) - tarfile.BLOCKSIZE, 64 * KIB), tarfile.BLOCKSIZE):
        header = blocks[start : start + tarfile.BLOCKSIZE]
        if header[257:262] == b"ustar":
            blocks[start + 148 : start + 156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    read(_written(folder, SDIST, gzip.compress(bytes(blocks), 1)))


def attestation(content: bytes, folder: Path) -> None:
    path = make_wheel(folder)
    _written(folder, f"{path.name}.publish.attestation", content)
    read_attestations([path])


def filename(content: bytes, folder: Path) -> None:
    name = _text(content).replace("/", "")
    find([name, f"*{name}*"], folder)
    if 0 < len(os.fsencode(name)) < 250:  # bytes, a file system's own limit
        for suffix in (".whl", ".tar.gz"):
            path = _written(folder, f"{name}{suffix}", b"x")
            try:
                read(path)
            finally:
                path.unlink()


# Answers of an index


def _listing(content: bytes, content_type: str) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Type": content_type}, stream=httpx.ByteStream(content))

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        SimpleApi(client, PRIVATE, Clock()).listing("demo", lambda: None, lambda _: True)


def simple_json(content: bytes, _folder: Path) -> None:
    _listing(content, "application/vnd.pypi.simple.v1+json")


def simple_html(content: bytes, _folder: Path) -> None:
    _listing(content, "text/html")


def refusal_body(content: bytes, _folder: Path) -> None:
    redact = Redactor((("jane", Secret("a-pass-word")),)).redact
    for content_type in ("text/html", "application/json", "text/plain", ""):
        headers = {"Content-Type": content_type} if content_type else {}
        for facts in (AT_PYPI, ELSEWHERE):
            refusal(response(403, "", headers, content, facts.url), facts.attempt, redact)


def headers(content: bytes, _folder: Path) -> None:
    """Read a reason phrase and headers; what can't be in one is left out."""
    value = "".join(character for character in content.decode("latin-1") if character.isprintable())
    names = ("date", "retry-after", "ratelimit", "ratelimit-policy", "location", "content-type", "age")
    for status in (429, 308, 503):
        answer = response(status, value, dict.fromkeys(names[:-1], value), b"", PRIVATE.url)
        refusal(answer, ELSEWHERE.attempt, Redactor().redact)
        seconds_to_wait(answer)
        when(answer, "later")
        allowance(answer)
        next_url(PRIVATE.url, value, status)
    for name in names:
        alone = response(429, "", {"date": "Fri, 31 Dec 9999 23:59:59 GMT", name: value}, b"", PRIVATE.url)
        when(alone, "later")
        Clock().correct(alone.headers)


def minted(content: bytes, _folder: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        status = 422 if request.url.path.endswith("mint-token") else 200
        return httpx.Response(status, stream=httpx.ByteStream(content))

    def connected(_repository: Repository) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(answer))

    minter = TokenMinter(PRIVATE, Clock())
    with patch.object(minting, "connect", connected):
        with suppress(TokenIndexError):
            minter.audience()
        minter.mint(Secret(signed({"iss": "x"}, "pypi")))


# Credentials


def secret(content: bytes, _folder: Path) -> None:
    for repository in (replace(PRIVATE, name="main", url=AT_PYPI.url), PRIVATE):
        with suppress(TokenIndexError):
            check_credential(
                Credential(TOKEN_USER, Secret(_text(content)), "HATCH_INDEX_AUTH"), "demo", repository, NOW
            )


def macaroon(content: bytes, folder: Path) -> None:
    secret(b"pypi-" + base64.urlsafe_b64encode(content).rstrip(b"="), folder)


def echo(content: bytes, _folder: Path) -> None:
    """Mask a text that quotes a secret."""
    redactor = Redactor((("jane", Secret("a&b \\c")), ("__token__", Secret(make_token(user="x")))))
    redactor.redact(content.decode("utf-8", "replace"))


def identity_token(content: bytes, _folder: Path) -> None:
    obtain(PROVIDERS[1], "pypi", {"PYPI_ID_TOKEN": _text(content)})


def pypirc(content: bytes, folder: Path) -> None:
    found = Pypirc(_written(folder, ".pypirc", content))
    found.urls()
    for repository in (PRIVATE, replace(PRIVATE, name="main", url=AT_PYPI.url)):
        found.user("demo", repository)
        found.section("demo", repository)


def cache(content: bytes, folder: Path) -> None:
    stored = Cache(folder)
    _written(folder, stored.path.name, content)
    stored.read().user(PRIVATE.url)
    stored.update(lambda contents: contents.with_user(PRIVATE.url, "jane").with_entry(_ENTRY))


_ENTRY = EntryRecord(PRIVATE.url, TOKEN_USER, "demo", "project", NOW, NOW)


# What comes with a clone, and the environment


def project_file(content: bytes, folder: Path) -> None:
    _written(folder, "pyproject.toml", content)
    found = find_folders({"HATCH_CACHE_DIR": str(folder)}, folder)
    configured = repositories.Repositories(found.tables)
    for name in configured.urls:
        with suppress(TokenIndexError):
            configured.choose(WithOrigin(name, "--repo"), dict, repositories.Layer("`-o`", folder, {}))


def proxies(content: bytes, _folder: Path) -> None:
    value = _text(content)[: 64 * KIB]
    names = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
    for name in names:
        environment = {key: text for key, text in os.environ.items() if key.upper() not in names} | {name: value}
        if name == "NO_PROXY":
            environment["HTTPS_PROXY"] = "http://127.0.0.1:9"
        with patch.dict(os.environ, environment, clear=True), suppress(TokenIndexError):
            connect(PRIVATE).close()


# Seeds


def _files() -> Iterable[bytes]:
    """Yield a wheel without compression, the tar of an sdist, and a tar with every kind of header."""
    with tempfile.TemporaryDirectory() as name:
        source, stored = make_wheel(Path(name)), Path(name, "stored.whl")
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(stored, "w") as new:
            for member in old.namelist():
                new.writestr(zipfile.ZipInfo(member), old.read(member))
        yield stored.read_bytes()
        yield gzip.decompress(make_sdist(Path(name)).read_bytes())
    kinds = io.BytesIO()
    with tarfile.open(fileobj=kinds, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE):
            info = tarfile.TarInfo("demo-1.0/PKG-INFO" if kind == tarfile.SYMTYPE else "demo-1.0/x")
            info.type, info.linkname = kind, "demo-1.0/../y"
            info.pax_headers = {"comment": "x" * 50, "GNU.sparse.map": "0,1", "size": "7", "mtime": "1.5"}
            archive.addfile(info)
    yield kinds.getvalue()


_STORED_WHEEL, _TAR, _TAR_OF_ALL_KINDS = _files()
# With the records of a directory beyond 4 GiB (APPNOTE.TXT, 4.3.14 and 4.3.15).
_END = _STORED_WHEEL[-22:]
_ZIP64 = (
    _STORED_WHEEL[:-22]
    + struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, *(_END[8],) * 2, *struct.unpack("<2L", _END[12:20]))
    + struct.pack("<4sLQL", b"PK\6\7", 0, len(_STORED_WHEEL) - 22, 1)
    + _END[:8]
    + b"\xff" * 12
    + b"\0\0"
)
_METADATA = core_metadata(
    headers=[
        ("Summary", "a\n  b"),
        ("Keywords", "a,b"),
        ("Author-email", '"A, B" <a@example.org>, C <c@example.org>'),
        ("Classifier", "Typing :: Typed"),
        ("Project-URL", "Home, https://example.org"),
        ("Requires-Python", ">=3.10"),
        ("Requires-Dist", 'a[b] (>=1.0,<2) ; python_version < "3.11" and extra == "x"'),
        ("License-Expression", "MIT OR (Apache-2.0 AND BSD-2-Clause)"),
        ("License-File", "LICENSE"),
        MARKDOWN,
    ],
    description="# Demo\n",
)
_FILE = {"filename": WHEEL, "url": "x", "hashes": {"sha256": "0" * 64}, "upload-time": "2026-01-01T00:00:00.5Z"}
_PAGE = {"meta": {"api-version": "1.4"}, "name": "demo", "files": [_FILE], "project-status": {"status": "active"}}
_HTML = (
    b'<!DOCTYPE html><html><head><meta name="pypi:project-status" content="active"><title>x</title></head>'
    b'<body><!-- c --><a href="../x/demo-1.0.tar.gz#sha256=00">d&amp;</a><![CDATA[x]]><?pi?></body></html>'
)
_ERROR = {"message": "no\n\nroom", "code": "403 Invalid API Token: a, b", "errors": [{"code": "x", "description": "y"}]}
_ENVELOPE = {
    "version": 1,
    "verification_material": {"certificate": "QQ==", "transparency_entries": [{}]},
    "envelope": {"signature": "QQ==", "statement": "e30="},
}
_CACHED = {
    "version": 1,
    "users": {PRIVATE.url: "jane"},
    "slots": [vars(_ENTRY)],
    "advised": [f"{PRIVATE.url} demo"],
}
_TOKEN = make_token(projects=["demo"], project_ids=["x"], expires=NOW, not_before=0)
_JWT = signed({"iss": "https://token.actions.githubusercontent.com"}, "pypi").encode()
_TABLE = """
[project]
name = "demo"
[tool.hatch.publish.tokenindex]
repo = "x"
jobs = 3
[tool.hatch.publish.tokenindex.repos]
y = "https://index.example.org/"
[tool.hatch.publish.tokenindex.repos.x]
url = "https://[::1]:8080/legacy/?a=b"
user = "jane"
existing = "skip"
timeout = 1.5
"""


def _json(*values: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(value).encode() for value in values)


TARGETS = (
    Target(
        metadata,
        (_METADATA, core_metadata(metadata_version="1.1", headers=[("Description", "a\n        b")])),
        16 * MIB,
    ),
    Target(wheel, (_STORED_WHEEL, _ZIP64), 16 * MIB),
    Target(
        entry_points, (b"[console_scripts]\ndemo = demo:main\n# c\n[x]\na b: c = d\n  e\n", b"\xef\xbb\xbf[a]\n"), MIB
    ),
    Target(record, (b'demo.py,sha256=x,1\n"a,""b",,\n', b"a,\r\nb\rc\n"), 16 * MIB),
    Target(sdist, (gzip.compress(_TAR), gzip.compress(_TAR[:1024]) + gzip.compress(_TAR[1024:])), 16 * MIB),
    Target(tar, (_TAR, _TAR_OF_ALL_KINDS), 16 * MIB),
    Target(attestation, _json(_ENVELOPE, []), MIB),
    Target(
        filename, (WHEEL.encode()[:-4], b"demo-1.0-1-py2.py3-abi3.none-a.b", b"demo-1.0", b"[a-z]*?", b"../x"), 4 * KIB
    ),
    Target(simple_json, _json(_PAGE, {"files": [{}, 7, {"filename": None}]}), 16 * MIB),
    Target(simple_html, (_HTML,), 16 * MIB),
    Target(refusal_body, (*_json(_ERROR, [{"detail": [{"msg": "x"}]}]), _HTML, b"Invalid API Token: a, b"), MIB),
    Target(
        headers,
        (
            b"Fri, 27 Nov 2026 15:00:00 -0000",
            b'"project.create.user";r=0;t=1800, "x";q=20;w=3600',
            b"//h@[::1]:80\\/x?y#z",
            b'text/html; charset="x"; a*=b',
            b"120",
        ),
        64 * KIB,
    ),
    Target(minted, _json({"audience": "pypi", "token": "pypi-x", "expires": NOW}, _ERROR), 64 * KIB),
    Target(
        secret, (_TOKEN.encode(), b"export HATCH_INDEX_AUTH='pypi-AgEI'\r\n", b"%70ypi-&#65;gEIcHlwaS5vcmc"), 128 * KIB
    ),
    Target(macaroon, (b"\2\1\x08pypi.org\2\1x\0\0\2\x05[0,1]\0\0\6 " + bytes(32),), 16 * KIB),
    Target(echo, (rb'{"a": "a&amp;b+%5cc \u0061\/\\\\"}', b"a%26b%20&#x5c;c"), 64 * KIB),
    Target(identity_token, (_JWT, b"a.e30.c"), 128 * KIB),
    Target(
        pypirc,
        (b"[distutils]\nindex-servers = a\n[a]\nrepository = https://index.example.org/legacy/\npassword: %x\n",),
        MIB,
    ),
    Target(cache, _json(_CACHED, {"version": 2}, {"version": 1, "users": [], "slots": {}}), MIB),
    Target(project_file, (_TABLE.encode(),), 64 * KIB),
    Target(proxies, (b"http://u:p@127.0.0.1:9", b"localhost,.x,10.0.0.0/8,[::1]:80,*", b"socks5://x"), 32 * KIB),
)
