"""What the texts of the table can name in braces: the project, the links that help, how to give another credential."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin

from packaging.utils import canonicalize_name

from hatch_tokenindex import urls
from hatch_tokenindex.index.kinds import kind_of
from hatch_tokenindex.index.refusals.waiting import LATER, allowance, when
from hatch_tokenindex.text import one_line, shortened

if TYPE_CHECKING:
    from hatch_tokenindex.index.refusals.exchange import Answer, Attempt
    from hatch_tokenindex.index.refusals.own_words import Redact


def about_sent(sent: Attempt) -> dict[str, str]:
    """What can be named about a request."""
    project = quote(canonicalize_name(sent.project), safe="")
    manage = f"{sent.site}/manage/project/{project}"
    on_test = urls.site(sent.url) == "test.pypi.org"
    return {
        "index": sent.index,
        "host": sent.host,
        "project": sent.project,
        "version": sent.version,
        "filename": sent.filename,
        "url": sent.url,
        "https_url": re.sub("^http:", "https:", sent.url, flags=re.IGNORECASE),
        "command": sent.command,
        "tokens": f"{sent.site}/manage/account/token/",
        "account": f"{sent.site}/manage/account/",
        "site": sent.site,
        "settings": f"{manage}/settings/",
        "publishing": f"{manage}/settings/publishing/{f'?{sent.publisher}' if sent.publisher else ''}",
        "collaboration": f"{manage}/collaboration/",
        "releases": f"{manage}/releases/",
        "give": _how_to_give_a_token(sent),
        "change": _how_to_change_the_credential(sent),
        "wants": kind_of(sent.url).credential_help,
        "upload_url": urls.TEST_PYPI if on_test else urls.PYPI,
        "upload_name": "test" if on_test else "main",
        "outages": _where_outages_are_told(sent),
    }


def about_answer(answer: Answer, redact: Redact) -> dict[str, str]:
    """What can be named about the answer to it."""
    try:
        location = urljoin(answer.url, answer.header("location"))
    except ValueError:
        location = answer.header("location")
    again = when(answer)
    return {
        "when": again,
        "soon": "In a few minutes" if again == LATER else f"{again[:1].upper()}{again[1:]}",
        "allowance": allowance(answer),
        "answered": shortened(redact(one_line(answer.url))),
        "location": shortened(redact(one_line(location))),
    }


def _how_to_give_a_token(sent: Attempt) -> str:
    if sent.asked_now:
        return "paste it here"
    if sent.asked_again or not sent.source:
        return f"run `{sent.command} -u __token__`, which asks for it"
    with_user = "" if sent.user == "__token__" else ", with the user name `__token__`,"
    return f"give it{with_user} in place of the one from {sent.source}"


def _how_to_change_the_credential(sent: Attempt) -> str:
    if not sent.source:
        return f"Run `{sent.command}` at a terminal, which asks for them, or set HATCH_INDEX_USER and HATCH_INDEX_AUTH."
    if sent.asked_now:
        return "Give another one here."
    if sent.asked_again:
        return f"Run `{sent.command}` at a terminal, which asks for another one."
    return f"Check the user name, and give another secret in place of the one from {sent.source}."


def _where_outages_are_told(sent: Attempt) -> str:
    if urls.site(sent.url):
        return "See https://status.python.org for outages."
    return f"If it lasts, ask whoever runs {sent.host}."
