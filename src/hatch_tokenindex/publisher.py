"""`hatch publish -p tokenindex`: Hatch's side, which gathers what was asked for and starts a run."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatch.publish.plugin.interface import PublisherInterface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_tokenindex.config.options import Options
    from hatch_tokenindex.config.repositories import ConfigurationTable
    from hatch_tokenindex.console.report import Report
    from hatch_tokenindex.console.terminal import Terminal


class TokenIndexPublisher(PublisherInterface):
    """Uploads wheels and sdists to a package index, each project with its own credential."""

    PLUGIN_NAME = "tokenindex"

    @property
    def disable(self) -> bool:
        """Always False for Hatch: the run reads the setting and asks for confirmation, so that a wrong value is one line."""
        return False

    def publish(self, artifacts: list[str], options: dict[str, Any]) -> None:
        """Publish the files that `artifacts` name, or those of `dist/`; a failure ends in Hatch's own abort."""
        from hatch_tokenindex.console.guard import guarded

        terminal = self._terminal()
        if status := guarded(terminal, partial(self._run, terminal, artifacts, options)):
            self.app.abort(code=status)

    def _run(self, terminal: Terminal, artifacts: list[str], hatch_options: Mapping[str, Any]) -> None:
        from hatch_tokenindex.config.options import asks_for_json, read
        from hatch_tokenindex.console.report import Report

        report = Report(terminal)
        as_json = asks_for_json(hatch_options)
        with terminal.reserving_output() if as_json else nullcontext(), report.reporting(as_json=as_json):
            options = read(
                artifacts, hatch_options, os.environ, stdin_is_terminal=bool(sys.stdin and sys.stdin.isatty())
            )
            if options.help:
                from hatch_tokenindex.console.help import text

                terminal.output(text())
            else:
                self._start(options, terminal, report)

    def _start(self, options: Options, terminal: Terminal, report: Report) -> None:
        from hatch_tokenindex import distributions
        from hatch_tokenindex.config.folders import pypirc_path
        from hatch_tokenindex.config.repositories import Repositories
        from hatch_tokenindex.credentials.sources.pypirc import Pypirc
        from hatch_tokenindex.errors import DistributionError
        from hatch_tokenindex.publishing.run import Run

        pypirc = Pypirc(pypirc_path())
        configured = Repositories(self._tables())
        repository = configured.choose(options.repository, pypirc.urls, options.overrides)
        run = Run(options, repository, pypirc, Path(self.cache_dir), terminal, report)
        folders = [] if options.artifacts else self._build_folders()
        files = distributions.find(options.artifacts, Path(self.root), folders)
        if options.explain:
            run.explain(files, self._project_name())
            return
        disable = configured.default("disable")
        if disable.value:
            run.confirm_although_disabled(disable.origin)
        if not files and options.initialize_auth:
            run.initialize(self._project_name())
        elif not files:
            places = " or ".join(options.artifacts or folders)
            msg = f"Nothing to publish: no wheel (.whl) or sdist (.tar.gz) in {places}.\nFix: run `hatch build` first."
            raise DistributionError(msg)
        else:
            run.publish(files)

    def _terminal(self) -> Terminal:
        from hatch_tokenindex.console.terminal import Styles, Terminal

        app = self.app
        styles = Styles(
            info=app.style_info("").style,
            success=app.style_success("").style,
            warning=app.style_warning("").style,
            error=app.style_error("").style,
        )
        in_github_actions = os.environ.get("GITHUB_ACTIONS") == "true"
        return Terminal(app.console, app.verbosity, styles, Path(self.root), in_github_actions=in_github_actions)

    def _tables(self) -> list[ConfigurationTable]:
        from hatch_tokenindex.config.folders import personal_table, project_table

        return [
            project_table(Path(self.root), self.project_config),
            personal_table(Path(self.app.config_file.path), self.plugin_config),
        ]

    def _build_folders(self) -> list[str]:
        """Return the folders that `hatch build` writes wheels and sdists to. Raises `ConfigurationError`."""
        from hatch_tokenindex.errors import ConfigurationError
        from hatch_tokenindex.text import command_line, escaped_line

        build = self.app.project.metadata.hatch.config.get("build", {})
        try:
            default = build.get("directory", "dist")
            targets = build.get("targets", {})
            folders = [targets.get(target, {}).get("directory", default) for target in {"wheel", "sdist", *targets}]
            names = sorted({os.path.normpath(folder) for folder in folders})
        except (AttributeError, TypeError):
            msg = "Invalid `build` table of Hatch: `directory` must be a path, `targets` and each of them a table."
            raise ConfigurationError(msg) from None
        for name in names:
            # The table comes with a clone, which must not choose among the files of the user's other projects.
            if not (self.root / name).is_relative_to(self.root) or name.split(os.sep)[0] == os.pardir:
                msg = (
                    f"The build directory {escaped_line(name)} is outside the project. Its files are published only if you "
                    f"name it.\nFix: run `{command_line('hatch', 'publish', '-p', 'tokenindex', escaped_line(name))}`."
                )
                raise ConfigurationError(msg)
        return names

    def _project_name(self) -> str:
        """Return the name of Hatch's current project, normalized (PEP 503)."""
        from packaging.utils import canonicalize_name

        from hatch_tokenindex.config.folders import project_name

        return project_name(self.app.project.raw_config) or canonicalize_name(self.root.name)
