"""`~/.pypirc`: read as the specification says, matched to project and repository, and never quoted."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import pytest
from api_tokens import make_token
from distribution_builders import make_wheel
from hatch_in_process import publish
from hatch_process import run_hatch
from servers import BasicAuth

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.sources.pypirc import Pypirc
from hatch_tokenindex.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_process import Home, Project
    from servers import PyPIStandIn, RecordingServer

SECRET = "s3cret-that-must-not-be-shown"
PYPI = "https://upload.pypi.org/legacy/"
TEST_PYPI = "https://test.pypi.org/legacy/"
URL = "https://packages.example.org/legacy/"
OTHER_URL = "https://elsewhere.example.org/legacy/"

MAIN = Repository("main", PYPI)
TEST = Repository("test", TEST_PYPI)
PRIVATE = Repository("private", URL)
OF_A_CLONE = replace(PRIVATE, url_from_project=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the file."""
    return tmp_path / ".pypirc"


def found(path: Path, repository: Repository, project: str = "demo") -> tuple[str, str] | None:
    """The user name and password in the file for a project at a repository; an empty password counts as none."""
    pypirc = Pypirc(path)
    user, section = pypirc.user(project, repository), pypirc.section(project, repository)
    if user is None or section is None:
        assert (user, section) == (None, None)
        return None
    assert user.origin == section.origin == f"[{section.name}] of ~/.pypirc"
    credential = section.credential
    return user.value, "" if credential is None else credential.secret.reveal()


# The format


@pytest.mark.parametrize(
    ("line", "password"),
    [
        ("password = 100%", "100%"),
        ("password = %(username)s", "%(username)s"),
        ("password = %%", "%%"),
        ("password = ${username}", "${username}"),
        ("password = a=b:c", "a=b:c"),
        ("password: a=b", "a=b"),
        ("password=a#b;c", "a#b;c"),
        ("password = a # b ; c", "a # b ; c"),
        ("password =   padded   ", "padded"),
        ("Password = upper", "upper"),
        ("password = 'quoted'", "'quoted'"),
        ('password = "quoted"', '"quoted"'),
        ("password = [x]", "[x]"),
        ("password = grüße\u2603", "grüße\u2603"),
        ("password = \\n", "\\n"),
        ("# password = x\npassword = y", "y"),
        ("; password = x\npassword = y\n\n\n", "y"),
        ("password =", ""),
        ("password", None),
    ],
)
def test_a_password_is_what_is_written(path: Path, line: str, password: str | None) -> None:
    for encoding in ("utf-8", "utf-8-sig"):
        for line_end in ("\n", "\r\n"):
            path.write_bytes(line_end.join(f"[pypi]\nusername = u\n{line}".split("\n")).encode(encoding))
            if password is None:
                with pytest.raises(ConfigurationError, match="line 3"):
                    found(path, MAIN)
            else:
                assert found(path, MAIN) == ("u", password)


@pytest.mark.parametrize(
    "content", ["", "\ufeff", "\n\n", "# nothing\n", "[distutils]\nindex-servers =\n    pypi\n", "[pypi]\n"]
)
def test_a_file_that_says_nothing_gives_nothing(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    assert found(path, MAIN) is None


def test_no_file_gives_nothing(path: Path) -> None:
    assert found(path, MAIN) is None
    assert Pypirc(path).urls() == {}


def test_the_list_of_servers_is_no_section(path: Path) -> None:
    path.write_text(f"[distutils]\nindex-servers = a b\n[a]\nrepository = {URL}\n[b]\nusername = u\n", encoding="utf-8")
    assert Pypirc(path).urls() == {"a": URL, "b": None}
    assert found(path, Repository("distutils", OTHER_URL)) is None


# Which section is a repository's own


@pytest.mark.parametrize(
    ("section", "repository", "expected"),
    [
        ("[pypi]", MAIN, True),
        ("[testpypi]", TEST, True),
        ("[pypi]", TEST, False),
        ("[testpypi]", MAIN, False),
        ("[pypi]", PRIVATE, False),
        (f"[pypi]\nrepository = {PYPI}", MAIN, True),
        ("[pypi]\nrepository = https://upload.pypi.org/legacy", MAIN, True),
        ("[pypi]\nrepository = HTTPS://UPLOAD.PYPI.ORG:443/legacy//", MAIN, True),
        (f"[pypi]\nrepository = {URL}", MAIN, False),
        (f"[pypi]\nrepository = {URL}", PRIVATE, True),
        (f"[pypi]\nrepository = {URL}", OF_A_CLONE, True),
        (f"[testpypi]\nrepository = {TEST_PYPI}", TEST, True),
        (f"[upload]\nrepository = {PYPI}", MAIN, True),
        (f"[private]\nrepository = {URL}", PRIVATE, True),
        (f"[private]\nrepository = {URL.rstrip('/')}", PRIVATE, True),
        (f"[private]\nrepository = {URL}", replace(PRIVATE, url=URL.rstrip("/")), True),
        (f"[private]\nrepository = {URL}", OF_A_CLONE, True),
        (f"[other]\nrepository = {URL}", PRIVATE, True),
        (f"[private]\nrepository = {OTHER_URL}", PRIVATE, False),
        ("[private]\nrepository = https://packages.example.org/", PRIVATE, False),
        ("[private]\nrepository = https://packages.example.org/LEGACY/", PRIVATE, False),
        ("[private]\nrepository = http://packages.example.org/legacy/", PRIVATE, False),
        ("[private]\nrepository = packages.example.org/legacy/", PRIVATE, False),
        ("[private]\nrepository = ://", PRIVATE, False),
        ("[private]", PRIVATE, True),
        ("[private]\nrepository =", PRIVATE, True),
        ("[private]", OF_A_CLONE, False),
        ("[private]\nrepository =", OF_A_CLONE, False),
        ("[other]", PRIVATE, False),
        ("[Private]", PRIVATE, False),
        ("[server-login]", MAIN, False),
    ],
)
def test_which_section_is_a_repositorys_own(path: Path, section: str, repository: Repository, expected: bool) -> None:
    path.write_text(f"{section}\nusername = u\npassword = p\n", encoding="utf-8")
    assert found(path, repository) == (("u", "p") if expected else None)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("username = u\npassword = p", ("u", "p")),
        ("password = p", ("__token__", "p")),
        ("username =\npassword = p", ("__token__", "p")),
        ("username = u", ("u", "")),
        ("username = u\npassword =", ("u", "")),
        ("username = __token__", ("__token__", "")),
        ("ca_cert = x.pem", None),
        ("username =\npassword =", None),
    ],
)
def test_what_a_section_gives(path: Path, lines: str, expected: tuple[str, str] | None) -> None:
    path.write_text(f"[pypi]\n{lines}\n", encoding="utf-8")
    assert found(path, MAIN) == expected


def test_a_section_that_gives_nothing_does_not_hide_another(path: Path) -> None:
    path.write_text(
        f"[demo]\nrepository = {PYPI}\n[first]\nrepository = {PYPI}\n[pypi]\npassword = p\n", encoding="utf-8"
    )
    assert found(path, MAIN) == ("__token__", "p")


@pytest.mark.parametrize("order", [("pypi", "aaa"), ("aaa", "pypi")], ids=repr)
def test_a_repository_has_the_section_of_its_name(path: Path, order: tuple[str, str]) -> None:
    sections = {"pypi": "[pypi]\npassword = p\n", "aaa": f"[aaa]\nrepository = {PYPI}\npassword = other\n"}
    path.write_text("".join(sections[name] for name in order), encoding="utf-8")
    assert found(path, MAIN) == ("__token__", "p")


# A section for each project


@pytest.mark.parametrize(
    ("section", "project", "expected"),
    [
        (f"[demo]\nrepository = {PYPI}", "demo", "of the project"),
        ("[demo]\nrepository = https://upload.pypi.org/legacy", "demo", "of the project"),
        (f"[My_Project]\nrepository = {PYPI}", "my-project", "of the project"),
        (f"[my.project]\nrepository = {PYPI}", "my-project", "of the project"),
        ("[demo]", "demo", "of the repository"),
        (f"[demo]\nrepository = {URL}", "demo", "of the repository"),
        (f"[demo]\nrepository = {TEST_PYPI}", "demo", "of the repository"),
        (f"[demo2]\nrepository = {PYPI}", "demo", "of the repository"),
        (f"[demo_]\nrepository = {PYPI}", "demo", "of the repository"),
    ],
)
@pytest.mark.parametrize("comes", ["first", "last"])
def test_the_section_of_a_project_comes_first(
    path: Path, section: str, project: str, expected: str, comes: str
) -> None:
    texts = [f"{section}\npassword = of the project\n", "[pypi]\npassword = of the repository\n"]
    path.write_text("".join(texts if comes == "first" else reversed(texts)), encoding="utf-8")
    assert found(path, MAIN, project) == ("__token__", expected)


def test_a_clone_does_not_matter_to_the_section_of_a_project(path: Path) -> None:
    path.write_text(f"[demo]\nrepository = {URL}\npassword = p\n", encoding="utf-8")
    assert found(path, OF_A_CLONE) == ("__token__", "p")


def test_the_token_of_another_project_is_not_taken(path: Path) -> None:
    theirs, ours = make_token(projects=["theirs"]), make_token(projects=["demo"])
    sections = f"[theirs]\nrepository = {PYPI}\npassword = {theirs}\n[ours]\nrepository = {PYPI}\npassword = {ours}\n"
    path.write_text(sections, encoding="utf-8")
    assert found(path, MAIN) == ("__token__", ours)
    assert found(path, MAIN, "theirs") == ("__token__", theirs)


def test_a_named_section_is_the_one_that_is_used(path: Path) -> None:
    path.write_text(
        f"[demo]\nrepository = {URL}\npassword = p1\n[named]\nrepository = {URL}\npassword = p2\n", encoding="utf-8"
    )
    assert found(path, replace(PRIVATE, pypirc_section="named")) == ("__token__", "p2")
    assert found(path, replace(OF_A_CLONE, pypirc_section="named")) == ("__token__", "p2")
    assert found(path, PRIVATE) == ("__token__", "p1")


# Through Hatch


def test_every_project_of_a_run_has_its_own_section(index: RecordingServer, project: Project, home: Home) -> None:
    names = ("one", "Two_Projects", "three")
    for name in names:
        make_wheel(project.dist, name)
    own = "".join(f"[{name}]\nrepository = {index.upload_url}\npassword = 100%-{name}\n" for name in names[:2])
    home.pypirc.write_text(
        f"{own}[private]\nrepository = {index.upload_url[:-1]}\nusername = u\npassword = rest\n", encoding="utf-8"
    )
    project.configure(f"[publish.tokenindex.repos]\nprivate = '{index.upload_url}'\n")
    for arguments in (["-r", "private"], ["-r", index.upload_url]):
        index.files.clear()
        index.requests.clear()
        result = publish(project, home, *arguments)
        assert result.returncode == 0, result.output
        assert {upload.value("name"): upload.authorization for upload in index.uploads} == {
            "one": BasicAuth("__token__", "100%-one"),
            "Two_Projects": BasicAuth("__token__", "100%-Two_Projects"),
            "three": BasicAuth("u", "rest"),
        }


def test_a_section_is_a_repository(index: RecordingServer, built: Project, home: Home) -> None:
    home.pypirc.write_text(
        f"[pypi]\npassword = wrong\n[section]\nrepository = {index.upload_url}\nusername = u\npassword = 100%\n",
        encoding="utf-8-sig",
    )
    result = publish(built, home, "-r", "section")
    assert result.returncode == 0, result.output
    assert [upload.authorization for upload in index.uploads] == [BasicAuth("u", "100%")]


def test_a_clone_cannot_name_its_index_like_a_section(index: RecordingServer, built: Project, home: Home) -> None:
    home.pypirc.write_text(
        f"[company]\nusername = u\npassword = {SECRET}\n[pypi]\npassword = {SECRET}\n", encoding="utf-8"
    )
    built.configure(f"[publish.tokenindex.repos]\ncompany = '{index.upload_url}'\npypi = '{index.upload_url}'\n")
    for name in ("company", "pypi"):
        assert publish(built, home, "-r", name).returncode == 1
    assert index.uploads == []

    built.configure("")
    home.configure_hatch(f"[publish.tokenindex.repos]\ncompany = '{index.upload_url}'\n")
    assert publish(built, home, "-r", "company").returncode == 0
    assert [upload.authorization for upload in index.uploads] == [BasicAuth("u", SECRET)]


@pytest.mark.parametrize("repository", ["", f"repository = {PYPI}\n", "repository = https://upload.pypi.org/legacy\n"])
@pytest.mark.parametrize("arguments", [[], ["-r", "main"], ["-r", "pypi"], ["-r", PYPI]], ids=repr)
def test_pypi_has_the_section_that_every_tool_writes(
    pypi: PyPIStandIn, built: Project, home: Home, arguments: list[str], repository: str
) -> None:
    home.pypirc.write_text(f"[pypi]\n{repository}username = somebody\npassword = 100%\n", encoding="utf-8")
    result = publish(built, home, "--ca-cert", pypi.ca_file, *arguments, **pypi.environment)
    assert result.returncode == 0, result.output
    assert [upload.authorization for upload in pypi.server.uploads] == [BasicAuth("somebody", "100%")]


def test_a_token_is_no_user_name(index: RecordingServer, built: Project, home: Home) -> None:
    token = make_token(user="x")
    home.pypirc.write_text(
        f"[private]\nrepository = {index.upload_url}\nusername = {token}\npassword =\n", encoding="utf-8"
    )
    result = publish(built, home, "-r", "private", HATCH_DEBUG="1")
    assert result.returncode == 1
    assert "[private] of ~/.pypirc holds an API token" in result.output
    assert token not in result.output
    assert index.uploads == []


# A file that can't be read


def written(content: bytes) -> Callable[[Path], None]:
    """A file with this content."""

    def make(path: Path) -> None:
        path.write_bytes(content)

    return make


def linked_to_itself(path: Path) -> None:
    """A file that no user can open, not even root."""
    if sys.platform == "win32":
        pytest.skip("needs the right to make links")
    os.symlink(path.name, path)


def forbidden(path: Path) -> None:
    """A file without read permission."""
    if sys.platform == "win32" or os.geteuid() == 0:
        pytest.skip("this user may read every file")
    path.write_text(f"[pypi]\npassword = {SECRET}\n", encoding="utf-8")
    path.chmod(0)


BROKEN = [
    pytest.param(written(f"[pypi\npassword = {SECRET}\n".encode()), "line 1", id="open section"),
    pytest.param(written(f"\n\npassword = {SECRET}\n".encode()), "line 3", id="no section"),
    pytest.param(written(f"{SECRET}\n".encode()), "line 1", id="a token alone"),
    pytest.param(written(f"[pypi]\n{SECRET}\n".encode()), "line 2", id="no option"),
    pytest.param(written(f"[pypi]\n = {SECRET}\n".encode()), "line 2", id="no name"),
    pytest.param(written(f"[]\npassword = {SECRET}\n".encode()), "line 1", id="nameless section"),
    pytest.param(written(f"[a]\npassword = {SECRET}\n[a]\n".encode()), "line 3", id="section twice"),
    pytest.param(written(f"[a]\npassword = {SECRET}\npassword = {SECRET}\n".encode()), "line 3", id="option twice"),
    pytest.param(written(f"[a]\npassword = {SECRET}\xff\n".encode("latin-1")), "line 2", id="Latin-1"),
    pytest.param(written(f"[a]\npassword = {SECRET}\n".encode("utf-16")), "line 1", id="UTF-16"),
    pytest.param(written(bytes(range(256)) * 10), "line", id="binary"),
    pytest.param(Path.mkdir, "", id="a folder"),
    pytest.param(linked_to_itself, "", id="a link in a circle"),
    pytest.param(forbidden, "", id="unreadable"),
]


@pytest.mark.parametrize(("make", "where"), BROKEN)
def test_a_broken_file_is_one_line_that_quotes_nothing(
    index: RecordingServer, built: Project, home: Home, make: Callable[[Path], None], where: str
) -> None:
    make(home.pypirc)
    home.configure_hatch(f"[publish.tokenindex.repos]\nprivate = '{index.upload_url}'\n")
    for arguments in (["-r", "private"], ["-r", "section"], ["-r", index.upload_url], []):
        result = publish(built, home, *arguments, HATCH_DEBUG="1")
        assert result.returncode == 1
        (line,) = result.output.splitlines()
        assert line.startswith(f"Can't read {home.pypirc}: {where}")
        assert SECRET not in line
        assert "bug in hatch-tokenindex" not in line
    assert index.uploads == []


def test_the_installed_command_agrees(index: RecordingServer, built: Project, home: Home) -> None:
    home.pypirc.write_bytes(f"[pypi]\npassword = {SECRET}\n{SECRET}\n".encode())
    command = ("publish", "-p", "tokenindex", "-r", index.upload_url)
    result = run_hatch(*command, cwd=built.folder, home=home, env={"HATCH_DEBUG": "1"})
    assert result.returncode == 1
    assert result.output == (
        f"Can't read {home.pypirc}: line 3 is neither a [section] nor `option = value`. "
        f"Correct the file, or move it away.\n"
    )


def test_a_broken_file_that_is_not_needed_is_not_read(index: RecordingServer, built: Project, home: Home) -> None:
    home.pypirc.write_text("broken", encoding="utf-8")
    built.configure(f"[publish.tokenindex.repos]\nprivate = '{index.upload_url}'\n")
    result = publish(built, home, "-r", "private", "-u", "somebody", "-a", SECRET)
    assert result.returncode == 0, result.output
    assert result.stderr.startswith("dist")


def test_many_blanks_take_little_time(path: Path) -> None:
    """Python's parser would need hours for them."""
    path.write_bytes(b"[a]\npassword = x\nno" + b" " * 1_000_000 + b"option\n")
    begun = process_time()
    with pytest.raises(ConfigurationError, match="line 3 is neither"):
        _ = Pypirc(path).sections
    assert process_time() - begun < 5


def test_without_a_home_folder_there_is_no_file() -> None:
    assert Pypirc(None).sections == ()
