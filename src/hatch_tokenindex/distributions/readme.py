"""Whether a README renders, asked of the library that PyPI renders it with."""

from __future__ import annotations

import contextlib
import io
import os
import re
import warnings
from dataclasses import dataclass
from email.message import EmailMessage
from functools import lru_cache
from typing import TYPE_CHECKING

from hatch_tokenindex.distributions.diagnostics import reason
from hatch_tokenindex.text import escaped_line

if TYPE_CHECKING:
    from collections.abc import Iterator

# Docutils takes several seconds for as much as this.
_LONGEST = 1_000_000

_DOCUTILS_CONFIGURATION = "DOCUTILSCONFIG"
_DOCUTILS_MESSAGE = re.compile(r"[^\n]*?:([0-9]+): \([A-Z]+/[0-9]\) ([^\n]*)")


@dataclass(frozen=True)
class Rendering:
    """What became of a README: both texts are `None` where it renders."""

    problem: str | None = None
    """Why it doesn't render, for PyPI as here."""
    warning: str | None = None
    """Why it can't be told here."""


@lru_cache(maxsize=8)
def render(description: str, content_type: str) -> Rendering:
    """Render a README as PyPI does: without a type, it is reStructuredText.

    The files of one release share their README, so the last few answers are kept.
    """
    if len(description) > _LONGEST:
        return Rendering(warning=f"the README is longer than {_LONGEST:,} characters: not rendered here")
    try:
        kind, variant = _kind(content_type)
        with _silently():
            return _render(description, kind, variant)
    except Exception as error:  # noqa: BLE001 (any failure inside the renderers says nothing about the README)
        return Rendering(warning=escaped_line(f"the README could not be rendered here: {reason(error)}"))


def _kind(content_type: str) -> tuple[str, str]:
    """A README's media type and Markdown variant."""
    if not content_type:
        return "text/x-rst", ""
    message = EmailMessage()
    message["Content-Type"] = content_type
    return message.get_content_type(), message["Content-Type"].params.get("variant", "GFM")


def _render(description: str, kind: str, variant: str) -> Rendering:
    # Docutils and Pygments take longer to load than all the rest of a run: only where there is something to render.
    if kind == "text/markdown":
        from readme_renderer import markdown

        if not markdown.variants:
            return Rendering(warning="the README could not be rendered here: no Markdown renderer is installed")
        # Not `markdown.render`: most of its time goes into colours for code, which decide nothing.
        to_html = markdown.variants.get(variant)
        if to_html is None or not to_html(description):
            return Rendering(problem="the README does not render as Markdown")
    elif kind == "text/x-rst":
        from readme_renderer import rst

        said = io.StringIO()
        if rst.render(description, stream=said) is None:
            return Rendering(problem=escaped_line(f"the README does not render as reStructuredText: {_first(said)}"))
    return Rendering()


def _first(said: io.StringIO) -> str:
    """The first thing that docutils has to say about a text, in its words."""
    text = said.getvalue().strip()
    matched = _DOCUTILS_MESSAGE.match(text)
    return f"line {matched[1]}: {matched[2]}" if matched else text.partition("\n")[0]


@contextlib.contextmanager
def _silently() -> Iterator[None]:
    """Keep the renderers off the terminal, and docutils away from configuration files that PyPI doesn't have."""
    before = os.environ.get(_DOCUTILS_CONFIGURATION)
    os.environ[_DOCUTILS_CONFIGURATION] = ""
    try:
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if before is None:
            del os.environ[_DOCUTILS_CONFIGURATION]
        else:
            os.environ[_DOCUTILS_CONFIGURATION] = before
