"""Trusted Publishing: who receives an identity token, when another API token is minted, and burning each token."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ci_job import gitlab_job

from hatch_tokenindex.config.repositories import Repository
from hatch_tokenindex.credentials.credential import Credential
from hatch_tokenindex.credentials.finding import Mode, NoValue, Status
from hatch_tokenindex.credentials.sources import trusted_publishing
from hatch_tokenindex.credentials.sources.trusted_publishing import TrustedPublishing
from hatch_tokenindex.errors import CredentialError, SourceUnavailableError
from hatch_tokenindex.secrets import Secret
from hatch_tokenindex.tokens import Minted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from servers.oidc import GitHub


class Minting:
    """An index in memory: it asks for `audience`, mints the tokens of `lives` (seconds), and tells what was burned."""

    def __init__(self, audience: str = "pypi", lives: Iterable[int | None] = (900,), now: float = 0) -> None:
        self.wanted = audience
        self.lives = list(lives)
        self.now = now
        self.asked = 0
        self.burned: list[Secret] = []

    def audience(self) -> str:
        """The audience of every identity token."""
        self.asked += 1
        return self.wanted

    def mint(self, identity: Secret) -> Minted:
        """A fake token."""
        assert identity
        life = self.lives.pop(0)
        return Minted(Secret(f"token {len(self.lives)}"), None if life is None else int(self.now) + life)

    def burn(self, tokens: Iterable[Secret]) -> None:
        """Remember them."""
        self.burned += tokens


@pytest.fixture
def in_job(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """This process is part of the job."""
    for name, value in github.job.items():
        monkeypatch.setenv(name, value)
    return github.job


def publishing(url: str, minter: Minting, environment: dict[str, str], **settings: Any) -> TrustedPublishing:
    """Trusted Publishing at an index in memory."""
    repository = Repository("private", url, **settings)
    return TrustedPublishing(repository, minter, environment, lambda: minter.now, lambda _secret: None)


def found_in(trusted: TrustedPublishing, mode: Mode) -> Credential | None:
    """The credential that Trusted Publishing gives in a mode; raises where it can't."""
    found = trusted.read("demo", mode)
    if isinstance(found, NoValue) and found.status is Status.UNAVAILABLE:
        raise SourceUnavailableError(found.detail)
    return found if isinstance(found, Credential) else None


credential = partial(found_in, mode=Mode.PUBLISH)
rehearse = partial(found_in, mode=Mode.DRY_RUN)

PYPI, TEST_PYPI, OTHER = (
    "https://upload.pypi.org/legacy/",
    "https://test.pypi.org/legacy/",
    "https://packages.example.org/legacy/",
)


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        (OTHER, "pypi"),
        (OTHER, "testpypi"),
        (OTHER, "PyPI"),
        (OTHER, "sigstore"),
        (OTHER, "vault"),
        *((OTHER, word) for word in ("example-packages", "jfrog-github", "aws", "kubernetes", "npm", "packages")),
        (OTHER, "sts.amazonaws.com"),
        (OTHER, "api://AzureADTokenExchange"),
        (OTHER, "https://github.com/octo-org"),
        (OTHER, "//iam.googleapis.com/projects/1"),
        (OTHER, "https://other.example.org/"),
        (OTHER, "https://packages.example.org.evil.example/"),
        (OTHER, "https://packages.example.org@evil.example/"),
        (OTHER, "https://localhost/"),
        (OTHER, "example.org"),
        (OTHER, "npm:registry.npmjs.org"),
        (OTHER, "pypi "),
        (OTHER, "pypi\n"),
        (OTHER, "pypi,packages.example.org"),
        (OTHER, "\u0440ypi"),
        (OTHER, "packages.example.org\x1b[31m"),
        ("https://pypi.org.example/legacy/", "pypi"),
        (PYPI, "testpypi"),
        (PYPI, "sigstore"),
        (PYPI, "upload.pypi.org"),
        (TEST_PYPI, "pypi"),
    ],
)
def test_an_identity_that_is_good_elsewhere_is_not_lent(
    github: GitHub, in_job: dict[str, str], url: str, audience: str
) -> None:
    minter = Minting(audience)
    trusted = publishing(url, minter, in_job)
    looks: list[Callable[[], object]] = [partial(rehearse, trusted), partial(credential, trusted)]
    for look in looks:
        with pytest.raises(CredentialError) as caught:
            look()
        assert "could impersonate this job elsewhere" in str(caught.value)
        assert all(line.isprintable() for line in str(caught.value).splitlines())
    assert github.audiences == []
    assert len(minter.lives) == 1


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        (PYPI, "pypi"),
        ("https://pypi.org/legacy/", "pypi"),
        (TEST_PYPI, "testpypi"),
        (OTHER, "packages.example.org"),
        (OTHER, "https://packages.example.org"),
        (OTHER, "https://packages.example.org/simple/"),
        ("https://upload.example.org/legacy/", "example.org"),
        ("https://upload.example.org/legacy/", "upload.example.org"),
        ("http://127.0.0.1:1/", "pypi"),
        ("http://localhost:1/", "testpypi"),
        ("https://[::1]/", "sigstore"),
    ],
)
def test_an_identity_for_the_index_itself_is_stated(
    github: GitHub, in_job: dict[str, str], url: str, audience: str
) -> None:
    assert credential(publishing(url, Minting(audience), in_job)) is not None
    assert github.audiences == [audience]


def test_gitlabs_token_for_pypi_is_not_lent_to_who_asks_in_capitals() -> None:
    """Both audiences share the variable's name."""
    with pytest.raises(CredentialError, match="impersonate this job elsewhere"):
        credential(publishing(OTHER, Minting("PyPI"), gitlab_job()))


@pytest.mark.parametrize("setting", [{}, {"insecure_http": True}])
def test_an_identity_is_never_sent_over_plain_http(
    github: GitHub, in_job: dict[str, str], setting: dict[str, Any]
) -> None:
    minter = Minting()
    trusted = publishing("http://packages.example.org/legacy/", minter, in_job, **setting)
    assert trusted.planned_action == ""
    looks: list[Callable[[], object]] = [partial(rehearse, trusted), partial(credential, trusted)]
    for look in looks:
        with pytest.raises(SourceUnavailableError, match="over plain http"):
            look()
    assert (minter.asked, github.server.requests) == (0, [])


@pytest.mark.parametrize(("failures", "pauses"), [(1, [0.5]), (2, [0.5, 1.0]), (3, [0.5, 1.0])])
def test_an_index_that_gave_no_answer_is_asked_again_after_growing_pauses(
    in_job: dict[str, str], monkeypatch: pytest.MonkeyPatch, failures: int, pauses: list[float]
) -> None:
    class Failing(Minting):
        def mint(self, identity: Secret) -> Minted:
            nonlocal failures
            if failures:
                failures -= 1
                msg = "the index failed to issue a token (HTTP 503)"
                raise SourceUnavailableError(msg)
            return super().mint(identity)

    paused: list[float] = []
    monkeypatch.setattr("hatch_tokenindex.credentials.sources.trusted_publishing.sleep", paused.append)
    trusted = publishing("http://127.0.0.1:1/", Failing(), in_job)
    if failures < 3:
        assert credential(trusted) is not None
    else:
        with pytest.raises(SourceUnavailableError, match="HTTP 503"):
            credential(trusted)
    assert paused == pauses


def test_a_token_that_is_being_minted_when_the_run_ends(in_job: dict[str, str]) -> None:
    """A thread that sends files can't be ended from outside, and may just be getting another token."""
    inside, go_on = threading.Event(), threading.Event()

    class Slow(Minting):
        def mint(self, identity: Secret) -> Minted:
            inside.set()
            assert go_on.wait(20)
            return super().mint(identity)

    minter = Slow()
    trusted = publishing("http://127.0.0.1:1/", minter, in_job)
    sending = threading.Thread(target=credential, args=(trusted,))
    ending = threading.Thread(target=trusted.burn)
    sending.start()
    assert inside.wait(20)
    ending.start()
    go_on.set()
    sending.join()
    ending.join()
    assert minter.burned == [Secret("token 0")]


@pytest.mark.parametrize(
    ("life", "age", "seconds", "minted_again"),
    [
        (900, 0, 0, False),
        (900, 599, 0, False),
        (900, 601, 0, True),
        (900, 0, 10_000, False),
        (900, 59, 10_000, False),
        (900, 61, 10_000, True),
        (900, 300, 290, False),
        (900, 300, 310, True),
        (None, 599, 0, False),
        (None, 601, 0, True),
        (21_600, 21_000, 0, False),
        (21_600, 21_400, 0, True),
        (90, 55, 0, False),
        (90, 65, 0, True),
        (-100, 0, 0, True),
    ],
)
def test_when_another_token_is_minted(
    in_job: dict[str, str], life: int | None, age: float, seconds: float, minted_again: bool
) -> None:
    """A large file gets a fresh one, and a token that is fresh is as good as another."""
    minter = Minting(lives=[life, 900], now=1_800_000_000)
    trusted = publishing("http://127.0.0.1:1/", minter, in_job)
    first = credential(trusted)
    assert first is not None
    assert first.minted
    minter.now += age
    assert (trusted.renewed(first, "demo", seconds) is not first) is minted_again
    trusted.burn()
    assert minter.burned == [Secret("token 1"), Secret("token 0")][: 1 + minted_again]


def test_a_token_that_is_minted_too_slowly_does_not_save_the_others(
    in_job: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trusted_publishing, "BURN_PATIENCE", 0.05)
    inside, go_on = threading.Event(), threading.Event()

    class Slow(Minting):
        def mint(self, identity: Secret) -> Minted:
            if self.now:
                inside.set()
                assert go_on.wait(20)
            return super().mint(identity)

    minter = Slow(lives=[900, 900])
    trusted = publishing("http://127.0.0.1:1/", minter, in_job)
    first = credential(trusted)
    minter.now = 890
    sending = threading.Thread(target=trusted.renewed, args=(first, "demo", 0))
    sending.start()
    assert inside.wait(20)
    trusted.burn()
    assert minter.burned == [Secret("token 1")]
    go_on.set()
    sending.join()


def test_without_a_provider_nobody_is_asked_for_anything() -> None:
    minter = Minting()
    trusted = publishing(PYPI, minter, {})
    rehearse(trusted)
    assert credential(trusted) is None
    assert (trusted.planned_action, minter.asked, minter.lives) == ("", 0, [900])


def test_minting_is_not_tried_again_once_the_run_is_over(
    in_job: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Secret] = []

    class Silent(Minting):
        def mint(self, identity: Secret) -> Minted:
            tried.append(identity)
            message = "no answer"
            raise SourceUnavailableError(message)

    trusted = publishing("http://127.0.0.1:1/", Silent(), in_job)
    monkeypatch.setattr(trusted_publishing, "BURN_PATIENCE", 0.02)
    monkeypatch.setattr(trusted_publishing, "sleep", lambda _pause: trusted.burn())
    with pytest.raises(SourceUnavailableError, match="the run is over"):
        credential(trusted)
    assert len(tried) == 1


def test_what_is_minted_after_the_run_is_over_is_burned_at_once(
    in_job: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(Minting):
        def mint(self, identity: Secret) -> Minted:
            trusted.burn()
            return super().mint(identity)

    minter = Late()
    trusted = publishing("http://127.0.0.1:1/", minter, in_job)
    monkeypatch.setattr(trusted_publishing, "BURN_PATIENCE", 0.02)
    assert credential(trusted) is not None
    assert len(minter.burned) == 1
