"""The options of a run: the flags and environment variables of `hatch publish`, and the `-o` pairs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hatch_tokenindex.config.keys import KEYS, OPTION_KEYS, REPOSITORY_KEYS, Place, default_of, suggestion
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import Layer, variable_suffix
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import issuers_in, token_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COMMAND_LINE = "command line"
ENVIRONMENT = "environment"

FLAGS = {
    "repo": ("--repo", "HATCH_INDEX_REPO"),
    "user": ("--user", "HATCH_INDEX_USER"),
    "auth": ("--auth", "HATCH_INDEX_AUTH"),
    "ca-cert": ("--ca-cert", "HATCH_INDEX_CA_CERT"),
    "client-cert": ("--client-cert", "HATCH_INDEX_CLIENT_CERT"),
    "client-key": ("--client-key", "HATCH_INDEX_CLIENT_KEY"),
}
DEFAULT_WAIT = default_of("wait")
_ONLY_IN_FILES = {key.name for key in KEYS if Place.OPTION not in key.places}


@dataclass(frozen=True)
class Pair:
    """A text for a key, the flag, variable or `-o` that gave it, and its rank: command line or environment."""

    key: str
    text: str = field(repr=False)
    origin: str
    rank: str


@dataclass(frozen=True)
class Options:
    """Everything that the command line and the environment ask for, apart from configuration files."""

    artifacts: tuple[str, ...]
    repository: WithOrigin[str] | None
    flag_user: WithOrigin[str] | None
    environment_user: WithOrigin[str] | None
    flag_auth: WithOrigin[Secret] | None
    environment_auth: WithOrigin[Secret] | None
    repository_users: Mapping[str, str]
    """Every `HATCH_INDEX_USER_<REPO>`, by its name."""
    repository_auths: Mapping[str, Secret]
    """Every `HATCH_INDEX_AUTH_<REPO>`, by its name."""
    overrides: Layer
    """Settings of a repository for this run."""
    prompt_obstacle: str
    """The reason why the user can't be prompted; empty if they can."""
    initialize_auth: bool
    yes: bool
    explain: bool
    dry_run: bool
    json: bool
    help: bool
    all_versions: bool
    wait: float | None

    @property
    def can_prompt(self) -> bool:
        """True if the user can be prompted."""
        return not self.prompt_obstacle


def repository_variable(kind: str, repository: str) -> str:
    """Return the name of a repository's own variable; `kind` is `USER` or `AUTH`."""
    return f"HATCH_INDEX_{kind}_{variable_suffix(repository)}"


def read(
    artifacts: Sequence[str],
    hatch_options: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    stdin_is_terminal: bool,
) -> Options:
    """Return the options of this run.

    Hatch hands a publisher only the `-o` pairs, `no_prompt` and `initialize_auth`. The flags come from the Click context
    of `hatch publish`, or from the environment where there is none.

    Raises:
        ConfigurationError: A value is invalid, or two of them contradict each other.
    """
    if any(token_in(artifact) or issuers_in(artifact) for artifact in artifacts):
        msg = "An API token was given as a file path; use --auth, or better HATCH_INDEX_AUTH."
        raise ConfigurationError(msg)
    context = _publish_context()
    pairs = list(_flags(context, environment))
    pairs += _option_pairs(context, hatch_options)
    for pair in pairs:
        if pair.key not in OPTION_KEYS:
            raise ConfigurationError(_unknown(pair))
    ranks = (COMMAND_LINE, ENVIRONMENT)
    given = {(key, rank): _given(pairs, key, rank) for key in OPTION_KEYS if key != "auth" for rank in ranks}

    def text(key: str) -> WithOrigin[str] | None:
        return given[key, COMMAND_LINE] or given[key, ENVIRONMENT]

    def value(key: str) -> Any:
        found = text(key)
        return None if found is None else _value(key, found)

    settings = {
        key: value(key)
        for key in REPOSITORY_KEYS
        if key not in {"url", "user", "auth", *_ONLY_IN_FILES} and text(key) is not None
    }
    return Options(
        artifacts=tuple(artifacts),
        repository=_repository(given),
        flag_user=_user(given["user", COMMAND_LINE]),
        environment_user=_user(given["user", ENVIRONMENT]),
        flag_auth=_secret(pairs, COMMAND_LINE),
        environment_auth=_secret(pairs, ENVIRONMENT),
        repository_users=_repository_users(environment),
        repository_auths={
            name: Secret(value) for name, value in environment.items() if name.startswith("HATCH_INDEX_AUTH_")
        },
        overrides=Layer("this run", Path.cwd(), settings),
        prompt_obstacle=_obstacle(context, hatch_options, environment, stdin_is_terminal=stdin_is_terminal),
        initialize_auth=_flag(context, hatch_options, "initialize_auth"),
        yes=_flag(context, hatch_options, "yes"),
        explain=bool(value("explain")),
        dry_run=bool(value("dry-run")),
        json=bool(value("json")),
        help=bool(value("help")),
        all_versions=bool(value("all-versions")),
        wait=DEFAULT_WAIT if (wait := text("wait")) and not wait.value else value("wait"),
    )


def asks_for_json(hatch_options: Mapping[str, Any]) -> bool:
    """Return True if the result is wanted as JSON, even if other options are invalid."""
    try:
        return "help" not in hatch_options and bool(
            _value("json", WithOrigin(hatch_options.get("json", "false"), "-o json"))
        )
    except ConfigurationError:
        return False


def _publish_context() -> click.Context | None:
    """Return the context of `hatch publish`, None if another program calls the publisher."""
    context = click.get_current_context(silent=True)
    return context if context is not None and {"repo", "auth", "options"} <= context.params.keys() else None


def _flag(context: click.Context | None, hatch_options: Mapping[str, Any], name: str) -> bool:
    # An `-o no_prompt=...` overwrites the flag in what Hatch hands over, so the context comes first.
    return bool(context.params.get(name) if context else hatch_options.get(name))


def _obstacle(
    context: click.Context | None,
    hatch_options: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    stdin_is_terminal: bool,
) -> str:
    """Return why the user can't be prompted. In CI, Hatch prompts only with `--interactive`."""
    if _flag(context, hatch_options, "no_prompt"):
        return "--no-prompt was given"
    if not stdin_is_terminal:
        return "standard input is not a terminal"
    chosen = context.find_root().params.get("interactive") if context else None
    if chosen is None and context is None and (variable := environment.get("HATCH_INTERACTIVE")):
        chosen = _interactive(variable)
    if chosen is None and any(environment.get(name) in {"true", "1"} for name in ("CI", "GITHUB_ACTIONS")):
        return "this is a CI job"
    return "" if chosen in {None, True} else "Hatch is not interactive (--no-interactive or HATCH_INTERACTIVE)"


def _interactive(text: str) -> bool:
    try:
        return click.BOOL.convert(text, None, None)
    except click.BadParameter:
        msg = "HATCH_INTERACTIVE must be true or false."
        raise ConfigurationError(msg) from None


def _flags(context: click.Context | None, environment: Mapping[str, str]) -> Iterator[Pair]:
    for key, (flag, variable) in FLAGS.items():
        parameter = key.replace("-", "_")
        texts = {(variable, ENVIRONMENT): environment.get(variable)}
        if context and context.get_parameter_source(parameter) is click.core.ParameterSource.COMMANDLINE:
            texts[flag, COMMAND_LINE] = context.params[parameter]
        for (origin, rank), text in texts.items():
            # An empty secret, as a missing CI secret gives it, is an error where it would be used.
            if text or (text is not None and key == "auth"):
                yield Pair(key, text, origin, rank)


def _option_pairs(context: click.Context | None, hatch_options: Mapping[str, Any]) -> Iterator[Pair]:
    if context is None:
        texts = [
            f"{key}={value}" for key, value in hatch_options.items() if key not in {"no_prompt", "initialize_auth"}
        ]
        rank, shown = COMMAND_LINE, "-o"
    else:
        texts = context.params["options"]
        from_environment = context.get_parameter_source("options") is click.core.ParameterSource.ENVIRONMENT
        rank, shown = (ENVIRONMENT, "HATCH_PUBLISHER_OPTIONS:") if from_environment else (COMMAND_LINE, "-o")
    for text in texts:
        key, _, value = text.partition("=")
        yield Pair(key, value, f"{shown} {key}", rank)


def _one(pairs: Sequence[Pair], key: str, rank: str) -> Pair | None:
    """Return the pair for `key` at this rank; two different ones contradict each other."""
    fitting = [pair for pair in pairs if pair.key == key and pair.rank == rank]
    for pair in fitting:
        if pair.text != fitting[0].text:
            msg = f"{fitting[0].origin} and {pair.origin} give different values for `{key}`; remove one of the two."
            raise ConfigurationError(msg)
    return fitting[0] if fitting else None


def _given(pairs: Sequence[Pair], key: str, rank: str) -> WithOrigin[str] | None:
    pair = _one(pairs, key, rank)
    return None if pair is None else WithOrigin(pair.text, pair.origin)


def _secret(pairs: Sequence[Pair], rank: str) -> WithOrigin[Secret] | None:
    pair = _one(pairs, "auth", rank)
    return None if pair is None else WithOrigin(Secret(pair.text), pair.origin)


def _value(key: str, given: WithOrigin[str]) -> object:
    reader = OPTION_KEYS[key]
    try:
        return reader.read(reader.parse(given.value))
    except ValueError as error:
        msg = f"`{key}` from {given.origin} {error}."
        raise ConfigurationError(msg) from None


def _repository(given: Mapping[tuple[str, str], WithOrigin[str] | None]) -> WithOrigin[str] | None:
    for rank in (COMMAND_LINE, ENVIRONMENT):
        repository, url = given["repo", rank], given["url", rank]
        if url is not None:
            _value("url", url)
            if repository is not None and repository.value != url.value:
                msg = f"{repository.origin} and {url.origin} name different repositories; remove one of the two."
                raise ConfigurationError(msg)
        if url or repository:
            return url or repository
    return None


def _user(given: WithOrigin[str] | None) -> WithOrigin[str] | None:
    if given is not None:
        _value("user", given)
    return given


def _repository_users(environment: Mapping[str, str]) -> Mapping[str, str]:
    users = {name: user for name, user in environment.items() if name.startswith("HATCH_INDEX_USER_") and user}
    for name, user in users.items():
        _value("user", WithOrigin(user, name))
    return users


def _unknown(pair: Pair) -> str:
    if pair.key in _ONLY_IN_FILES:
        return f"`{pair.key}` can't be set with {pair.origin.split()[0].rstrip(':')}; set it in Hatch's config.toml."
    if "pypi-" in pair.key or issuers_in(pair.key):
        return "An API token was given as an option; use `-o auth=TOKEN`, or better HATCH_INDEX_AUTH."
    return f"Unknown option `{pair.key}` ({pair.origin}){suggestion(pair.key, OPTION_KEYS)}."
