"""Checking that a README renders, in a child process and with the library that PyPI renders it with."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from functools import lru_cache
from importlib.util import find_spec

from hatch_tokenindex.distributions.problems import reason

# In characters; docutils takes several seconds for this many.
_LONGEST = 1_000_000
TIME_LIMIT = 10.0
"""Seconds for one README. Some short ones take hours, in code that Ctrl-C doesn't interrupt."""
MEMORY_LIMIT = 120 * 1024 * 1024
"""Bytes that the child process may use, where the system can limit them."""
NO_MARKDOWN = "has a README that does not render as Markdown"
_RENDERERS = ("comrak", "cmarkgfm")
"""The Markdown renderers of readme-renderer's versions."""
_DOCUTILS_MESSAGE = re.compile(r"[^\n]*?:([0-9]+): \([A-Z]+/[0-9]\) ([^\n]*)")

# In isolated mode, no module of the current folder is imported; the path of this process is passed on instead.
_PROGRAM = """
import json, sys
request = json.load(sys.stdin)
sys.path[:] = request.pop("path")
from hatch_tokenindex.distributions.readme import main
main(request)
"""


@dataclass(frozen=True)
class Rendering:
    """The result of rendering a README; both texts are `None` if it renders."""

    problem: str | None = None
    """The reason why it doesn't render, on PyPI either."""
    warning: str | None = None
    """The reason why it could not be checked here."""


@lru_cache(maxsize=8)
def render(description: str, content_type: str) -> Rendering:
    """Render a README as PyPI does: without a content type, as reStructuredText.

    A child process does it, within limits of time and memory. The last few results are cached, since the files of one
    release share their README.
    """
    if len(description) > _LONGEST:
        return Rendering(warning=f"README not checked: longer than {_LONGEST:,} characters")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/plain":
        return Rendering()
    if kind == "text/markdown" and not any(map(find_spec, _RENDERERS)):
        # Every text but a blank one renders as Markdown, so that this doesn't need the extra `readme`.
        return Rendering() if description.strip() else Rendering(problem=NO_MARKDOWN)
    request = {"path": sys.path, "description": description, "content_type": content_type}
    try:
        # Docutils' own configuration files are not used, as on PyPI.
        child = subprocess.run(
            [sys.executable, "-I", "-c", _PROGRAM],
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "DOCUTILSCONFIG": ""},
            timeout=TIME_LIMIT,
            check=True,
        )
        return Rendering(**json.loads(child.stdout))
    except subprocess.TimeoutExpired:
        return Rendering(warning=f"README not checked: rendering took more than {TIME_LIMIT:.0f} seconds")
    except subprocess.CalledProcessError:
        return Rendering(warning="README not checked: the renderer failed, perhaps for lack of memory")
    except (OSError, ValueError) as error:
        return Rendering(warning=f"README not checked: the renderer did not start ({type(error).__name__})")


def main(request: dict[str, str]) -> None:
    """Render the README of a request to the child process, and print the answer as JSON."""
    # A lower limit may be set already, or none be possible.
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_LIMIT, MEMORY_LIMIT))
    warnings.simplefilter("ignore")
    json.dump(answer(**request), sys.stdout)


def answer(description: str, content_type: str) -> dict[str, str]:
    """Return `problem` or `warning` with the text about a README that doesn't render, or an empty dictionary."""
    try:
        return _render(description, content_type or "text/x-rst")
    except Exception as error:  # noqa: BLE001 (a renderer's own failure says nothing about the README)
        return {"warning": f"README not checked: {reason(error)}"}


def _render(description: str, content_type: str) -> dict[str, str]:
    message = EmailMessage()
    message["Content-Type"] = content_type
    if message.get_content_type() == "text/markdown":
        from readme_renderer import markdown

        if not markdown.variants:
            return {"warning": "README not checked: no Markdown renderer installed"}
        # Not `markdown.render`: it spends most of its time on highlighting code, which doesn't matter here.
        to_html = markdown.variants.get(message["Content-Type"].params.get("variant", "GFM"))
        if to_html is None or not to_html(description):
            return {"problem": NO_MARKDOWN}
    elif message.get_content_type() == "text/x-rst":
        from readme_renderer import rst

        messages = io.StringIO()
        if rst.render(description, stream=messages) is None:
            text = messages.getvalue().strip()
            matched = _DOCUTILS_MESSAGE.match(text)
            first = f"line {matched[1]}: {matched[2]}" if matched else text.partition("\n")[0]
            return {"problem": f"has a README that does not render as reStructuredText: {first}"}
    return {}
