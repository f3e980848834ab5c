"""Placeholders: the names in braces that texts of the table may contain, with their values for one refusal."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin

from packaging.utils import canonicalize_name

from hatch_tokenindex import urls
from hatch_tokenindex.index.kinds import kind_of
from hatch_tokenindex.index.refusals.retry_after import allowance, retry_time
from hatch_tokenindex.text import one_line, shortened

if TYPE_CHECKING:
    from hatch_tokenindex.index.attempt import Attempt
    from hatch_tokenindex.index.refusals.message import Redact
    from hatch_tokenindex.index.refusals.response import Response


def attempt_placeholders(attempt: Attempt) -> dict[str, str]:
    """Return the placeholders for an attempt."""
    item, url, credential = attempt.upload.distribution, attempt.repository.url, attempt.credential
    manage = f"{attempt.web_url}/manage/project/{quote(canonicalize_name(item.project), safe='')}"
    query = f"?{credential.publisher}" if credential and credential.publisher else ""
    is_test = attempt.repository.site == "test.pypi.org"
    return {
        "index": attempt.index_name,
        "host": attempt.host,
        "project": item.project,
        "version": item.version,
        "filename": item.filename,
        "url": url,
        "https_url": re.sub("^http:", "https:", url, flags=re.IGNORECASE),
        "command": attempt.command,
        "token_page": f"{attempt.web_url}/manage/account/token/",
        "account": f"{attempt.web_url}/manage/account/",
        "web_url": attempt.web_url,
        "settings": f"{manage}/settings/",
        "publishing": f"{manage}/settings/publishing/{query}",
        "collaboration": f"{manage}/collaboration/",
        "releases": f"{manage}/releases/",
        "use_it": _use_new_token(attempt),
        "replace_it": _replace_credential(attempt),
        "accepted": kind_of(url).credential_help,
        "upload_url": urls.TEST_PYPI if is_test else urls.PYPI,
        "upload_name": "test" if is_test else "main",
        "check_outages": (
            "check https://status.python.org for outages"
            if attempt.repository.site
            else f"contact the administrator of {attempt.host} if this lasts"
        ),
    }


def response_placeholders(response: Response, redact: Redact) -> dict[str, str]:
    """Return the placeholders for a response."""
    location = response.headers.get("location", "")
    with suppress(ValueError):
        location = urljoin(response.url, location)
    return {
        "when": retry_time(response, "later"),
        "soon": retry_time(response, "in a few minutes"),
        "allowance": allowance(response),
        "response_url": shortened(redact(one_line(response.url))),
        "location": shortened(redact(one_line(location))),
    }


def _use_new_token(attempt: Attempt) -> str:
    """Return the instruction that follows `create a new token at URL and`."""
    credential = attempt.credential
    if attempt.upload.prompts_on_refusal:
        return "paste it at the prompt below"
    if credential is None or credential.is_replaceable:
        return f"run `{attempt.command} -u __token__`, which prompts for it"
    user = "" if credential.has_token_user else ", with the user name `__token__`"
    if re.fullmatch("[A-Z][A-Z0-9_]+", credential.origin):
        return f"set {credential.origin} to it{user}"
    return f"replace the one from {credential.description} with it{user}"


def _replace_credential(attempt: Attempt) -> str:
    """Return the instruction to give another user name and secret."""
    credential = attempt.credential
    if credential is None:
        return f"run `{attempt.command}` at a terminal, which prompts for them, or set HATCH_INDEX_USER and HATCH_INDEX_AUTH."
    if attempt.upload.prompts_on_refusal:
        return "enter another secret at the prompt below."
    if credential.is_replaceable:
        return f"run `{attempt.command}` at a terminal, which prompts for another secret."
    return f"check the user name, and replace the secret from {credential.description}."
