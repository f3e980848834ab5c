"""Checking that a README renders, with the library that PyPI renders it with."""

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

# In characters; docutils takes several seconds for this many.
_LONGEST = 1_000_000

_DOCUTILS_CONFIGURATION = "DOCUTILSCONFIG"
_DOCUTILS_MESSAGE = re.compile(r"[^\n]*?:([0-9]+): \([A-Z]+/[0-9]\) ([^\n]*)")


@dataclass(frozen=True)
class Rendering:
    """The result of rendering a README; both texts are `None` if it renders."""

    problem: str | None = None
    """Why it doesn't render on PyPI either."""
    warning: str | None = None
    """Why it could not be checked here."""


@lru_cache(maxsize=8)
def render(description: str, content_type: str) -> Rendering:
    """Render a README as PyPI does: without a content type, as reStructuredText.

    The last few results are cached, since the files of one release share their README.
    """
    if len(description) > _LONGEST:
        return Rendering(warning=f"README not checked: longer than {_LONGEST:,} characters")
    try:
        kind, variant = _kind(content_type)
        with _silently():
            return _render(description, kind, variant)
    except Exception as error:  # noqa: BLE001 (a renderer's own failure says nothing about the README)
        return Rendering(warning=escaped_line(f"README not checked: {reason(error)}"))


def _kind(content_type: str) -> tuple[str, str]:
    """Return a README's media type and Markdown variant."""
    if not content_type:
        return "text/x-rst", ""
    message = EmailMessage()
    message["Content-Type"] = content_type
    return message.get_content_type(), message["Content-Type"].params.get("variant", "GFM")


def _render(description: str, kind: str, variant: str) -> Rendering:
    # Docutils and Pygments take longer to import than all the rest of a run: import them only to render.
    if kind == "text/markdown":
        from readme_renderer import markdown

        if not markdown.variants:
            return Rendering(warning="README not checked: no Markdown renderer installed")
        # Not `markdown.render`: it spends most of its time on highlighting code, which doesn't matter here.
        to_html = markdown.variants.get(variant)
        if to_html is None or not to_html(description):
            return Rendering(problem="has a README that does not render as Markdown")
    elif kind == "text/x-rst":
        from readme_renderer import rst

        messages = io.StringIO()
        if rst.render(description, stream=messages) is None:
            return Rendering(
                problem=escaped_line(
                    f"has a README that does not render as reStructuredText: {_first_message(messages)}"
                )
            )
    return Rendering()


def _first_message(messages: io.StringIO) -> str:
    """Return docutils' first message, with its line number."""
    text = messages.getvalue().strip()
    matched = _DOCUTILS_MESSAGE.match(text)
    return f"line {matched[1]}: {matched[2]}" if matched else text.partition("\n")[0]


@contextlib.contextmanager
def _silently() -> Iterator[None]:
    """Suppress the renderers' output, and docutils' configuration files, which PyPI doesn't have."""
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
