"""Write `docs/images/rejection.svg`: one rejected upload, as Hatch's own publisher shows it and as this one does.

A test runs both and compares what they print with the texts here, and the picture with these texts.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

from hatch_tokenindex.console.terminal import Styles, Terminal

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "rejection.svg"
COMMANDS = ("hatch publish", "hatch publish -p tokenindex")
WIDTH = 88
SAID = (
    "Invalid or non-existent authentication information. See https://pypi.org/help/#invalid-auth for more information."
)
FAILED = "dist/my_project-1.0-py3-none-any.whl ... failed"
BEFORE = (
    f"Error uploading to repository: https://upload.pypi.org/legacy/ - Client error '403 {SAID}' for url "
    "'https://upload.pypi.org/legacy/'\n"
    "For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/403"
)
AFTER = f"""\
PyPI rejected my_project-1.0-py3-none-any.whl (403)

  {SAID}

  project      my-project 1.0
  upload URL   https://upload.pypi.org/legacy/
  credential   __token__, token from HATCH_INDEX_AUTH

PyPI doesn't recognise this token. It may have been deleted, copied incompletely, or issued by another index. Its account \
may also be blocked.
Fix: create a new token at https://pypi.org/manage/account/token/ and set HATCH_INDEX_AUTH to it."""
NOT_UPLOADED = "Not uploaded: dist/my_project-1.0-py3-none-any.whl."

_FONT_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}\n", re.DOTALL)


class _Screen(io.StringIO):
    """A file that passes for a terminal, so that lines are wrapped."""

    def isatty(self) -> bool:
        return True


def main() -> None:
    """Write the picture."""
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), encoding="utf-8", newline="\n")


def picture() -> str:
    """Return the picture as SVG. It loads nothing from other hosts."""
    console = Console(file=_Screen(), record=True, width=WIDTH, force_terminal=True, color_system="truecolor")
    console.stderr = True
    terminal = Terminal(console, styles=Styles())
    before, after = (Text.assemble(("$ ", "bright_black"), (command, "bold white")) for command in COMMANDS)
    console.print(before)
    for line in (FAILED, *BEFORE.split("\n")):
        console.print(line, style="bold red", highlight=False)
    console.print()
    console.print(after)
    for text in (FAILED, NOT_UPLOADED, AFTER):
        terminal.error(text)
    svg = console.export_svg(
        title="A rejected upload, with Hatch's own publisher and with tokenindex", unique_id="rejection"
    )
    return "\n".join(line.rstrip() for line in _FONT_FROM_ELSEWHERE.sub("", svg).splitlines()) + "\n"


if __name__ == "__main__":
    main()
