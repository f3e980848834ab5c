"""The README shows one refused upload twice, as Hatch's own publisher tells it and as this one does. Both are real."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from api_tokens import USER_ID, make_token
from distribution_builders import make_wheel
from hatch_process import TESTS, Project, run_hatch
from pages import ROOT, lines, section, transcripts
from servers import Answer

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_process import Home
    from servers import PyPIStandIn

README = ROOT / "README.md"

# Hatch's own publisher knows no proxy that could lead it to the stand-in, so names are looked up wrongly.
_EVERY_NAME_IS_THE_STAND_IN = """\
import socket

look_up = socket.getaddrinfo
socket.getaddrinfo = lambda host, port, *more, **named: look_up("127.0.0.1", {port}, *more, **named)
"""


def test_the_refusal_before_and_after_is_what_is_printed(pypi: PyPIStandIn, home: Home, tmp_path: Path) -> None:
    pypi.server.respond = lambda request: (
        Answer(
            403,
            "Invalid or non-existent authentication information."
            " See https://pypi.org/help/#invalid-auth for more information.",
        )
        if request.is_upload
        else None
    )
    names = tmp_path / "names"
    names.mkdir()
    names.joinpath("sitecustomize.py").write_text(
        _EVERY_NAME_IS_THE_STAND_IN.format(port=pypi.server.port), encoding="utf-8"
    )
    environment = {
        "HATCH_INDEX_AUTH": make_token(location="test.pypi.org", user=USER_ID),
        "HATCH_INDEX_CA_CERT": str(pypi.ca_file),
        "HATCH_INDEX_USER": "__token__",
        "PYTHONPATH": os.pathsep.join([str(names), str(TESTS)]),
    }
    project = Project(tmp_path / "my-project", "my-project")
    make_wheel(project.dist, project.name)
    shown = [shown for block in transcripts(section(README.read_text(encoding="utf-8"), "Why")) for shown in block]
    assert [one.command for one in shown] == ["hatch publish", "hatch publish -p tokenindex"]
    for one in shown:
        done = run_hatch(*one.command.split()[1:], cwd=project.folder, home=home, env=environment)
        assert done.returncode == 1
        assert lines(done.output.replace(os.sep, "/")) == list(one.output)
    # Hatch's own publisher sent the token to an index that it wasn't made for.
    assert len(pypi.server.uploads) == 1


def test_the_readme_fits_one_screen() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 75
