"""The files of a run are attested in the background, in the order of their upload."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from attestors import attestor_for, identity_of, verified
from servers import Answer

from hatch_tokenindex.attesting.attestor import JOBS, AttestedFiles
from hatch_tokenindex.errors import AttestationError, DistributionError

if TYPE_CHECKING:
    from pathlib import Path

    from servers.oidc import GitHub
    from servers.sigstore import Sigstore

    from hatch_tokenindex.attesting.attestor import Attestor


@pytest.fixture
def attestor(sigstore: Sigstore, github: GitHub, tmp_path: Path) -> Attestor:
    return attestor_for(sigstore, tmp_path, lambda: identity_of(github.claims))


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    found = [tmp_path / f"demo-1.{number}-py3-none-any.whl" for number in range(JOBS * 3)]
    for path in found:
        path.write_text(path.name)
    return found


def test_every_file_has_its_own(attestor: Attestor, paths: list[Path], sigstore: Sigstore) -> None:
    files = AttestedFiles(attestor, paths)
    files.start()
    for path in reversed(paths):
        made = files.of(path)
        assert made is not None
        assert verified(made.text, sigstore)[0]["subject"][0]["name"] == path.name
    assert files.of(paths[0].parent) is None
    assert len(sigstore.entries) == len(paths)


def test_waiting_for_all_tells_the_first_failure(attestor: Attestor, paths: list[Path], sigstore: Sigstore) -> None:
    sigstore.rekor.script_others(*[None] * 2, *[Answer(400)] * JOBS)
    files = AttestedFiles(attestor, paths)
    files.start()
    with pytest.raises(AttestationError, match=r"^Sigstore's transparency log \(Rekor\) refused the request \(400\)"):
        files.wait()
    # Nothing more was asked than what was under way.
    assert len(sigstore.rekor.requests) <= 2 + JOBS


def test_waiting_for_all_ends_when_all_are_there(attestor: Attestor, paths: list[Path], sigstore: Sigstore) -> None:
    files = AttestedFiles(attestor, paths)
    files.start()
    files.wait()
    assert len(sigstore.entries) == len(paths)


def test_a_file_that_can_not_be_read_is_told_to_who_asks_for_it(attestor: Attestor, paths: list[Path]) -> None:
    paths[1].unlink()
    files = AttestedFiles(attestor, paths[:2])
    files.start()
    with pytest.raises(DistributionError, match="can't be read"):
        files.of(paths[1])


def test_after_a_stop_no_other_file_is_begun(attestor: Attestor, paths: list[Path], sigstore: Sigstore) -> None:
    let_go = threading.Event()
    sigstore.fulcio.script_others(Answer(400, after=let_go))
    files = AttestedFiles(attestor, paths)
    files.start()
    files.stop()
    let_go.set()
    with pytest.raises(AttestationError):
        files.of(paths[0])
    assert sigstore.entries == []


def test_no_files_need_no_thread(attestor: Attestor, sigstore: Sigstore) -> None:
    files = AttestedFiles(attestor, [])
    files.start()
    files.wait()
    assert sigstore.tokens == []
