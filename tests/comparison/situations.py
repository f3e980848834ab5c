"""The situations that each tool is put in, and a short result: one function for a column or two of a table."""

from __future__ import annotations

import html
from dataclasses import dataclass
from http import HTTPStatus
from time import time
from typing import TYPE_CHECKING

from api_tokens import make_token
from servers import Answer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers import Request

    from comparison.stage import Stage
    from comparison.tools import Ending

HOST = "127.0.0.1"
UNKNOWN = (
    "Invalid or non-existent authentication information. See https://pypi.org/help/#invalid-auth for more information."
)
_DAY = 86_400
_WHEEL = "demo-1.0-py3-none-any.whl"
_PROJECTS = ("alpha", "beta")
_TIMES = ("never", "once", "twice", "three times")


@dataclass(frozen=True)
class Situation:
    """One thing that happens. `play` lets it happen and tells what the tool did: a text for each of `columns`."""

    columns: tuple[str, ...]
    play: Callable[[Stage], tuple[str, ...]]


# Refused


def _refused(stage: Stage) -> tuple[str, ...]:
    """The index doesn't know the token."""
    stage.index.script_uploads(*[_as_pypi(403, UNKNOWN)] * 9)
    ending = stage.publish()
    return (
        str(ending.status),
        _yes(UNKNOWN in ending.words),
        _yes(stage.tool.candidate.secret in ending.words),
        _yes("Traceback" not in ending.output),
    )


def _unattended(stage: Stage) -> tuple[str, ...]:
    """There is a user name and no secret, no keyring, and nobody to ask."""
    stage.index.credentials = set()
    more = stage.tool.candidate.unattended
    ending = stage.publish(secret="", more=more, PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    return (
        str(ending.status),
        _yes(stage.tool.candidate.secret in ending.words),
        _yes("Traceback" not in ending.output),
        _yes(not stage.index.uploads),
    )


# There already


def _same_content(stage: Stage) -> tuple[str, ...]:
    stage.publish()
    return (_published(stage),)


def _same_content_refused(stage: Stage) -> tuple[str, ...]:
    """The index answers to its own copy of a file in another way than PyPI."""
    stage.publish()
    stage.index.script_uploads(Answer(409, body="The file exists."))
    return (_published(stage, stage.tool.candidate.existing),)


def _other_content(stage: Stage) -> tuple[str, ...]:
    return (_other_content_published(stage, ()),)


def _other_content_with_option(stage: Stage) -> tuple[str, ...]:
    return (_other_content_published(stage, stage.tool.candidate.existing),)


def _other_content_published(stage: Stage, more: tuple[str, ...]) -> str:
    stage.index.store(_WHEEL, b"something else")
    stage.index.script_uploads(_as_pypi(400, f"File already exists ('{_WHEEL}')"))
    return _published(stage, more)


def _published(stage: Stage, more: tuple[str, ...] = ()) -> str:
    """Publish; return "sent" or "not sent" and how the run ended."""
    before = len(stage.index.uploads)
    ending = stage.publish(more=more)
    return f"{'sent' if len(stage.index.uploads) > before else 'not sent'}, {_ended(ending)}"


# Disturbances


def _disturbed(answer: Answer) -> Callable[[Stage], tuple[str, ...]]:
    """The first upload of a file gets this answer, and the next is served as usual."""

    def play(stage: Stage) -> tuple[str, ...]:
        stage.index.store("demo-0.9-py3-none-any.whl", b"an earlier version")
        stage.index.script_uploads(answer)
        ending = stage.publish()
        return (f"sent {_TIMES[len(stage.index.uploads)]}, {_ended(ending)}",)

    return play


# Where a token goes


def _token(token: Callable[[], str]) -> Callable[[Stage], tuple[str, ...]]:
    """The tool is given this token. What becomes of it?"""

    def play(stage: Stage) -> tuple[str, ...]:
        stage.publish(secret=token())
        return ("sent" if any(stage.secrets) else "not sent",)

    return play


def _plain_http(stage: Stage) -> tuple[str, ...]:
    """The URL is that of another host, and a proxy is the way there."""
    if not stage.tool.candidate.uses_proxy:
        return ("(not tested)",)
    stage.url = "http://packages.invalid/legacy/"
    proxy = stage.index.url.rstrip("/")
    stage.publish(HTTP_PROXY=proxy, http_proxy=proxy)
    return ("sent" if any(stage.secrets) else "not sent",)


def _redirected(status: int) -> Callable[[Stage], tuple[str, ...]]:
    """The index sends the upload to another host."""

    def play(stage: Stage) -> tuple[str, ...]:
        stage.index.script_uploads(Answer(status, headers={"Location": stage.url_of_other}))
        ending = stage.publish()
        seen = stage.other.requests
        token = any(request.authorization for request in seen)
        went = f"{'/'.join(request.method for request in seen)} with{'' if token else 'out'} the token"
        return (f"{went if seen else 'not followed'}, {_ended(ending)}",)

    return play


# Two projects


def _two_projects(stage: Stage) -> tuple[str, ...]:
    """Two projects with a token each: their owner types it once, and then publishes again where nobody is asked."""
    tokens = {name: make_token(location=HOST, projects=[name]) for name in _PROJECTS}
    stage.home.use_keyring("FileKeyring")
    stage.index.respond = lambda request: _project_scoped(request, tokens)
    told = []
    for version, at_terminal in (("1.0", True), ("1.1", False)):
        for name in _PROJECTS:
            stage.build(name, version)
            before = len(stage.secrets)
            ending = (
                stage.publish_at_terminal(tokens[name], name) if at_terminal else stage.publish(secret="", name=name)
            )
            owners = [
                next((owner for owner in _PROJECTS if tokens[owner] == sent), "no") for sent in stage.secrets[before:]
            ]
            told.append(f"{' and '.join(f'{owner} token' for owner in owners) or 'nothing sent'}, {_ended(ending)}")
    slots = [user for users in stage.home.keyring.secrets.values() for user in users]
    return (*told, ", ".join(f"`{slot}`" for slot in slots) or "nothing")


def _project_scoped(request: Request, tokens: dict[str, str]) -> Answer | None:
    """Refuse an upload without its own project's token."""
    if not request.is_upload:
        return None
    project = request.value("name")
    if request.authorization and request.authorization.password == tokens[project]:
        return None
    return _as_pypi(403, f"Invalid API Token: project-scoped token is not valid for project: '{project}'")(request)


# Words


def _as_pypi(status: int, text: str) -> Callable[[Request], Answer]:
    """A refusal as PyPI words it: in the status line, and in a body of the kind that was asked for."""

    def answer(request: Request) -> Answer:
        title = HTTPStatus(status).phrase
        if "application/json" in request.headers.get("Accept", ""):
            return Answer(status, text, body={"message": text, "code": f"{status} {text}", "title": title})
        escaped = html.escape(f"{status} {text}")
        page = (
            f"<html>\n <head>\n  <title>{escaped}</title>\n </head>\n <body>\n  <h1>{escaped}</h1>\n </body>\n</html>"
        )
        return Answer(status, text, body=page, headers={"Content-Type": "text/html; charset=UTF-8"})

    return answer


def _ended(ending: Ending) -> str:
    return f"exit {ending.status}"


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


REFUSED = Situation(
    ("exit status", "the index's words", "where the token came from", "no traceback"),
    _refused,
)
UNATTENDED = Situation(("exit status", "names the variable", "no traceback", "nothing uploaded"), _unattended)
SAME_CONTENT = Situation(("same content",), _same_content)
SAME_CONTENT_REFUSED = Situation(("same content, 409, with the option",), _same_content_refused)
OTHER_CONTENT = Situation(("other content",), _other_content)
OTHER_CONTENT_WITH_OPTION = Situation(("other content, with the option",), _other_content_with_option)
UNAVAILABLE = Situation(("503 once",), _disturbed(Answer(503, body="No backend")))
TOO_MANY = Situation(("429 once, with `Retry-After: 1`",), _disturbed(Answer(429, headers={"Retry-After": "1"})))
CUT = Situation(("connection lost during the upload",), _disturbed(Answer(fault=Fault.RESET_DURING_BODY)))
LOST = Situation(("answer lost after the upload",), _disturbed(Answer(fault=Fault.LOSE_ANSWER)))
FOREIGN = Situation(("PyPI's, to another host",), _token(lambda: make_token(projects=["demo"])))
EXPIRED = Situation(
    ("expired",), _token(lambda: make_token(location=HOST, projects=["demo"], expires=int(time()) - _DAY))
)
OF_ANOTHER = Situation(("of another project",), _token(lambda: make_token(location=HOST, projects=["another"])))
PLAIN_HTTP = Situation(("over plain http to another host",), _plain_http)
PERMANENT_REDIRECT = Situation(("308 to another host",), _redirected(308))
MOVED = Situation(("301 to another host",), _redirected(301))
TWO_PROJECTS = Situation(
    ("alpha 1.0", "beta 1.0", "alpha 1.1, no terminal", "beta 1.1, no terminal", "in the keyring"),
    _two_projects,
)
