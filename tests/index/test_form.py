"""The body of an upload: its exact bytes, identical each time, of the announced length, readable by other parsers."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

import pytest
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch
from servers import Answer

from hatch_tokenindex.backoff import Backoff
from hatch_tokenindex.distributions import read
from hatch_tokenindex.errors import DistributionError
from hatch_tokenindex.index import form as form_module
from hatch_tokenindex.index import upload
from hatch_tokenindex.index.form import BLOCK, Form

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from maintainer import Maintainer

    from hatch_tokenindex.distributions import Distribution


def body_of(form: Form) -> bytes:
    """Return the whole body."""
    return b"".join(form.blocks(lambda _size: None))


def boundary_of(form: Form) -> str:
    """Return the boundary between the parts."""
    return form.content_type.partition("boundary=")[2]


def parts_of(form: Form) -> list[tuple[dict[str, str], bytes]]:
    """Parse it with the standard library's email parser: each part's parameters and content."""
    head = f"MIME-Version: 1.0\r\nContent-Type: {form.content_type}\r\n\r\n".encode()
    message = BytesParser().parsebytes(head + body_of(form))
    assert message.is_multipart()
    assert not message.defects
    parts = []
    for part in list(message.walk())[1:]:
        assert part.get_content_disposition() == "form-data"
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        parts.append((dict((part.get_params(header="content-disposition") or [])[1:]), content))
    return parts


def with_fields(path: Path, *fields: tuple[str, str]) -> Distribution:
    """Return the distribution of a file, with only these fields."""
    return replace(read(path), fields=fields)


@pytest.fixture(params=["hashed first", "hashed last"])
def hashed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Treat every file as small, then as large."""
    monkeypatch.setattr(form_module, "HASHED_FIRST", 2**40 if request.param == "hashed first" else 0)
    return str(request.param)


# The bytes


def test_the_body_has_exactly_these_bytes(tmp_path: Path, hashed: str) -> None:
    path = make_sdist(tmp_path)
    form = Form(with_fields(path, ("name", "demo"), ("summary", "Größe\nzwei")), [("attestations", "[]")])
    content, line = path.read_bytes(), f"--{boundary_of(form)}\r\nContent-Disposition: form-data; name=".encode()
    digest = line + b'"sha256_digest"\r\n\r\n' + hashlib.sha256(content).hexdigest().encode() + b"\r\n"
    file = line + b'"content"; filename="demo-1.0.tar.gz"\r\nContent-Type: application/octet-stream\r\n\r\n' + content
    fields = b"".join(
        [
            line + b'":action"\r\n\r\nfile_upload\r\n',
            line + b'"protocol_version"\r\n\r\n1\r\n',
            line + b'"name"\r\n\r\ndemo\r\n',
            line + b'"summary"\r\n\r\n' + "Größe\nzwei\r\n".encode(),
            line + b'"attestations"\r\n\r\n[]\r\n',
        ]
    )
    end = f"--{boundary_of(form)}--\r\n".encode()
    if hashed == "hashed first":
        assert body_of(form) == fields + digest + file + b"\r\n" + end
    else:
        assert body_of(form) == fields + file + b"\r\n" + digest + end


def test_boundary_is_valid_for_every_parser(tmp_path: Path) -> None:
    """At most 70 characters (RFC 2046, 5.1.1), and different in each form."""
    item = read(make_sdist(tmp_path))
    boundaries = {boundary_of(Form(item)) for _ in range(100)}
    assert len(boundaries) == 100
    assert all(len(boundary) <= 70 and boundary.isalnum() for boundary in boundaries)


@pytest.mark.usefixtures("hashed")
@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_content_of_every_size_is_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(os.urandom(size))
    item = with_fields(make_sdist(tmp_path / "other"))
    form = Form(moved(item, path))
    body = body_of(form)
    assert len(body) == form.size
    assert body.count(b"octet-stream\r\n\r\n" + path.read_bytes() + b"\r\n--") == 1
    assert form.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def moved(item: Distribution, path: Path) -> Distribution:
    """Return the same distribution with the bytes of another file."""
    return replace(item, path=path, size=path.stat().st_size)


def test_the_mail_parser_reads_it(tmp_path: Path, hashed: str) -> None:
    headers = [("Summary", "Größe"), ("Classifier", "One"), ("Classifier", "Two"), ("Requires-Python", ">=3.10")]
    path = make_wheel(tmp_path, headers=headers, description="Two\n\nparagraphs\n")
    item = read(path)
    parts = parts_of(Form(item))
    fields = [(parameters["name"], content.decode()) for parameters, content in parts if "filename" not in parameters]
    (file,) = [content for parameters, content in parts if "filename" in parameters]
    assert file == path.read_bytes()
    expected = [(":action", "file_upload"), ("protocol_version", "1"), *item.fields]
    assert fields == [*expected, ("sha256_digest", hashlib.sha256(file).hexdigest())]
    assert ("classifiers", "One") in fields
    assert ("classifiers", "Two") in fields
    assert [parameters["name"] for parameters, _ in parts].index("content") == len(parts) - (
        1 if hashed == "hashed first" else 2
    )


@pytest.mark.parametrize(
    "value", ["", " ", "\n", "a\r\nb", "--x", "\r\n--x--\r\n", 'name="content"; filename="x"', "\u2028", "\U0001f600"]
)
def test_no_value_of_a_field_can_end_it(tmp_path: Path, value: str) -> None:
    form = Form(with_fields(make_sdist(tmp_path), ("description", value), ("name", "demo")))
    found = {parameters["name"]: content for parameters, content in parts_of(form)}
    assert found["description"] == value.encode()
    assert found["name"] == b"demo"
    assert len(body_of(form)) == form.size


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("demo-1.0.tar.gz", b'filename="demo-1.0.tar.gz"'),
        ("grün-1.0.tar.gz", 'filename="grün-1.0.tar.gz"'.encode()),
        ('a"; name="x', b'filename="a%22; name=%22x"'),
        ("a\r\nb", b'filename="a%0D%0Ab"'),
    ],
)
def test_no_file_name_can_end_its_header(tmp_path: Path, filename: str, expected: bytes) -> None:
    """File names are escaped as the HTML standard requires (WHATWG, 4.10.21.8)."""
    form = Form(replace(read(make_sdist(tmp_path)), filename=filename))
    assert b'; name="content"; ' + expected + b"\r\n" in body_of(form)
    assert len(body_of(form)) == form.size


# Several attempts


@pytest.mark.usefixtures("hashed")
def test_each_reading_gives_the_same_bytes(tmp_path: Path) -> None:
    form = Form(read(make_wheel(tmp_path)))
    first = body_of(form)
    assert [body_of(form), body_of(form)] == [first, first]
    assert form.digest.encode() in first


@pytest.mark.usefixtures("hashed")
def test_abandoned_reading_changes_nothing(tmp_path: Path) -> None:
    form = Form(read(make_wheel(tmp_path, extra={"x": os.urandom(3 * BLOCK)})))
    given_up = form.blocks(lambda _size: None)
    begun = next(given_up) + next(given_up) + next(given_up)
    given_up.close()  # type: ignore[attr-defined]
    whole = body_of(form)
    assert whole.startswith(begun)
    assert len(whole) == form.size


def test_a_small_file_is_hashed_first_and_a_large_one_while_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashing first means reading twice, which takes too long for a large file."""
    path = make_wheel(tmp_path, extra={"x": os.urandom(3 * BLOCK)})
    opened: list[Path] = []
    open_path = type(path).open

    def counted(self: Path, *arguments: Any, **options: Any) -> Any:
        opened.append(self)
        return open_path(self, *arguments, **options)

    item = read(path)
    monkeypatch.setattr(type(path), "open", counted)
    monkeypatch.setattr(form_module, "HASHED_FIRST", path.stat().st_size)
    body_of(Form(item))
    assert opened == [path, path]
    monkeypatch.setattr(form_module, "HASHED_FIRST", path.stat().st_size - 1)
    body_of(Form(item))
    assert opened == [path, path, path]


@pytest.mark.usefixtures("hashed")
def test_progress_counts_the_file_alone(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, extra={"x": os.urandom(2 * BLOCK)})
    told: list[int] = []
    for _ in Form(read(path)).blocks(told.append):
        assert not told or told[-1] <= path.stat().st_size
    assert told == sorted(told)
    assert told[-1] == path.stat().st_size


def test_the_digest_needs_no_sending(tmp_path: Path) -> None:
    path = make_wheel(tmp_path)
    form = Form(read(path))
    assert form.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    assert form.digest


# Files that change


def vanish(path: Path) -> None:
    """Remove the file."""
    path.unlink()


def be_a_folder(path: Path) -> None:
    """Replace the file with a folder."""
    path.unlink()
    path.mkdir()


def grow(path: Path) -> None:
    """Append more than a block."""
    path.write_bytes(path.read_bytes() + os.urandom(2 * BLOCK))


def shrink(path: Path) -> None:
    """Truncate the file."""
    path.write_bytes(path.read_bytes()[:-1])


def change(path: Path) -> None:
    """Change the content, but not its length."""
    path.write_bytes(os.urandom(path.stat().st_size))


@pytest.mark.usefixtures("hashed")
@pytest.mark.parametrize("happens", [vanish, be_a_folder, grow, shrink])
def test_file_that_changed_before_sending_is_an_error(tmp_path: Path, happens: Callable[[Path], None]) -> None:
    """Fewer bytes than announced were sent by then, so that no index can accept it as a whole file."""
    path = make_wheel(tmp_path, extra={"x": os.urandom(3 * BLOCK)})
    form = Form(read(path))
    happens(path)
    check_broken_off(form, path)


@pytest.mark.usefixtures("hashed")
@pytest.mark.parametrize("happens", [vanish, grow, shrink, change])
def test_file_that_changed_between_attempts_is_an_error(tmp_path: Path, happens: Callable[[Path], None]) -> None:
    path = make_wheel(tmp_path, extra={"x": os.urandom(3 * BLOCK)})
    form = Form(read(path))
    body_of(form)
    happens(path)
    check_broken_off(form, path)


def check_broken_off(form: Form, path: Path) -> None:
    """Check that the body ends early, with an error that names the file."""
    sent: list[bytes] = []
    with pytest.raises(DistributionError) as raised:
        sent.extend(form.blocks(lambda _size: None))
    assert str(path) in str(raised.value)
    body = b"".join(sent)
    assert len(body) < form.size
    assert f"--{boundary_of(form)}--".encode() not in body


# Fields for some indexes


GITLAB = "api/v4/projects/7/packages/pypi"


@pytest.mark.parametrize(
    ("place", "headers", "expected"),
    [
        (GITLAB, [], [""]),
        (f"{GITLAB}/", [], [""]),
        ("gitlab/api/v4/projects/group%2Fdemo/packages/pypi", [], [""]),
        (GITLAB, [("Requires-Python", ">=3.10")], [">=3.10"]),
        ("legacy/", [], []),
        ("api/packages/me/pypi", [], []),
        ("api/v4/projects/7/packages/pypi/more", [], []),
    ],
)
def test_gitlab_gets_requires_python_even_if_empty(
    at_index: Maintainer, place: str, headers: Sequence[tuple[str, str]], expected: list[str]
) -> None:
    make_wheel(at_index.project.dist, at_index.project.name, headers=headers)
    url = f"{at_index.server.url}{place}"
    result = at_index.publish("-r", url, run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 0, result.output
    (request,) = at_index.server.uploads
    assert list(request.values("requires_python")) == expected


@pytest.mark.usefixtures("hashed")
def test_the_tests_own_index_reads_it_as_it_was_meant(at_index: Maintainer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over HTTP, with identical bytes in the second attempt."""
    monkeypatch.setattr(upload, "BACKOFF", Backoff(first=0, longest=0))
    path = make_wheel(at_index.project.dist, at_index.project.name, headers=[("Summary", "Größe")])
    at_index.server.script_uploads(Answer(503))
    result = at_index.publish(run=invoke_hatch, HATCH_INDEX_AUTH="x")
    assert result.returncode == 0, result.output
    first, second = at_index.server.uploads
    assert first.body == second.body
    assert int(first.headers["Content-Length"]) == len(first.body)
    assert "Transfer-Encoding" not in first.headers
    assert second.form.fields[2:-1] + second.form.fields[-1:] == (
        *read(path).fields,
        ("sha256_digest", hashlib.sha256(path.read_bytes()).hexdigest()),
    )
    assert second.file.content == path.read_bytes()
    assert second.file.content_type == "application/octet-stream"
