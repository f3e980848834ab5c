"""Hatch's configuration, its cache folder and the current project, found as Hatch finds them; and the home folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from platformdirs import user_cache_dir, user_config_dir

from hatch_tokenindex.config.repositories import ConfigurationTable
from hatch_tokenindex.errors import ConfigurationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class HatchFolders:
    """The configuration, cache folder and project that `hatch publish` would hand to the plugin in the same folder."""

    tables: tuple[ConfigurationTable, ...]
    cache_folder: Path
    project: str | None
    """The current project's name, normalized (PEP 503); None if it has none."""


def find_folders(environment: Mapping[str, str], working_folder: Path) -> HatchFolders:
    """Read the configuration. Raises `ConfigurationError` for a file that can't be read."""
    config_path = _config_path(environment)
    config = {} if lacks_home(config_path) else _toml(config_path)
    configured = _table(config, "dirs").get("cache")
    cache = environment.get("HATCH_CACHE_DIR") or (configured if isinstance(configured, str) else "")
    cache = cache or user_cache_dir("hatch", appauthor=False)
    root = _project_root(working_folder)
    pyproject = _toml(root / "pyproject.toml")
    hatch = {**_table(pyproject, "tool", "hatch"), **_toml(root / "hatch.toml")}
    return HatchFolders(
        tables=(
            project_table(root, _table(hatch, "publish", "tokenindex")),
            personal_table(config_path, _table(config, "publish", "tokenindex")),
        ),
        cache_folder=Path(os.path.expanduser(os.path.expandvars(cache))) / "publish" / "tokenindex",
        project=project_name(pyproject),
    )


def project_table(root: Path, data: Mapping[str, object]) -> ConfigurationTable:
    """Return the table of the project at `root`; any `[publish]` in `hatch.toml` hides that of `pyproject.toml`."""
    path = root / "hatch.toml"
    # Hatch ignores one that is not a file.
    if path.is_file() and "publish" in _toml(path):
        return ConfigurationTable(path, "publish.tokenindex", data, is_personal=False)
    return ConfigurationTable(root / "pyproject.toml", "tool.hatch.publish.tokenindex", data, is_personal=False)


def personal_table(path: Path, data: Mapping[str, object]) -> ConfigurationTable:
    """Return the table of Hatch's `config.toml` at `path`, an empty one without a home folder."""
    return ConfigurationTable(path, "publish.tokenindex", {} if lacks_home(path) else data, is_personal=True)


def project_name(pyproject: Mapping[str, Any]) -> str | None:
    """Return the name in a `pyproject.toml`, normalized (PEP 503); None if it has no name that is text."""
    name = _table(pyproject, "project").get("name")
    return canonicalize_name(name) if isinstance(name, str) else None


def pypirc_path() -> Path | None:
    """Return the path of `~/.pypirc`; None without a home folder."""
    path = Path(os.path.expanduser("~/.pypirc"))
    return None if lacks_home(path) else path


def lacks_home(path: Path) -> bool:
    """Return True if a path is in a home folder that doesn't exist: its `~` would be a folder of the clone."""
    return path.parts[:1] == ("~",)


def _config_path(environment: Mapping[str, str]) -> Path:
    if chosen := environment.get("HATCH_CONFIG"):
        path = Path(chosen).resolve()
        if not path.is_file():
            msg = f"HATCH_CONFIG names a file that doesn't exist: {path}."
            raise ConfigurationError(msg)
        return path
    return Path(user_config_dir("hatch", appauthor=False)) / "config.toml"


def _project_root(folder: Path) -> Path:
    for candidate in (folder, *folder.parents):
        if (candidate / "pyproject.toml").is_file() or (candidate / "setup.py").is_file():
            return candidate
    return folder


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        msg = f"Can't read {path}: {error.strerror}."
        raise ConfigurationError(msg) from None
    except (ValueError, RecursionError):
        msg = f"{path} is not valid TOML."
        raise ConfigurationError(msg) from None


def _table(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the table of that dotted name, an empty one for everything else, about which Hatch complains."""
    found: Any = data
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}
