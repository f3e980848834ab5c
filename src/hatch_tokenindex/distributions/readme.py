"""Checking that a README renders, with the library that PyPI renders it with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

# In characters; docutils takes several seconds for this many.
_LONGEST = 1_000_000
_LONGEST_CONTENT_TYPE = 200
TIME_LIMIT = 10.0
"""Seconds for one README. Some short ones take hours, in code that Ctrl-C doesn't interrupt."""
NO_MARKDOWN = "has a README that does not render as Markdown"
_RENDERERS = ("comrak", "cmarkgfm")
"""The Markdown renderers of readme-renderer's versions."""

# In isolated mode, no module of the current folder is imported; the path of this process is passed on instead.
_PROGRAM = """
import json, sys
request = json.load(sys.stdin)
sys.path[:] = request.pop("path")
from hatch_tokenindex.distributions.rendering import main
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
    if len(content_type) > _LONGEST_CONTENT_TYPE:
        return Rendering(warning=f"README not checked: its type is longer than {_LONGEST_CONTENT_TYPE} characters")
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
