"""Rendering a README as PyPI does, in the child process that `readme` starts."""

from __future__ import annotations

import io
import json
import re
import sys
import warnings
from email.message import EmailMessage
from typing import Any

from hatch_tokenindex.distributions.diagnostics import reason
from hatch_tokenindex.distributions.readme import NO_MARKDOWN
from hatch_tokenindex.text import escaped_line

MEMORY_LIMIT = 120 * 1024 * 1024
"""Bytes that the child process may use, where the system can limit them."""

_DOCUTILS_MESSAGE = re.compile(r"[^\n]*?:([0-9]+): \([A-Z]+/[0-9]\) ([^\n]*)")


def main(request: dict[str, str]) -> None:
    """Render the README of a request, `{"description": ..., "content_type": ...}`, and print the answer as JSON."""
    _limit_memory()
    warnings.simplefilter("ignore")
    json.dump(answer(**request), sys.stdout)


def answer(description: str, content_type: str) -> dict[str, Any]:
    """Return `problem` or `warning` with the text about a README that doesn't render, or an empty dictionary."""
    try:
        return _render(description, *_kind(content_type))
    except Exception as error:  # noqa: BLE001 (a renderer's own failure says nothing about the README)
        return {"warning": escaped_line(f"README not checked: {reason(error)}")}


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))
    except (OSError, ValueError):  # a lower limit is set, or none is possible
        return


def _kind(content_type: str) -> tuple[str, str]:
    """Return a README's media type and Markdown variant."""
    if not content_type:
        return "text/x-rst", ""
    message = EmailMessage()
    message["Content-Type"] = content_type
    return message.get_content_type(), message["Content-Type"].params.get("variant", "GFM")


def _render(description: str, kind: str, variant: str) -> dict[str, Any]:
    if kind == "text/markdown":
        from readme_renderer import markdown

        if not markdown.variants:
            return {"warning": "README not checked: no Markdown renderer installed"}
        # Not `markdown.render`: it spends most of its time on highlighting code, which doesn't matter here.
        to_html = markdown.variants.get(variant)
        if to_html is None or not to_html(description):
            return {"problem": NO_MARKDOWN}
    elif kind == "text/x-rst":
        from readme_renderer import rst

        messages = io.StringIO()
        if rst.render(description, stream=messages) is None:
            first = _first_message(messages)
            return {"problem": escaped_line(f"has a README that does not render as reStructuredText: {first}")}
    return {}


def _first_message(messages: io.StringIO) -> str:
    """Return docutils' first message, with its line number."""
    text = messages.getvalue().strip()
    matched = _DOCUTILS_MESSAGE.match(text)
    return f"line {matched[1]}: {matched[2]}" if matched else text.partition("\n")[0]
