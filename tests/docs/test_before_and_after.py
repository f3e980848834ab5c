"""The README shows one rejected upload twice, with Hatch's own publisher and with this one. Both are real."""

from __future__ import annotations

import os
import re
import runpy
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from api_tokens import USER_ID, make_token
from distribution_builders import make_wheel
from hatch_process import Project, run_hatch
from pages import ROOT, lines, section, transcripts
from servers import Answer
from warm_process import TESTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hatch_process import Home
    from servers import PyPIStandIn

README = ROOT / "README.md"
PICTURE: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "write_picture.py"))

# Hatch's own publisher knows no proxy that could lead it to the stand-in, so names are looked up wrongly.
_EVERY_NAME_IS_THE_STAND_IN = """\
import socket

look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, port, *more, **named: look_up("127.0.0.1", {port}, *more, **named)
"""


@pytest.fixture
def publish(pypi: PyPIStandIn, home: Home, tmp_path: Path) -> Callable[[str, str], list[str]]:
    """Return a function that runs a command with a token that PyPI doesn't know, and returns the lines that are printed."""
    pypi.server.respond = lambda request: Answer(403, PICTURE["SAID"]) if request.is_upload else None
    names = tmp_path / "names"
    names.mkdir()
    names.joinpath("sitecustomize.py").write_text(
        _EVERY_NAME_IS_THE_STAND_IN.format(port=pypi.server.port), encoding="utf-8"
    )
    project = Project(tmp_path / "my-project", "my-project")
    make_wheel(project.dist, project.name)

    def run(command: str, token: str) -> list[str]:
        environment = {
            "HATCH_INDEX_AUTH": token,
            "HATCH_INDEX_CA_CERT": str(pypi.ca_file),
            "HATCH_INDEX_USER": "__token__",
            "PYTHONPATH": os.pathsep.join([str(names), str(TESTS)]),
        }
        done = run_hatch(*command.split()[1:], cwd=project.folder, home=home, env=environment)
        assert done.returncode == 1
        return lines(done.output.replace(os.sep, "/"))

    return run


def test_the_picture_shows_what_is_printed(publish: Callable[[str, str], list[str]]) -> None:
    before, after = PICTURE["COMMANDS"]
    failed = PICTURE["FAILED"]
    assert publish(before, make_token(user=USER_ID)) == [failed, *PICTURE["BEFORE"].split("\n")]
    assert publish(after, make_token(user=USER_ID)) == [failed, PICTURE["NOT_UPLOADED"], *PICTURE["AFTER"].split("\n")]


def test_the_picture_is_as_written() -> None:
    shown, written = (text_in(svg) for svg in (PICTURE["PICTURE"].read_text(encoding="utf-8"), PICTURE["picture"]()))
    assert shown == written
    assert PICTURE["AFTER"].partition("\n")[0] in shown


def text_in(svg: str) -> list[str]:
    """Return the lines of text in a picture, whatever the version of rich that drew it."""
    return [unescape(text).replace("\xa0", " ") for text in re.findall(r"<text [^>]*>([^<]*)</text>", svg)]


def test_the_mistake_in_the_readme_is_found_before_anything_is_sent(
    publish: Callable[[str, str], list[str]], pypi: PyPIStandIn
) -> None:
    ((shown,),) = transcripts(section(README.read_text(encoding="utf-8"), "Why"))
    assert publish(shown.command, make_token(location="test.pypi.org", user=USER_ID)) == list(shown.output)
    assert pypi.server.uploads == []


def test_the_readme_fits_one_screen() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 75
