"""A canary for every place that holds a secret: it reaches the index's `Authorization`, and nothing and nobody else."""

from __future__ import annotations

import base64
import dataclasses
import html
import importlib
import json
import pkgutil
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn
from unittest import mock
from urllib.parse import quote, quote_plus

import pytest
from api_tokens import USER_ID, make_token
from distribution_builders import make_sdist, make_wheel
from hatch_in_process import invoke_hatch, invoke_tokenindex
from hatch_process import HatchTerminal, command, needs_terminal, run_command, run_hatch
from servers import Answer, BasicAuth, Fault, RecordingServer

import hatch_tokenindex
from hatch_tokenindex.secrets import MASK, Secret, forms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from hatch_process import HatchResult, Home, Project
    from servers import PyPIStandIn, Request

    from hatch_tokenindex.credentials.credential import Credential

# Each way of writing it down gives another text, and every part of it that is long enough to matter begins with `c4n4ry`.
CANARY = 'c4n4ry/+&"<ü%x?~c4n4ry'
USER = "__token__"


def spelled(secret: str, user: str = USER) -> set[str]:
    """Everything by which a secret can be told: what the package itself knows, and the usual ones, made here."""
    encoded = secret.encode()
    pair = f"{user}:{secret}".encode()
    return {
        *forms_of(Secret(secret), user),
        secret,
        *(encode(data).decode().rstrip("=") for encode in ENCODERS for data in (encoded, pair)),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        html.escape(secret),
        encoded.hex(),
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
    }


ENCODERS = (base64.b64encode, base64.urlsafe_b64encode)
MARKS = {"c4n4ry", *spelled(CANARY)}


@dataclass
class Context:
    """A project with a wheel and an sdist, whose repository `private` is `index`; its simple API is `elsewhere`.

    `elsewhere` is another origin, and asks for credentials.
    """

    index: RecordingServer
    elsewhere: RecordingServer
    project: Project
    home: Home
    sources: list[Path] = field(default_factory=list)
    """The files in which the canary was planted."""

    @property
    def keys(self) -> dict[str, str]:
        """The keys of the `private` repository's table."""
        return {"url": self.index.upload_url, "simple-url": self.elsewhere.simple_url}

    def publish(
        self,
        *arguments: str,
        repository: str = "private",
        verbosity: str = "-v",
        hatch: Callable[..., HatchResult] = invoke_hatch,
        **environment: str,
    ) -> HatchResult:
        """Publish on a standard input that is no terminal; without `repository`, `arguments` tell where."""
        chosen = ["-r", repository] if repository else []
        return hatch(
            *(verbosity, "publish", "-p", "tokenindex", *chosen, *arguments),
            cwd=self.project.folder,
            home=self.home,
            env={"HATCH_DEBUG": "1", **environment},
        )

    def search(self, printed: str, marks: set[str] = MARKS) -> None:
        """Look for the canary in what was printed, in every file but its sources, and in every request."""
        assert_none(marks, printed, "the output")
        for folder in (self.home.folder, self.project.folder):
            for path in folder.rglob("*"):
                if path.is_file() and path not in {*self.sources, self.home.keyring_file}:
                    assert_none(marks, path.read_bytes().decode("utf-8", "replace"), str(path))
        for server in (self.index, self.elsewhere):
            for request in server.requests:
                assert_none(marks, _text_of(request, authorization=server is not self.index), repr(request))


def assert_none(marks: set[str], text: str, where: str) -> None:
    """No mark is there; a failure shows what is."""
    found = [mark for mark in marks if mark in text]
    if found:
        pytest.fail(f"{found[0]!r} in {where}: {text}", pytrace=False)


def _text_of(request: Request, *, authorization: bool) -> str:
    headers = [(name, value) for name, value in request.headers.items() if authorization or name != "Authorization"]
    return "\n".join(
        [request.target, *(f"{name}: {value}" for name, value in headers), request.body.decode("utf-8", "replace")]
    )


@pytest.fixture
def context(index: RecordingServer, project: Project, home: Home) -> Iterator[Context]:
    """Everything in its place, and no secret anywhere."""
    make_wheel(project.dist, project.name)
    make_sdist(project.dist, project.name)
    with RecordingServer() as elsewhere:
        elsewhere.respond = lambda _request: Answer(401, headers={"WWW-Authenticate": "Basic"})
        context = Context(index, elsewhere, project, home)
        project.configure(table(context.keys))
        yield context
        assert elsewhere.uploads == []
        assert all("Authorization" not in request.headers for request in elsewhere.requests)
        assert elsewhere.errors == []


def table(keys: Mapping[str, object], *top: str, where: str = "publish.tokenindex") -> str:
    """A configuration file: the keys of the repository `private`, and lines for the top."""
    own = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
    return "\n".join([f"[{where}]", *top, f"[{where}.repos.private]", *own, ""])


# Where a secret can be


@dataclass(frozen=True)
class Planted:
    """Arguments and settings that make `hatch` find the canary; `options` are passed by `-o` or its variable."""

    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    options_in_variable: bool = False

    def run(self, context: Context, *options: str, **keywords: Any) -> HatchResult:
        """Publish with it, and with more options."""
        options = (*self.options, *options)
        if self.options_in_variable:
            variable = {"HATCH_PUBLISHER_OPTIONS": " ".join(options)}
            return context.publish(*self.arguments, **{**self.environment, **variable, **keywords})
        flags = [part for option in options for part in ("-o", option)]
        return context.publish(*self.arguments, *flags, **{**self.environment, **keywords})


def by_flag(_: Context) -> Planted:
    return Planted(("--auth", CANARY))


def by_option(_: Context) -> Planted:
    return Planted(options=(f"auth={CANARY}",))


def by_options_variable(_: Context) -> Planted:
    return Planted(options=(f"auth={CANARY}",), options_in_variable=True)


def by_variable(_: Context, *, name: str) -> Planted:
    return Planted(environment={name: CANARY})


def in_hatch_toml(context: Context) -> Planted:
    context.project.configure(table({**context.keys, "auth": CANARY}))
    context.sources.append(context.project.folder / "hatch.toml")
    return Planted()


def on_top_of_hatch_toml(context: Context) -> Planted:
    context.project.configure(table(context.keys, f"auth = {json.dumps(CANARY, ensure_ascii=False)}"))
    context.sources.append(context.project.folder / "hatch.toml")
    return Planted()


def in_pyproject_toml(context: Context) -> Planted:
    path = context.project.folder / "pyproject.toml"
    text = path.read_text(encoding="utf-8") + table(
        {**context.keys, "auth": CANARY}, where="tool.hatch.publish.tokenindex"
    )
    path.write_text(text, encoding="utf-8")
    path.with_name("hatch.toml").unlink()
    context.sources.append(path)
    return Planted()


def in_config_toml(context: Context) -> Planted:
    context.home.configure_hatch(table({**context.keys, "auth": CANARY}))
    context.sources.append(context.home.hatch_config)
    return Planted()


def by_command(context: Context) -> Planted:
    script = context.home.folder / "secret.py"
    code = f"import sys\nsys.stdout.reconfigure(encoding='utf-8')\nprint({CANARY!r})\nprint('more')\n"
    script.write_text(code, encoding="utf-8")
    context.home.configure_hatch(table({**context.keys, "auth-command": [sys.executable, "-S", str(script)]}))
    context.sources.append(script)
    return Planted()


def in_pypirc(context: Context, *, section: str) -> Planted:
    name = section.format(project=context.project.name)
    text = f"[{name}]\nrepository = {context.index.upload_url}\nusername = {USER}\npassword = {CANARY}\n"
    context.home.pypirc.write_text(text, encoding="utf-8")
    context.sources.append(context.home.pypirc)
    return Planted()


def in_keyring(context: Context, *, slot: str, backend: str = "FileKeyring") -> Planted:
    context.home.use_keyring(backend)
    context.home.remember(context.index.upload_url, slot.format(project=context.project.name), CANARY)
    return Planted()


SOURCES: dict[str, Callable[[Context], Planted]] = {
    "--auth": by_flag,
    "-o auth": by_option,
    "HATCH_INDEX_AUTH": partial(by_variable, name="HATCH_INDEX_AUTH"),
    "HATCH_INDEX_AUTH_PRIVATE": partial(by_variable, name="HATCH_INDEX_AUTH_PRIVATE"),
    "HATCH_PUBLISHER_OPTIONS": by_options_variable,
    "hatch.toml": in_hatch_toml,
    "top of hatch.toml": on_top_of_hatch_toml,
    "pyproject.toml": in_pyproject_toml,
    "config.toml": in_config_toml,
    "auth-command": by_command,
    ".pypirc": partial(in_pypirc, section="company"),
    ".pypirc, project": partial(in_pypirc, section="{project}"),
    "keyring": partial(in_keyring, slot=USER),
    "keyring, project": partial(in_keyring, slot="pypi_token:project:{project}"),
    "keyring, any user": partial(in_keyring, slot=USER, backend="CredentialOnly"),
}


# How a run can go


def echo(request: Request, *, status: int = 403) -> Answer:
    """A refusal that quotes the credential in every way that a server could find natural."""
    assert request.authorization is not None
    secret = request.authorization.password
    pair = f"{request.authorization.user}:{secret}"
    spellings = {
        "plain": secret,
        "base64": base64.b64encode(secret.encode()).decode(),
        "pair": base64.b64encode(pair.encode()).decode(),
        "header": request.headers["Authorization"],
        "url": quote(secret, safe=""),
        "form": quote_plus(secret),
        "json": json.dumps(secret),
        "html": html.escape(secret),
    }
    return Answer(status, f"No {secret}", body=" ".join(f"{name}={text}" for name, text in spellings.items()))


@dataclass(frozen=True)
class Way:
    """The exit status, `-o` options, what the index does to the first upload, and whether there is one."""

    status: int
    options: tuple[str, ...] = ()
    answer: Callable[[Context], Any] = lambda _desk: None
    environment: Mapping[str, str] = field(default_factory=dict)
    uploads: bool = True


def redirect(status: int, target: Callable[[Context], str]) -> Callable[[Context], Answer]:
    """A redirect to there."""
    return lambda context: Answer(status, headers={"Location": target(context)})


WAYS = {
    "good": Way(0),
    "json": Way(0, ("json",)),
    "explain": Way(0, ("explain",), uploads=False),
    "explain json": Way(0, ("explain", "json"), uploads=False),
    "dry run": Way(0, ("dry-run",), uploads=False),
    "echo": Way(1, answer=lambda _: echo),
    "echo json": Way(1, ("json",), lambda _: echo),
    "echo in GitHub Actions": Way(1, answer=lambda _: echo, environment={"GITHUB_ACTIONS": "true", "CI": "true"}),
    "redirect to another path": Way(0, answer=redirect(307, lambda _: "/legacy/again/")),
    "307 to another origin": Way(1, answer=redirect(307, lambda context: context.elsewhere.upload_url)),
    "302 to another origin": Way(1, answer=redirect(302, lambda context: context.elsewhere.upload_url)),
    "reset": Way(1, ("retries=0",), lambda _: Answer(fault=Fault.RESET_AFTER_BODY)),
    "unknown option": Way(1, ("wiat",), uploads=False),
    "option that contradicts": Way(1, ("repo=one", "repo=two"), uploads=False),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("plant", SOURCES.values(), ids=SOURCES)
def test_the_canary_is_seen_nowhere(context: Context, plant: Callable[[Context], Planted], way: Way) -> None:
    planted = plant(context)
    context.index.script_uploads(way.answer(context))
    summary = str(context.home.folder / "summary.md")
    result = planted.run(context, *way.options, GITHUB_STEP_SUMMARY=summary, **way.environment)

    assert result.returncode == way.status, result.output
    assert bool(context.index.uploads) is way.uploads
    assert all(request.authorization == BasicAuth(USER, CANARY) for request in context.index.uploads)
    assert "bug in hatch-tokenindex" not in result.output
    context.search(result.output)


@pytest.mark.parametrize("source", ["--auth", "-o auth", "HATCH_INDEX_AUTH", "hatch.toml", "auth-command", "keyring"])
def test_the_canary_is_not_in_what_the_real_command_prints(context: Context, source: str) -> None:
    planted = SOURCES[source](context)
    context.index.script_uploads(echo)
    result = planted.run(context, verbosity="-vvv", hatch=run_hatch)

    assert result.returncode == 1, result.output
    assert [request.authorization for request in context.index.uploads] == [BasicAuth(USER, CANARY)]
    assert f"plain={MASK} base64={MASK} pair={MASK} header={MASK}" in result.words
    assert "Traceback" not in result.output
    context.search(result.output)


@pytest.mark.parametrize("plant", SOURCES.values(), ids=SOURCES)
def test_the_canary_is_not_in_the_complaint_about_a_table(
    context: Context, plant: Callable[[Context], Planted]
) -> None:
    planted = plant(context)
    name = "pyproject.toml" if plant is in_pyproject_toml else "hatch.toml"
    with context.project.folder.joinpath(name).open("a", encoding="utf-8") as file:
        file.write("jobs = 9\n")
    result = planted.run(context)

    assert result.returncode == 1, result.output
    assert f"{name} must be a whole number from 1 to 8" in result.words
    assert context.index.requests == []
    context.search(result.output)


@pytest.mark.parametrize("plant", SOURCES.values(), ids=SOURCES)
def test_the_canary_is_not_in_the_complaint_about_a_repository(
    context: Context, plant: Callable[[Context], Planted]
) -> None:
    result = plant(context).run(context, repository="privat")

    assert result.returncode == 1, result.output
    assert "Unknown repository 'privat'" in result.output
    context.search(result.output)


@pytest.mark.parametrize("plant", SOURCES.values(), ids=SOURCES)
def test_no_dataclass_shows_the_canary(context: Context, plant: Callable[[Context], Planted]) -> None:
    """Debuggers, loggers and tracebacks with variables print what `repr` gives."""
    planted = plant(context)
    context.index.script_uploads(echo)
    with remembering_instances() as instances:
        planted.run(context)

    names = {type(instance).__name__ for instance in instances}
    assert {"Options", "Repository", "Credential", "CheckedCredential", "Authorization", "Attempt", "Refusal"} <= names
    for instance in instances:
        assert_none(MARKS, repr(instance), f"the repr of a {type(instance).__name__}")


@contextmanager
def remembering_instances() -> Iterator[list[object]]:
    """Every instance of a dataclass of the package that is made meanwhile."""
    instances: list[object] = []

    def remembering(original: Callable[..., None]) -> Callable[..., None]:
        def init(self: object, *arguments: object, **keywords: object) -> None:
            original(self, *arguments, **keywords)
            instances.append(self)

        return init

    with ExitStack() as patches:
        for module in modules():
            for kind in vars(module).values():
                if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__:
                    patches.enter_context(mock.patch.object(kind, "__init__", remembering(vars(kind)["__init__"])))
        yield instances


def modules() -> Iterator[ModuleType]:
    """All modules of the package but the one that is a command."""
    for found in pkgutil.walk_packages(hatch_tokenindex.__path__, f"{hatch_tokenindex.__name__}."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def test_a_mistake_of_ours_shows_nothing(context: Context) -> None:
    """An exception that is a bug may hold anything, and its traceback too."""

    def check_credential(found: Credential, *_: object) -> NoReturn:
        raise RuntimeError(found.secret.reveal())

    with mock.patch("hatch_tokenindex.credentials.chain.check_credential", check_credential):
        result = context.publish("--auth", CANARY)
    assert result.returncode == 1
    assert "This is a bug in hatch-tokenindex, please report it: RuntimeError in check_credential" in result.words
    assert 'File "' in result.output
    context.search(result.output)


# How an index can echo


def quoting(spelling: Callable[[str], str], **answer: Any) -> Callable[[Request], Answer]:
    """A refusal by an index that writes the secret down in this way."""

    def refuse(request: Request) -> Answer:
        assert request.authorization is not None
        spelled = spelling(request.authorization.password)
        filled = {name: fill(value, spelled) for name, value in answer.items()}
        return Answer(**{"status": 403, **filled})

    return refuse


def fill(value: Any, spelled: str) -> Any:
    """A text, or a structure of texts, with the spelling in place of `@`."""
    if isinstance(value, str):
        return value.replace("@", spelled)
    if isinstance(value, dict):
        return {fill(key, spelled): fill(member, spelled) for key, member in value.items()}
    if isinstance(value, list):
        return [fill(member, spelled) for member in value]
    return value


def percent(secret: str) -> str:
    return quote(secret, safe="")


def lower_percent(secret: str) -> str:
    return "".join(f"%{byte:02x}" if quote(bytes([byte])).startswith("%") else chr(byte) for byte in secret.encode())


HTML = {"Content-Type": "text/html"}
ECHOES = {
    "text": quoting(str, body="You sent @ here"),
    "text, far behind": quoting(str, body=f"{'x' * 490} @"),
    "ISO-8859-1": lambda request: Answer(403, body=f"No {request.authorization.password}".encode("latin-1")),
    "reason": quoting(str, reason="No @ here"),
    "reason, UTF-8": lambda request: Answer(403, reason=request.authorization.password.encode().decode("latin-1")),
    "JSON": quoting(str, body={"message": "No @ here", "code": "403 @"}),
    "JSON, deep": quoting(str, body={"errors": [{"code": "@", "detail": {"why": ["@"]}}]}),
    "JSON, as key": quoting(str, body={"@": "is wrong"}),
    "JSON as text": quoting(json.dumps, body="sent: @"),
    "JSON that is cut": quoting(json.dumps, body='{"message": @', headers={"Content-Type": "application/json"}),
    "problem": quoting(str, body={"title": "@", "detail": "@"}, headers={"Content-Type": "application/problem+json"}),
    "HTML": quoting(html.escape, body="<title>403</title><h1>No <b>@</b></h1>", headers=HTML),
    "HTML, raw": quoting(str, body="<p>No @</p>", headers=HTML),
    "HTML, attribute": quoting(percent, body='<p>See <a href="/x?t=@">/x?t=@</a></p>', headers=HTML),
    "percent": quoting(percent, body="/login?token=@"),
    "percent, lower case": quoting(lower_percent, body="/login?token=@"),
    "location": quoting(percent, status=302, headers={"Location": "/login?token=@"}),
    "location, raw": quoting(str, status=302, headers={"Location": "https://example.org/@"}),
    "wrong challenge": quoting(str, status=401, headers={"WWW-Authenticate": 'Basic realm="@"'}, body="@"),
    "conflict": quoting(str, status=409, body="@ exists already"),
    "unknown status": quoting(str, status=599, reason="@", body="@"),
}


@pytest.mark.parametrize("refuse", ECHOES.values(), ids=ECHOES)
def test_an_echo_is_masked(context: Context, refuse: Callable[[Request], Answer]) -> None:
    context.index.script_uploads(refuse)
    result = context.publish("-o", "retries=0", "--auth", CANARY)

    assert result.returncode == 1
    assert MASK in result.output
    context.search(result.output)


def test_an_echo_is_masked_while_it_is_tried_again(context: Context) -> None:
    context.index.script_uploads(quoting(str, status=503, body="@ is too much", headers={"Retry-After": "0"}))
    result = context.publish("--auth", CANARY)

    assert result.returncode == 0, result.output
    assert f"{MASK} is too much" in result.words
    assert "Retrying" in result.words
    context.search(result.output)


@pytest.mark.parametrize("page", ["refusal", "page"])
def test_what_the_simple_api_of_the_same_origin_echoes_is_not_shown(context: Context, page: str) -> None:
    context.project.configure(table({"url": context.index.upload_url}))
    asked = Answer(401, headers={"WWW-Authenticate": "Basic"})
    listing = {"files": [{"filename": "@-1.0.tar.gz", "url": "@"}], "project-status": {"status": "@", "reason": "@"}}
    headers = {"Content-Type": "application/vnd.pypi.simple.v1+json"}
    echoing = quoting(str, body="@") if page == "refusal" else quoting(str, status=200, body=listing, headers=headers)
    context.index.script_others(asked, echoing)
    result = context.publish("--auth", CANARY)

    assert result.returncode == 0, result.output
    assert [request.authorization for request in context.index.requests[:2]] == [None, BasicAuth(USER, CANARY)]
    context.search(result.output)


def test_where_the_simple_api_redirects_to_is_not_named_after_it_saw_the_credential(context: Context) -> None:
    context.project.configure(table({"url": context.index.upload_url}))
    headers = {"Location": "https://@.example.org/simple/"}
    context.index.script_others(Answer(401), quoting(str, status=302, headers=headers))
    result = context.publish("--auth", "c4n4ry")

    assert result.returncode == 0, result.output
    assert "redirect to another host" in result.words
    context.search(result.output, {"c4n4ry"})


@pytest.mark.parametrize("body", ["No @", "<p>No @</p>", "<pre>No @</pre>", '{"message": "No @"}'])
def test_a_pass_phrase_is_masked_with_its_spaces(context: Context, body: str) -> None:
    """A page is shown with single spaces, as a browser does."""
    phrase = "c4n4ry  and   more  c4n4ry"
    context.index.script_uploads(quoting(str, body=body))
    result = context.publish("--auth", phrase)

    assert result.returncode == 1
    assert MASK in result.output.partition("  upload URL ")[0]
    context.search(result.output, {"c4n4ry"})


# What else can tell


def test_a_password_manager_that_fails_tells_no_secret(context: Context) -> None:
    code = f"import sys; print({CANARY!r}); print('not unlocked:', {CANARY!r}, file=sys.stderr); sys.exit(3)"
    context.home.configure_hatch(table({**context.keys, "auth-command": [sys.executable, "-S", "-c", code]}))
    context.sources.append(context.home.hatch_config)
    result = context.publish()

    assert result.returncode == 1
    assert f"failed with exit status 3. Its error output: not unlocked: {MASK}" in result.words
    context.search(result.output)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-r", f"https://ci:{percent(CANARY)}@example.org/legacy/"),
        ("-r", f"https://{percent(CANARY)}@example.org/legacy/"),
        ("-o", f"url=https://ci:{percent(CANARY)}@example.org/legacy/"),
        ("-r", "private", "-o", f"simple-url=https://ci:{percent(CANARY)}@example.org/simple/"),
        ("-r", "private", "--auth", CANARY, "-o", "auth=another"),
        ("-r", "private", "--auth", "another", "-o", f"auth={CANARY}"),
    ],
)
def test_arguments_that_are_refused_are_not_quoted(context: Context, arguments: tuple[str, ...]) -> None:
    result = context.publish(*arguments, repository="", HATCH_INDEX_AUTH="x")
    assert result.returncode == 1
    assert context.index.requests == []
    context.search(result.output)


# What is typed


@needs_terminal
@pytest.mark.parametrize("backend", ["FileKeyring", "Explodes", "WriteFails"])
def test_a_secret_that_is_typed(context: Context, backend: str) -> None:
    """Asked for twice: the index refuses the first, and quotes it."""
    context.home.use_keyring(backend)
    context.index.script_uploads(partial(echo, status=401))
    arguments = ["-vvv", "publish", "-p", "tokenindex", "-r", "private", "-u", "maintainer"]
    environment = {"HATCH_DEBUG": "1"}
    with HatchTerminal(*arguments, cwd=context.project.folder, home=context.home, env=environment) as terminal:
        for _ in range(2):
            terminal.give_secret(CANARY)
        assert terminal.finish() == 0, terminal.screen
        screen = terminal.screen

    assert len(context.index.uploads) == 3
    kept = backend == "FileKeyring"
    assert ("Saved the " in screen) is kept
    assert home_secrets(context) == ([CANARY] if kept else [])
    context.search(screen, MARKS | spelled(CANARY, "maintainer"))


@needs_terminal
def test_a_token_that_is_typed_as_user_name(context: Context) -> None:
    token = make_token(location="127.0.0.1", user=USER_ID)
    context.index.script_uploads(partial(echo, status=401))
    arguments = ["-vvv", "publish", "-p", "tokenindex", "-r", "private"]
    with HatchTerminal(*arguments, cwd=context.project.folder, home=context.home) as terminal:
        terminal.expect("User name for")
        terminal.send(token)
        terminal.expect("using it as the secret")
        before = len(terminal.screen)
        terminal.give_secret(token)
        assert terminal.finish() == 0, terminal.screen
        screen = terminal.screen[before:]

    assert {request.authorization for request in context.index.uploads} == {BasicAuth(USER, token)}
    context.search(screen, spelled(token))


def home_secrets(context: Context) -> list[str]:
    """The secrets in the keyring of the tests."""
    return [secret for slots in context.home.keyring.secrets.values() for secret in slots.values()]


@pytest.mark.parametrize(
    ("backend", "arguments", "for_real"),
    [
        ("FileKeyring", (), True),
        ("FileKeyring", ("--project", "demo"), False),
        ("FileKeyring", ("-u", "maintainer"), False),
        ("Explodes", (), False),
        ("Swallows", (), False),
    ],
)
def test_a_secret_on_the_standard_input_of_login(
    context: Context, backend: str, arguments: tuple[str, ...], *, for_real: bool
) -> None:
    context.home.use_keyring(backend)
    kept = backend == "FileKeyring"
    tokenindex = partial(manage_for_real if for_real else manage, context)
    login = tokenindex("login", "-r", "private", *arguments, stdin=f"{CANARY}\nmore\n")
    assert login.returncode == (0 if kept else 1), login.output
    assert home_secrets(context) == ([CANARY] if kept else [])

    others = [tokenindex("tokens", "--json"), tokenindex("logout", "-r", "private", "--all")]
    assert [done.returncode for done in others] == [0, 0]
    assert home_secrets(context) == []
    printed = "".join(done.output for done in (login, *others))
    context.search(printed, MARKS | spelled(CANARY, "maintainer"))


def manage(context: Context, *arguments: str, stdin: str = "") -> HatchResult:
    """Run the other command in this process."""
    debug = {"HATCH_DEBUG": "1"}
    return invoke_tokenindex(*arguments, cwd=context.project.folder, home=context.home, env=debug, stdin=stdin.encode())


def manage_for_real(context: Context, *arguments: str, stdin: str = "") -> HatchResult:
    """Run the other command as it is installed."""
    return run_command(
        *(command("hatch-tokenindex"), *arguments),
        cwd=context.project.folder,
        environment={**context.home.environment, "HATCH_DEBUG": "1"},
        stdin=stdin.encode(),
    )


# PyPI's tokens


@pytest.mark.parametrize("answer", ["good", "echo", "redirect"])
def test_of_a_narrowed_token_neither_the_original_nor_what_was_made_of_it_is_seen(
    pypi: PyPIStandIn, project: Project, home: Home, answer: str
) -> None:
    make_wheel(project.dist, project.name)
    token = make_token(user=USER_ID)
    elsewhere = Answer(307, headers={"Location": "https://files.pythonhosted.org/legacy/"})
    pypi.server.script_uploads({"good": None, "echo": echo, "redirect": elsewhere}[answer])
    result = run_hatch(
        *("-vvv", "publish", "-p", "tokenindex", "--ca-cert", str(pypi.ca_file)),
        cwd=project.folder,
        home=home,
        env={**pypi.environment, "HATCH_INDEX_AUTH": token, "HATCH_DEBUG": "1"},
    )

    assert result.returncode == (0 if answer == "good" else 1), result.output
    (upload,) = pypi.server.uploads
    assert upload.headers["Host"] == "upload.pypi.org"
    assert upload.authorization is not None
    narrowed = upload.authorization.password
    assert_none(spelled(token) | spelled(narrowed), result.output, "the output")
    for request in pypi.server.requests:
        assert_none(spelled(token), _text_of(request, authorization=True), repr(request))
        assert_none(spelled(narrowed), _text_of(request, authorization=request is not upload), repr(request))


# Proxies


PROXY_PASSWORD = "pr0xy/c4n4ry+ü"


@pytest.mark.parametrize(
    "spelling", [str, quote, percent, lambda text: base64.b64encode(f"me:{text}".encode()).decode()]
)
def test_the_password_of_a_proxy_is_masked(context: Context, spelling: Callable[[str], str]) -> None:
    """A proxy on the way to an index on plain http can answer in its place."""
    text = f"Proxy knows no {spelling(PROXY_PASSWORD)} here"
    context.index.respond = lambda _request: Answer(407, body=text)
    proxy = f"http://me:{percent(PROXY_PASSWORD)}@127.0.0.1:{context.index.port}"
    far = ("-r", "http://packages.example.org/legacy/", "-o", "insecure-http")
    result = context.publish(*far, repository="", HTTP_PROXY=proxy, HATCH_INDEX_AUTH="x" * 20)

    assert result.returncode == 1
    assert f"Proxy knows no {MASK} here" in result.words
    assert {request.headers["Proxy-Authorization"] for request in context.index.requests} == {
        f"Basic {base64.b64encode(f'me:{PROXY_PASSWORD}'.encode()).decode()}"
    }
    assert_none(spelled(PROXY_PASSWORD, "me"), result.output, "the output")


def test_the_password_of_a_proxy_that_lets_nothing_through_is_masked(
    pypi: PyPIStandIn, project: Project, home: Home
) -> None:
    make_wheel(project.dist, project.name)
    pypi.proxy.proxy_authorization = "another"
    pypi.proxy.refusal = "407 No entry for me and pr0xy-c4n4ry"
    proxy = pypi.proxy.url.replace("http://", "http://me:pr0xy-c4n4ry@")
    result = invoke_hatch(
        *("publish", "-p", "tokenindex", "--ca-cert", str(pypi.ca_file), "-o", "retries=0"),
        cwd=project.folder,
        home=home,
        env={"HTTPS_PROXY": proxy, "HATCH_INDEX_AUTH": make_token(user=USER_ID)},
    )

    assert result.returncode == 1
    assert f"No entry for me and {MASK}" in result.words
    assert pypi.server.requests == []
    assert_none({"c4n4ry", *spelled("pr0xy-c4n4ry", "me")}, result.output, "the output")


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://me:c4n4ry@127.0.0.1:1",
        "ftp://me:c4n4ry@127.0.0.1:1",
        "http://me:c4n4ry@127.0.0.1:port",
        "http://me:c4n4ry/@127.0.0.1:1",
        "http://me:c4n4ry@[127.0.0.1",
        "me:c4n4ry@127.0.0.1:1",
        "//me:c4n4ry@127.0.0.1:1",
        "http://me:c4n4ry #@127.0.0.1:1",
    ],
)
def test_a_proxy_that_cannot_be_used_is_not_quoted(context: Context, proxy: str) -> None:
    far = ("-r", "https://packages.example.org/legacy/", "-o", "retries=0")
    result = context.publish(*far, repository="", HTTPS_PROXY=proxy, HATCH_INDEX_AUTH="x" * 20)

    assert result.returncode == 1
    assert "bug in hatch-tokenindex" not in result.output
    assert "HTTPS_PROXY" in result.output or "No answer" in result.output
    context.search(result.output, {"c4n4ry"})
