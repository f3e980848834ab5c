"""Problems that only PyPI rejects, found before uploading."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from unittest.mock import patch

import email_validator
import pytest
from broken_distributions import rewrite_zip
from distribution_builders import make_sdist, make_wheel

from hatch_tokenindex.distributions import check_for_pypi, pypi, read, read_all
from hatch_tokenindex.errors import DistributionError

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
        ([("Download-URL", "ftp://example.org")], "has a Download-URL that is not an http(s) URL: ftp://example.org"),
        ([("Home-page", "HTTPS:/example.org"), ("Download-URL", "http://[")], None),
        (
            [("Project-URL", "Mail, mailto:a@example.org")],
            "has a Project-URL that is not an http(s) URL: Mail, mailto:a@example.org",
        ),
        (
            [("Project-URL", f"{'x' * 33}, https://example.org")],
            f"has a Project-URL label that is not 1 to 32 characters long: {'x' * 33}, https://example.org",
        ),
        (
            [("Classifier", "Natural Language :: Ukranian")],
            "has the deprecated classifier Natural Language :: Ukranian: use Natural Language :: Ukrainian",
        ),
        (
            [("Classifier", "Topic :: Communications :: Chat :: AOL Instant Messenger")],
            "has the deprecated classifier Topic :: Communications :: Chat :: AOL Instant Messenger: remove it",
        ),
        ([("Author-email", "A <a@example.org>, B <b@example.org>")], None),
        ([("Author-email", "Team <>"), ("Maintainer-email", "Jane, John")], None),
        ([("Author-email", "a@b (unclosed"), ("Maintainer-email", "a" * 2_000)], None),
        ([("Author-email", "(" * 499 + "a" + ")" * 499)], None),
        (
            [("Maintainer-email", "Me <me@company.local>")],
            "has an email address that can't exist in Maintainer-email: Me <me@company.local>",
        ),
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


@pytest.mark.parametrize(
    "address",
    [
        *(
            "a@example.org",
            "A@EXAMPLE.ORG",
            "a.b+c@example.org",
            "o'x!#$%&*/=?^_`{|}~-@example.org",
            "a@b.c",
            "a@x.example",
        ),
        *("a@sub.example.co.uk", "\xe4@example.org", "a@\xe4.org", f"{'x' * 64}@example.org", "a@1.2.org", "a@x-1.org"),
        *("a@b", "a@localhost", "a@x.local", "a@x.TEST", "a@x.invalid", "a@x.arpa", "a@x.onion", "a@x.123", "a@-x.org"),
        *("a@x-.org", "a@x_y.org", "a..b@example.org", ".a@example.org", "a.@example.org", "a@.org", "a@example..org"),
        *(f"a@{'x' * 64}.org", "a b@example.org", "a", "jane", "//example.org/contact"),
    ],
)
def test_addresses_are_those_that_pypi_accepts(tmp_path: Path, address: str) -> None:
    try:
        email_validator.validate_email(address, check_deliverability=False)
        accepted = True
    except email_validator.EmailNotValidError:
        accepted = False
    assert (not check_for_pypi(read(make_wheel(tmp_path, headers=[("Author-email", address)])))) == accepted


def test_what_pypi_may_reject_is_a_warning(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, headers=[("Classifier", "Typing :: Typed"), ("Classifier", "Framework :: Demo :: 7")])
    (item,) = read_all([path], for_pypi=True)
    assert item.warnings == ("has classifiers that PyPI may not know: Framework :: Demo :: 7",)
    assert read_all([path])[0].warnings == ()


@pytest.mark.parametrize("megabytes", [100, 101])
def test_a_file_beyond_the_usual_limit_is_a_warning(tmp_path: Path, megabytes: int) -> None:
    with patch.object(pypi, "_USUAL_LIMIT", megabytes * 1024):
        path = make_wheel(tmp_path, extra={"data.bin": os.urandom(100 * 1024)})
        (item,) = read_all([path], for_pypi=True)
    assert len(item.warnings) == (megabytes == 100)


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
    with pytest.raises(DistributionError) as caught:
        read_all([make_wheel(tmp_path, headers=[("Home-page", "\x1b[2J\u202e" + "x" * 9999)])], for_pypi=True)
    _, found = str(caught.value).splitlines()
    assert found.isprintable()
    assert len(found) < 600


def test_a_file_beyond_any_limit_is_refused(tmp_path: Path) -> None:
    path = make_sdist(tmp_path)
    distribution = read(path)
    too_large = type(distribution)(**{**vars(distribution), "size": 1024**3 + 1})
    assert check_for_pypi(too_large) == ("is larger than 1,024 MiB",)
