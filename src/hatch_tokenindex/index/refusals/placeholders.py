"""The names that the texts of the table can use in braces: the project, links, how to replace the credential."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from packaging.utils import canonicalize_name

from hatch_tokenindex import urls
from hatch_tokenindex.index.clock import allowance, when
from hatch_tokenindex.index.kinds import kind_of, upload_url_beside
from hatch_tokenindex.text import one_line, shortened

if TYPE_CHECKING:
    from hatch_tokenindex.index.refusals.attempt import Attempt, Response
    from hatch_tokenindex.index.refusals.message import Redact


def about_attempt(attempt: Attempt) -> dict[str, str]:
    """Return the names that depend on the attempt."""
    item, parts, site = attempt.upload.distribution, urlsplit(attempt.url), attempt.repository.site
    web_url = f"https://{site}" if site else f"{parts.scheme}://{parts.netloc.removeprefix('upload.')}"
    manage = f"{web_url}/manage/project/{quote(canonicalize_name(item.project), safe='')}"
    publisher = attempt.credential.publisher if attempt.credential else ""
    on_test = site == "test.pypi.org"
    return {
        "index": attempt.index_name,
        "host": attempt.host,
        "project": item.project,
        "version": item.version,
        "filename": item.filename,
        "url": attempt.url,
        "https_url": re.sub("^http:", "https:", attempt.url, flags=re.IGNORECASE),
        "command": attempt.command,
        "site": web_url,
        "tokens": f"{web_url}/manage/account/token/",
        "manage": manage,
        "publishing": f"{manage}/settings/publishing/{f'?{publisher}' if publisher else ''}",
        "secret": attempt.kind_of_secret,
        "length": "0" if attempt.authorization is None else f"{len(attempt.authorization.sent.reveal()):,}",
        "give": _how_to_give_a_token(attempt),
        "change": _how_to_change_the_credential(attempt),
        "wants": kind_of(attempt.url).credential_help,
        "upload_url": urls.TEST_PYPI if on_test else urls.PYPI,
        "upload_name": "test" if on_test else "main",
        "proxy": attempt.proxy or "HTTPS_PROXY",
        "upload_candidate": upload_url_beside(attempt.url),
        "outages": "See https://status.python.org for outages."
        if site
        else f"If it persists, contact the administrator of {attempt.host}.",
    }


def about_response(response: Response, redact: Redact) -> dict[str, str]:
    """Return the names that depend on the response."""
    location = response.headers.get("location", "")
    try:
        target = urljoin(response.url, location)
    except ValueError:
        target = location
    return {
        "when": when(response, "later"),
        "soon": when(response, "in a few minutes"),
        "allowance": allowance(response),
        "answered": shortened(redact(one_line(response.url))),
        "location": shortened(redact(one_line(target))),
    }


def _how_to_give_a_token(attempt: Attempt) -> str:
    credential = attempt.credential
    if attempt.upload.prompts_on_refusal:
        return "paste it here"
    if credential is None or credential.is_replaceable:
        return f"paste it when `{attempt.command} -u __token__` prompts for it"
    with_user = "" if credential.has_token_user else ", with the user name `__token__`"
    return f"{credential.how_to_replace}{with_user}"


def _how_to_change_the_credential(attempt: Attempt) -> str:
    credential = attempt.credential
    if attempt.upload.prompts_on_refusal:
        return "Enter them here" if credential is None else "Enter another one here"
    if credential is None:
        return f"Run `{attempt.command}` at a terminal to be prompted for them, or set HATCH_INDEX_USER and HATCH_INDEX_AUTH"
    if credential.user_is_secret:
        return f"Check the user name, or give a password: the one from {credential.origin} is empty"
    if credential.is_replaceable:
        return f"Run `{attempt.command}` at a terminal to be prompted for another one"
    return f"Check the user name, and replace the {attempt.kind_of_secret} from {credential.origin}"
