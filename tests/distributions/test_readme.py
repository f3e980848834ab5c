"""READMEs that render, that don't, and renderers that fail or are missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from distribution_builders import MARKDOWN, RST, make_wheel

from hatch_tokenindex.distributions import check_for_pypi, read, read_all, readme

if TYPE_CHECKING:
    from pathlib import Path

BROKEN_RST = "Title\n=====\n\n:nonsense:`role`\n"


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        (RST[1], "Title\n=====\n\n* one\n"),
        ("text/x-rst; charset=UTF-8", "text"),
        (MARKDOWN[1], "# Title\n\n```python\nx = 1\n```\n"),
        ("text/markdown; variant=CommonMark", "[[ * <b>"),
        ("text/plain", BROKEN_RST),
    ],
)
def test_readme_that_renders_is_accepted(tmp_path: Path, content_type: str, text: str) -> None:
    headers = [("Description-Content-Type", content_type)]
    distribution = read(make_wheel(tmp_path, headers=headers, description=text))
    assert distribution.warnings == ()
    assert check_for_pypi(distribution) == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BROKEN_RST, 'line 4: Unknown interpreted text role "nonsense".'),
        (".. only a comment\n", "No content rendered from RST source."),
    ],
)
def test_a_readme_that_does_not_render_is_refused_for_pypi_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    distribution = read(make_wheel(tmp_path, headers=[RST], description=text))
    problem = f"has a README that does not render as reStructuredText: {problem}"
    assert check_for_pypi(distribution) == (problem,)
    assert distribution.warnings == (f"{problem} (PyPI rejects this)",)
    assert capfd.readouterr() == ("", "")


def test_only_pypi_renders_a_readme_without_type_as_rst(tmp_path: Path) -> None:
    assert check_for_pypi(read(make_wheel(tmp_path, description=BROKEN_RST))) == (
        'has a README that does not render as reStructuredText: line 4: Unknown interpreted text role "nonsense" '
        "(set Description-Content-Type if it is not reStructuredText)",
    )


def test_the_readme_of_a_release_is_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []
    run = subprocess.run

    def counted(*arguments: Any, **options: Any) -> Any:
        rendered.append(json.loads(options["input"])["description"])
        return run(*arguments, **options)

    monkeypatch.setattr(subprocess, "run", counted)
    paths = [make_wheel(tmp_path, tag=f"cp3{n}-none-any", headers=[RST], description="Once!") for n in range(25)]
    assert len(read_all(paths)) == len(paths)
    assert rendered == ["Once!"]


@pytest.mark.parametrize("error", [RuntimeError("gone\nwrong"), RecursionError(), MemoryError()])
def test_a_renderer_that_fails_is_a_warning(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    from readme_renderer import rst

    def fail(_raw: str, **_: object) -> None:
        raise error

    monkeypatch.setattr(rst, "render", fail)
    (warning,) = readme.answer("text", RST[1]).values()
    assert warning.startswith("README not checked: ")


@pytest.mark.parametrize("executable", ["/nowhere/python", "", shutil.which("false") or "false"])
def test_a_renderer_that_does_not_start_is_a_warning(monkeypatch: pytest.MonkeyPatch, executable: str) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    rendered = readme.render(f"text for {executable}", RST[1])
    assert rendered.problem is None
    assert str(rendered.warning).startswith("README not checked: the renderer ")


def test_a_module_of_the_current_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("readme_renderer", "json", "docutils"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert readme.render("text in a strange folder", RST[1]) == readme.Rendering()


def test_a_readme_that_takes_too_long_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readme, "TIME_LIMIT", 0.001)
    assert readme.render("slow", MARKDOWN[1]).warning == "README not checked: rendering took more than 0 seconds"


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory on Linux")
def test_a_readme_that_takes_too_much_memory_is_a_warning() -> None:
    """Each line of this table has as many cells as there are lines: 36 KB need gigabytes."""
    size = 6_000
    table = "a|" * size + "\n" + "-|" * size + "\n" + "a\n" * size
    expected = "README not checked: the renderer failed, perhaps for lack of memory"
    assert readme.render(table, MARKDOWN[1]).warning == expected


def test_deep_nesting_is_a_warning(tmp_path: Path) -> None:
    nested = "".join(" " * depth + "a\n\n" for depth in range(600))
    (warning,) = read(make_wheel(tmp_path, headers=[RST], description=nested)).warnings
    assert warning.startswith("README not checked: maximum recursion depth exceeded")


def test_a_huge_readme_is_not_rendered(tmp_path: Path) -> None:
    distribution = read(make_wheel(tmp_path, headers=[RST], description="x" * 1_000_001))
    assert distribution.warnings == ("README not checked: longer than 1,000,000 characters",)


@pytest.mark.parametrize("has_extra", [True, False])
@pytest.mark.parametrize(("text", "problem"), [("text", None), (" \n\t\n", readme.NO_MARKDOWN)])
def test_markdown_is_checked_with_and_without_the_extra(
    monkeypatch: pytest.MonkeyPatch, text: str, problem: str | None, *, has_extra: bool
) -> None:
    """The Markdown renderer has no wheels for some machines, so it is an extra; without it, no process is started."""
    readme.render.cache_clear()
    if not has_extra:
        monkeypatch.setattr(readme, "find_spec", lambda _: None)
        monkeypatch.delattr(subprocess, "run")
    assert readme.render(text, MARKDOWN[1]) == readme.Rendering(problem)


def test_a_broken_markdown_renderer_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    from readme_renderer import markdown

    monkeypatch.setattr(markdown, "variants", {})
    assert readme.answer("text", MARKDOWN[1]) == {"warning": "README not checked: no Markdown renderer installed"}


@pytest.mark.parametrize("own", [None, "mine.conf"])
def test_docutils_configuration_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None) -> None:
    for name in ("docutils.conf", "mine.conf"):
        (tmp_path / name).write_text("[general]\nhalt_level: 5\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DOCUTILSCONFIG", raising=False)
    if own:
        monkeypatch.setenv("DOCUTILSCONFIG", own)
    readme.render.cache_clear()
    assert readme.render(BROKEN_RST, RST[1]).problem
    assert os.environ.get("DOCUTILSCONFIG") == own


def test_renderers_are_loaded_only_to_render(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from hatch_tokenindex import distributions\n"
        "distributions.check_for_pypi(distributions.read(pathlib.Path(sys.argv[1])))\n"
        "sys.exit('docutils' in sys.modules or 'pygments' in sys.modules)\n"
    )
    wheel = make_wheel(tmp_path, headers=[("Description-Content-Type", "text/plain")], description="text")
    subprocess.run([sys.executable, "-c", program, str(wheel)], check=True)
