"""Problems that only PyPI rejects, found before uploading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from broken_distributions import rewrite_zip
from distribution_builders import make_sdist, make_wheel

from hatch_tokenindex.distributions import check_for_pypi, read, read_all

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("Summary", "x" * 512)], None),
        (
            [("Classifier", "Private :: Do Not Upload")],
            "has the classifier Private :: Do Not Upload, which blocks uploads",
        ),
        ([("Classifier", "Typing :: Typed ")], "has spaces around the classifier Typing :: Typed"),
        ([("Summary", "x" * 513)], "has a summary of 513 characters (maximum 512)"),
        ([("Requires-Dist", "a[b]>=1; extra == 'c'")], None),
        (
            [("Requires-Dist", "a @ https://example.org/a.whl")],
            "depends on a URL, which is not allowed: a @ https://example.org/a.whl",
        ),
        ([("Provides-Dist", "a @ file:///a")], "depends on a URL, which is not allowed: a @ file:///a"),
        ([("Obsoletes-Dist", "a (x)")], "has an invalid Obsoletes-Dist: a (x)"),
        ([("Home-page", "http://example.org")], None),
        ([("Home-page", "example.org")], "has a Home-page that is not an http(s) URL: example.org"),
        ([("Download-URL", "http://[")], "has a Download-URL that is not an http(s) URL: http://["),
        (
            [("Project-URL", "Mail, mailto:a@example.org")],
            "has a Project-URL that is not an http(s) URL: Mail, mailto:a@example.org",
        ),
        (
            [("Project-URL", f"{'x' * 33}, https://example.org")],
            f"has a Project-URL label that is not 1 to 32 characters long: {'x' * 33}, https://example.org",
        ),
        ([("Author-email", "A <a@example.org>, B <b@example.org>")], None),
        ([("Author-email", "me at example.org")], "has no email address in Author-email: me at example.org"),
        ([("License", "MIT")], None),
        (
            [("License", "MIT"), ("License-Expression", "MIT")],
            "has both License and License-Expression: remove License",
        ),
        (
            [("License-File", "LICENSE")],
            "lacks files that License-File names: demo-1.0.dist-info/licenses/LICENSE",
        ),
    ],
)
def test_metadata_that_pypi_refuses(tmp_path: Path, headers: list[tuple[str, str]], expected: str | None) -> None:
    assert check_for_pypi(read(make_wheel(tmp_path, headers=headers))) == ((expected,) if expected else ())


def test_license_files_have_to_be_there(tmp_path: Path) -> None:
    headers = [("License-File", "legal/LICENSE")]
    wheel = make_wheel(tmp_path, headers=headers, extra={"demo-1.0.dist-info/licenses/legal/LICENSE": b""})
    sdist = make_sdist(tmp_path, headers=headers, extra={"demo-1.0/legal/LICENSE": b""})
    assert [check_for_pypi(distribution) for distribution in read_all([wheel, sdist])] == [(), ()]
    assert check_for_pypi(read(make_sdist(tmp_path, headers=headers))) == (
        "lacks files that License-File names: demo-1.0/legal/LICENSE",
    )


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("demo-1.0.tar.gz", None),
        ("Demo-1.0.tar.gz", "must be named demo-1.0.tar.gz (PEP 625)"),
        ("demo-1.0.0.tar.gz", "must be named demo-1.0.tar.gz (PEP 625)"),
    ],
)
def test_required_sdist_name(tmp_path: Path, filename: str, expected: str | None) -> None:
    assert check_for_pypi(read(make_sdist(tmp_path, filename=filename))) == ((expected,) if expected else ())


def test_required_wheel_name(tmp_path: Path) -> None:
    def change(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        for name in old.namelist():
            new.writestr(name.replace("demo-1.0", "Demo-1.0"), old.read(name).replace(b"demo-1.0", b"Demo-1.0"))

    path = rewrite_zip(make_wheel(tmp_path, filename="Demo-1.0-py3-none-any.whl"), change)
    assert check_for_pypi(read(path)) == ("must have a name that starts with demo (binary distribution format)",)


@pytest.mark.parametrize("make", [make_wheel, make_sdist])
def test_a_local_version_is_refused(tmp_path: Path, make: Callable[..., Path]) -> None:
    assert check_for_pypi(read(make(tmp_path, version="1.0+local.1"))) == (
        "has the local version 1.0+local.1: remove the part from the plus sign on",
    )


@pytest.mark.parametrize(
    ("platform", "taken"),
    [
        ("any", True),
        ("manylinux_2_28_x86_64", True),
        ("manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("musllinux_1_2_aarch64", True),
        ("linux_armv7l", True),
        ("linux_x86_64", False),
        ("manylinux2014_x86_64.linux_x86_64", False),
        ("macosx_10_9_x86_64", True),
        ("macosx_11_0_arm64", True),
        ("macosx_14_5_arm64", False),
        ("win_amd64", True),
        ("ios_13_0_arm64_iphoneos", True),
        ("freebsd_14_amd64", False),
    ],
)
def test_accepted_platforms(tmp_path: Path, platform: str, taken: bool) -> None:
    found = check_for_pypi(read(make_wheel(tmp_path, tag=f"cp312-cp312-{platform}")))
    assert len(found) == (0 if taken else 1)
    assert taken or found[0].startswith("is for an unsupported platform: ")
    assert ("manylinux or musllinux" in "".join(found)) == ("linux_x86_64" in platform and not taken)


def test_hostile_values_are_escaped(tmp_path: Path) -> None:
    (found,) = check_for_pypi(read(make_wheel(tmp_path, headers=[("Home-page", "\x1b[2J\u202e" + "x" * 9999)])))
    assert found.isprintable()
    assert len(found) < 600


def test_a_file_beyond_any_limit_is_refused(tmp_path: Path) -> None:
    path = make_sdist(tmp_path)
    distribution = read(path)
    too_large = type(distribution)(**{**vars(distribution), "size": 1024**3 + 1})
    assert check_for_pypi(too_large) == ("is larger than 1,024 MiB",)
