"""Core metadata: form fields, left-out values, and one clear line for each problem."""

from __future__ import annotations

import tracemalloc
from time import process_time
from typing import TYPE_CHECKING

import pytest
from broken_distributions import problems_of
from distribution_builders import MARKDOWN, core_metadata, make_sdist, make_wheel

from hatch_tokenindex.distributions import check_for_pypi, metadata, read
from hatch_tokenindex.distributions.problems import Diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_every_field_of_the_newest_known_metadata_is_sent(tmp_path: Path) -> None:
    """PyPI's form has two plural names; all others are singular."""
    headers = [
        ("Platform", "any"),
        ("Supported-Platform", "linux"),
        ("Home-page", "https://example.org"),
        ("Download-URL", "https://example.org/d"),
        ("Author", "A"),
        ("Maintainer", "M"),
        ("Maintainer-email", "m@example.org"),
        ("License", "MIT"),
        ("Requires-External", "libpng (>=1.5)"),
        ("Provides-Dist", "other"),
        ("Obsoletes-Dist", "older"),
        ("Requires", "a"),
        ("Provides", "b"),
        ("Obsoletes", "c"),
    ]
    sent = read(make_wheel(tmp_path, headers=headers, metadata_version="2.5")).fields[5:]
    assert sorted(sent) == sorted((header.lower().replace("-", "_"), value) for header, value in headers)


def test_a_folded_description_of_old_metadata_is_unfolded(tmp_path: Path) -> None:
    folded = "Title\n        =====\n        \n            quote\n       |\n       |end"
    old = read(make_wheel(tmp_path, headers=[("Description", folded)], metadata_version="1.1"))
    assert old.values("description") == ("Title\n=====\n\n    quote\n\nend",)
    assert check_for_pypi(old) == ()
    new = read(make_wheel(tmp_path, description="a\n        b\n", metadata_version="2.1"))
    assert new.values("description") == ("a\n        b\n",)


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5"])
def test_every_metadata_version_is_accepted(tmp_path: Path, version: str) -> None:
    distribution = read(make_wheel(tmp_path, metadata_version=version))
    assert distribution.values("metadata_version") == (version,)
    assert distribution.warnings == ()


def test_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    content = core_metadata(headers=[MARKDOWN], description="text\n\n" * 6000).replace(b"\n", b"\r\n")
    distribution = read(make_wheel(tmp_path, metadata=content))
    assert distribution.values("description_content_type") == (MARKDOWN[1],)


# Problems


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("Requires-Dist", "a b")], "has invalid metadata: 'a b' is invalid for 'requires-dist'"),
        ([("Requires-Python", "python3")], "has invalid metadata: 'python3' is invalid for 'requires-python'"),
        ([("License-Expression", "Gratis")], "has invalid metadata: 'Gratis' is invalid for 'license-expression'"),
        ([("Provides-Extra", "-x")], "has invalid metadata: '-x' is invalid for 'provides-extra'"),
        ([("Dynamic", "Name")], "has invalid metadata: 'name' is not allowed as a dynamic field"),
        (
            [("License-File", "../LICENSE")],
            "has invalid metadata: '../LICENSE' is invalid for 'license-file'",
        ),
        (
            [("Description-Content-Type", "text/plain; charset=latin-1")],
            "has invalid metadata: 'description-content-type' can only specify the UTF-8 charset",
        ),
        ([("Name", "other")], "has 2 Name headers; only one is allowed"),
        ([("Keywords", "a"), ("Keywords", "b")], "has 2 Keywords headers; only one is allowed"),
        ([("Metadata-Version", "2.4")], "has 2 Metadata-Version headers; only one is allowed"),
        (
            [("Project-URL", "A, https://a"), ("Project-URL", "A, https://b")],
            "has several Project-URLs with the same label",
        ),
    ],
)
def test_an_invalid_header_is_one_line(tmp_path: Path, headers: list[tuple[str, str]], expected: str) -> None:
    for path in (make_wheel(tmp_path, headers=headers), make_sdist(tmp_path, headers=headers)):
        (found,) = problems_of(path)
        assert found.startswith(expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ["Metadata-Version", "Name", "Version"]),
        (b"\0\1\2", ["Metadata-Version", "Name", "Version"]),
        (b"Metadata-Version: 2.1\nName: demo\n", ["Version"]),
        (b"Metadata-Version: 2.1\nName: UNKNOWN\nVersion: 1.0\n", ["Name"]),
        (b"Name: demo\nVersion: 1.0\n", ["Metadata-Version"]),
    ],
)
def test_missing_headers_are_named(tmp_path: Path, content: bytes, expected: list[str]) -> None:
    assert problems_of(make_wheel(tmp_path, metadata=content)) == [
        f"has no {header} in its metadata" for header in expected
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (core_metadata() + b"\xff", "has metadata that is not UTF-8 (byte 47)"),
        (core_metadata(metadata_version="new"), "has invalid metadata: 'new' is not a valid metadata version"),
        (core_metadata(metadata_version="0.1"), "has invalid metadata: '0.1' is not a valid metadata version"),
        (core_metadata("de mo"), "has invalid metadata: 'de mo' is invalid for 'name'"),
        (core_metadata(version="one"), "has invalid metadata: 'one' is invalid for 'version'"),
        (core_metadata(version="9" * 5000), None),
        (core_metadata("\x1b[31mdemo"), r"has invalid metadata: '\x1b[31mdemo' is invalid for 'name'"),
        (
            core_metadata(headers=[("Content-Type", "multipart/mixed; boundary=x")], description="--x\n\na\n--x--\n"),
            None,
        ),
        (core_metadata(headers=[("Description", "one")], description="two"), None),
        (core_metadata(headers=[("Requires-Dist", "a; " + "(" * 100_000)]), None),
        (core_metadata(headers=[("Description-Content-Type", "text/plain; x*")]), None),
        (
            core_metadata(headers=[(f"X-{n}", "") for n in range(5000)]),
            "has more than 5,000 metadata headers, or 1 MiB of them",
        ),
        (
            core_metadata(headers=[("Summary", "x" * 1024 * 1024)]),
            "has more than 5,000 metadata headers, or 1 MiB of them",
        ),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_hostile_metadata_is_one_short_line(tmp_path: Path, content: bytes, expected: str | None) -> None:
    found = problems_of(make_wheel(tmp_path, metadata=content))
    assert len(found) == 1
    assert len(found[0]) < 600
    assert expected in {None, found[0]}


@pytest.mark.parametrize("make", [make_wheel, make_sdist])
def test_metadata_beyond_4_mib_is_refused(tmp_path: Path, make: Callable[..., Path]) -> None:
    content = core_metadata() + bytes(4 * 1024 * 1024)
    (found,) = problems_of(make(tmp_path, metadata=content))
    assert found.endswith("is larger than 4 MiB")


# Left-out values


def test_headers_of_a_later_version_are_left_out(tmp_path: Path) -> None:
    headers = [("License-File", "LICENSE"), ("Summary", "x"), ("Import-Name", "demo"), ("License-File", "NOTICE")]
    distribution = read(make_wheel(tmp_path, headers=headers, metadata_version="2.1"))
    assert distribution.fields[5:] == (("summary", "x"),)
    assert distribution.warnings == (
        "fields that metadata version 2.1 doesn't have are not uploaded: Import-Name, License-File",
    )


def test_unknown_headers_are_left_out(tmp_path: Path) -> None:
    headers = [("X-Colour", "red"), ("Summary", "x")]
    distribution = read(make_wheel(tmp_path, headers=headers))
    assert distribution.fields[5:] == (("summary", "x"),)
    assert distribution.warnings == ("unknown metadata fields are not uploaded: x-colour",)


def test_known_fields_of_newer_metadata_are_sent(tmp_path: Path) -> None:
    headers = [("Summary", "x"), ("Dynamic", "Colour"), ("Import-Name", "demo"), ("Colour", "red")]
    distribution = read(make_wheel(tmp_path, headers=headers, metadata_version="2.99"))
    assert distribution.fields[2:] == (
        ("metadata_version", "2.99"),
        ("name", "demo"),
        ("version", "1.0"),
        ("dynamic", "Colour"),
        ("summary", "x"),
        ("import_name", "demo"),
    )
    assert distribution.warnings == (
        "unknown metadata fields are not uploaded: colour",
        "metadata version 2.99 is newer than 2.5; only known fields are uploaded",
        "has invalid metadata: 'colour' is not a valid dynamic field",
    )


def test_newer_metadata_still_needs_a_name(tmp_path: Path) -> None:
    assert problems_of(make_wheel(tmp_path, metadata=core_metadata("de mo", metadata_version="2.99"))) == [
        "has invalid metadata: 'de mo' is invalid for 'name'"
    ]


def test_what_the_parser_fails_on_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_text: str) -> None:
        raise RecursionError

    monkeypatch.setattr(metadata, "parse_email", fail)
    (found,) = problems_of(make_wheel(tmp_path))
    assert found.startswith("has metadata that can't be parsed: ")


@pytest.mark.parametrize("header", ["Content-Type: multipart/mixed; boundary=x", "content-type : message/rfc822"])
def test_metadata_of_several_parts_is_not_parsed(tmp_path: Path, header: str) -> None:
    name, _, value = header.partition(":")
    wheel = make_wheel(tmp_path, headers=[(name, value.strip())], description="--x\n" * 100_000)
    assert problems_of(wheel) == ["has metadata with a Content-Type of several parts"]


def test_folded_headers_are_sent_as_one_line(tmp_path: Path) -> None:
    headers = [
        ("Summary", "One\n        line"),
        ("Requires-Dist", "foo>=1;\n python_version < '3.12'"),
        ("Classifier", "Private ::\r\n\tDo Not Upload"),
        ("License", "First\n        Second"),
        ("Project-URL", "Home,\n https://example.org"),
        ("Author-email", "A <a@example.org>,\n  B <b@example.org>"),
    ]
    wheel = read(make_wheel(tmp_path, headers=headers))
    assert wheel.values("summary") == ("One line",)
    assert wheel.values("requires_dist") == ("foo>=1; python_version < '3.12'",)
    assert wheel.values("classifiers") == ("Private :: Do Not Upload",)
    assert wheel.values("license") == ("First\n        Second",)
    assert wheel.values("project_urls") == ("Home, https://example.org",)
    assert wheel.values("author_email") == ("A <a@example.org>, B <b@example.org>",)


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    assert read(make_wheel(tmp_path, metadata=b"\xef\xbb\xbf" + core_metadata())).project == "demo"


def test_metadata_2_0_is_a_problem_for_pypi_alone(tmp_path: Path) -> None:
    headers = [("Provides-Extra", "test")]
    wheel = read(make_wheel(tmp_path, metadata=core_metadata(metadata_version="2.0", headers=headers)))
    expected = "has metadata version 2.0, which was never released: build it again"
    assert check_for_pypi(wheel) == (expected,)
    assert wheel.warnings == (f"{expected} (PyPI rejects this)",)
    assert wheel.values("metadata_version") == ("2.0",)
    assert wheel.values("provides_extra") == ("test",)


def test_a_description_of_many_lines_takes_little_memory() -> None:
    """Python's own parser would take fourteen times as much as the text."""
    content = core_metadata(description="\n" * 4 * 1024 * 1024)
    tracemalloc.start()
    try:
        fields = metadata.parse(content, Diagnostics())
        assert tracemalloc.get_traced_memory()[1] < 3 * len(content)
    finally:
        tracemalloc.stop()
    assert fields is not None
    assert "description" not in dict(fields)


@pytest.mark.parametrize("body", ["description", "x\n\ndescription\n\n", "\n x\r\n", "UNKNOWN\nx"])
@pytest.mark.parametrize("before", ["", "Missing colon\n"])
def test_a_description_is_kept_as_it_is(body: str, before: str) -> None:
    fields = metadata.parse(core_metadata().rstrip(b"\n") + f"\n{before}\n{body}".encode(), Diagnostics())
    assert fields is not None
    assert dict(fields)["description"] == (f"{before}\n{body}" if before else body)


@pytest.mark.parametrize("header", ["Summary", "Requires-Dist", "Version", "Author-email"])
@pytest.mark.parametrize("blank", [" ", "\t", "\n "])
def test_many_blanks_in_a_header_take_little_time(header: str, blank: str) -> None:
    content = core_metadata(headers=[(header, "a" + blank * 200_000 + "b")])
    begun = process_time()
    metadata.parse(content, Diagnostics())
    assert process_time() - begun < 5


@pytest.mark.parametrize("unit", ['"', "a;", "; a*0=b", "("])
def test_a_long_content_type_is_not_parsed(tmp_path: Path, unit: str) -> None:
    headers = [("Description-Content-Type", "text/plain" + unit * 100_000)]
    begun = process_time()
    assert problems_of(make_wheel(tmp_path, headers=headers)) == [
        "has a Description-Content-Type of more than 200 characters"
    ]
    assert process_time() - begun < 5


@pytest.mark.parametrize("header", ["License-Expression", "Requires-Dist", "Requires-Python"])
def test_values_that_take_long_to_parse_are_not_parsed(tmp_path: Path, header: str) -> None:
    """A requirement of 900 kB takes 12 s."""
    value = ">=1," * 3_000
    assert problems_of(make_wheel(tmp_path, headers=[(header, value)])) == [
        f"has a {header} of more than 10,000 characters"
    ]
