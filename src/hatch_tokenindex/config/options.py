"""The options of a run: the flags and environment variables of `hatch publish`, and the `-o` pairs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hatch_tokenindex.config.keys import KEYS, OPTION_KEYS, RUN_KEYS, RunSettings, suggestion
from hatch_tokenindex.config.origin import WithOrigin
from hatch_tokenindex.config.repositories import Layer
from hatch_tokenindex.errors import ConfigurationError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import issuers_in, token_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

COMMAND_LINE = "command line"
ENVIRONMENT = "environment"

FLAGS = ("repo", "user", "auth", "ca-cert", "client-cert", "client-key")
"""Keys with a flag and an environment variable: `--ca-cert`, HATCH_INDEX_CA_CERT."""
_RANKED = {"repo", "user", "auth"}
"""Keys of which the command line's value and the environment's are kept apart."""


@dataclass(frozen=True)
class OptionText:
    """A text for a key, the flag, variable or `-o` that gave it, and its rank: command line or environment."""

    key: str
    text: str = field(repr=False)
    origin: str
    rank: str

    def read(self) -> Any:
        """Return the value that the text stands for. Raises `ConfigurationError`."""
        key = OPTION_KEYS[self.key]
        try:
            return key.type.read(key.type.parse(self.text or key.bare))
        except ValueError as error:
            msg = f"`{self.key}` from {self.origin} {error}."
            raise ConfigurationError(msg) from None


@dataclass(frozen=True)
class Options(RunSettings):
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

    @property
    def can_prompt(self) -> bool:
        """True if the user can be prompted."""
        return not self.prompt_obstacle


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

    Raises `ConfigurationError` if a value is invalid, or two of them contradict each other.
    """
    if any(token_in(artifact) or issuers_in(artifact) for artifact in artifacts):
        msg = "An API token was given as a file path; use --auth, or better HATCH_INDEX_AUTH."
        raise ConfigurationError(msg)
    context = _publish_context()
    texts = [*_flags(context, environment), *_option_texts(context, hatch_options)]
    for text in texts:
        if text.key not in OPTION_KEYS:
            raise ConfigurationError(_unknown(text))
    given = {(key, rank): _one(texts, key, rank) for key in OPTION_KEYS for rank in (COMMAND_LINE, ENVIRONMENT)}

    def values(keys: Iterable[str]) -> dict[str, Any]:
        first = {key: given[key, COMMAND_LINE] or given[key, ENVIRONMENT] for key in keys}
        return {key: text.read() for key, text in first.items() if text is not None}

    return Options(
        **{key.replace("-", "_"): value for key, value in values(RUN_KEYS).items()},
        artifacts=tuple(artifacts),
        repository=_text(given["repo", COMMAND_LINE] or given["repo", ENVIRONMENT]),
        flag_user=_user(given["user", COMMAND_LINE]),
        environment_user=_user(given["user", ENVIRONMENT]),
        flag_auth=_secret(given["auth", COMMAND_LINE]),
        environment_auth=_secret(given["auth", ENVIRONMENT]),
        repository_users={
            name: OptionText("user", user, name, ENVIRONMENT).read()
            for name, user in environment.items()
            if name.startswith("HATCH_INDEX_USER_") and user
        },
        repository_auths={
            name: Secret(value) for name, value in environment.items() if name.startswith("HATCH_INDEX_AUTH_")
        },
        overrides=Layer("this run", Path.cwd(), values(OPTION_KEYS.keys() - RUN_KEYS.keys() - _RANKED)),
        prompt_obstacle=_obstacle(context, hatch_options, environment, stdin_is_terminal=stdin_is_terminal),
        initialize_auth=_flag(context, hatch_options, "initialize_auth"),
        yes=_flag(context, hatch_options, "yes"),
    )


def asks_for_json(hatch_options: Mapping[str, Any]) -> bool:
    """Return True if the result is wanted as JSON, even if other options are invalid."""
    try:
        as_json = OptionText("json", hatch_options.get("json", "false"), "-o json", COMMAND_LINE).read()
        return "help" not in hatch_options and bool(as_json)
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
    chosen = context.find_root().params.get("interactive") if context else _interactive(environment)
    if chosen is None and any(environment.get(name) in {"true", "1"} for name in ("CI", "GITHUB_ACTIONS")):
        return "this is a CI job"
    return "" if chosen in {None, True} else "Hatch is not interactive (--no-interactive or HATCH_INTERACTIVE)"


def _interactive(environment: Mapping[str, str]) -> bool | None:
    text = environment.get("HATCH_INTERACTIVE")
    try:
        return click.BOOL.convert(text, None, None) if text else None
    except click.BadParameter:
        msg = "HATCH_INTERACTIVE must be true or false."
        raise ConfigurationError(msg) from None


def _flags(context: click.Context | None, environment: Mapping[str, str]) -> Iterator[OptionText]:
    for key in FLAGS:
        parameter = key.replace("-", "_")
        variable = f"HATCH_INDEX_{parameter.upper()}"
        texts = {(variable, ENVIRONMENT): environment.get(variable)}
        if context and context.get_parameter_source(parameter) is click.core.ParameterSource.COMMANDLINE:
            texts[f"--{key}", COMMAND_LINE] = context.params[parameter]
        for (origin, rank), text in texts.items():
            # An empty secret, as a missing CI secret gives it, is an error where it would be used.
            if text or (text is not None and key == "auth"):
                yield OptionText(key, text, origin, rank)


def _option_texts(context: click.Context | None, hatch_options: Mapping[str, Any]) -> Iterator[OptionText]:
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
        given = OptionText(key, value, f"{shown} {key}", rank)
        if key == "url":
            # The same as `-r URL`, but never taken for a name.
            given.read()
            given = replace(given, key="repo")
        yield given


def _one(texts: Sequence[OptionText], key: str, rank: str) -> OptionText | None:
    """Return the text for `key` at this rank; two different ones contradict each other."""
    fitting = [text for text in texts if text.key == key and text.rank == rank]
    for text in fitting:
        if text.text != fitting[0].text:
            msg = f"{fitting[0].origin} and {text.origin} give different values for `{key}`; remove one of the two."
            raise ConfigurationError(msg)
    return fitting[0] if fitting else None


def _secret(text: OptionText | None) -> WithOrigin[Secret] | None:
    return None if text is None else WithOrigin(Secret(text.text), text.origin)


def _text(text: OptionText | None) -> WithOrigin[str] | None:
    return None if text is None else WithOrigin(text.text, text.origin)


def _user(text: OptionText | None) -> WithOrigin[str] | None:
    if text is not None:
        text.read()
    return _text(text)


def _unknown(text: OptionText) -> str:
    if text.key in KEYS:
        return f"`{text.key}` can't be set with {text.origin.split()[0].rstrip(':')}; set it in Hatch's config.toml."
    if "pypi-" in text.key or issuers_in(text.key):
        return "An API token was given as an option; use `-o auth=TOKEN`, or better HATCH_INDEX_AUTH."
    return f"Unknown option `{text.key}` ({text.origin}){suggestion(text.key, OPTION_KEYS)}."
