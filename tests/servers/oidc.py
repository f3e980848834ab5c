"""Trusted Publishing on loopback: a CI provider that issues identity tokens, and an index that mints API tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from time import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jwt
from api_tokens import make_token, present
from cryptography.hazmat.primitives.asymmetric import rsa
from packaging.utils import canonicalize_name

from servers.closing import Closing
from servers.messages import Answer
from servers.recording import RecordingServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from servers.messages import Request

GITHUB = "https://token.actions.githubusercontent.com"
GITLAB = "https://gitlab.com"
LIFE = 900
"""Seconds that PyPI's minted tokens live."""

_LEEWAY = 30
_HELP = "https://pypi.org/help/"


@cache
def _private_key() -> rsa.RSAPrivateKey:
    """The key of every provider here: making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_key() -> rsa.RSAPublicKey:
    """The key with which an identity token of every provider here is verified."""
    return _private_key().public_key()


def signed(claims: Mapping[str, Any], audience: object, key: rsa.RSAPrivateKey | None = None) -> str:
    """An identity token that is valid now, unless `claims` say otherwise, signed with RS256 as every provider does."""
    now = int(time())
    payload = {"jti": str(uuid4()), "iat": now, "nbf": now, "exp": now + 300, "aud": audience, **claims}
    return jwt.encode(payload, key or _private_key(), algorithm="RS256", headers={"kid": "stand-in"})


class GitHub(Closing):
    """GitHub's identity endpoint and the environment of a job in GitHub Actions; usable in a `with` block.

    `claims` go into each identity token, `changed` into the next ones instead of those. `issued` holds the tokens.
    """

    request_token = "the-request-token-of-this-job"

    def __init__(
        self, repository: str = "octo-org/sample", workflow: str = "release.yml", environment: str = ""
    ) -> None:
        self.server = RecordingServer()
        self.server.respond = self._answer
        self.issued: list[str] = []
        reference = f"{repository}/.github/workflows/{workflow}@refs/tags/v1.0"
        self.claims: dict[str, Any] = {
            "iss": GITHUB,
            "sub": f"repo:{repository}:ref:refs/tags/v1.0",
            "repository": repository,
            "repository_owner": repository.partition("/")[0],
            "repository_owner_id": "4711",
            "workflow_ref": reference,
            "job_workflow_ref": reference,
            "ref": "refs/tags/v1.0",
            "sha": "0" * 40,
            "event_name": "release",
            **({"environment": environment} if environment else {}),
        }

    def close(self) -> None:
        """Stop it."""
        self.server.close()

    @property
    def job(self) -> dict[str, str]:
        """The environment of a job that may ask for identity tokens."""
        return {
            **self.job_without_permission,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.server.url}idtoken?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.request_token,
        }

    @property
    def job_without_permission(self) -> dict[str, str]:
        """The environment of a job without `id-token: write`."""
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.claims["event_name"],
            "GITHUB_REPOSITORY": self.claims["repository"],
            "GITHUB_WORKFLOW_REF": self.claims["workflow_ref"],
        }

    @property
    def audiences(self) -> list[str]:
        """The audiences of the requested identity tokens, in order."""
        return [dict(request.query)["audience"] for request in self.server.requests]

    def _answer(self, request: Request) -> Answer:
        if request.headers["Authorization"] != f"bearer {self.request_token}":
            return Answer(401, body="not the token of a job")
        query = dict(request.query)
        if request.path != "/idtoken" or query.get("api-version") != "2.0":
            return Answer(404, body="not the identity endpoint")
        self.issued.append(signed(self.claims, query["audience"]))
        return Answer(body={"count": 1, "value": self.issued[-1]})


@dataclass
class Publisher:
    """A Trusted Publisher as an index has it; a pending one has the one project that it will create."""

    repository: str = "octo-org/sample"
    workflow: str = "release.yml"
    environment: str = ""
    projects: list[str] = field(default_factory=list)
    identifier: str = field(default_factory=lambda: str(uuid4()))

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Return True if a job with these claims matches this publisher."""
        if "project_path" in claims:
            called, path = claims["ci_config_ref_uri"], claims["project_path"]
            workflow = f"gitlab.com/{self.repository}//{self.workflow}@{claims['ref_path']}"
        else:
            called, path = claims["job_workflow_ref"], claims["repository"]
            workflow = f"{self.repository}/.github/workflows/{self.workflow}@{claims['ref']}"
        environment = claims.get("environment", "")
        return path == self.repository and called == workflow and self.environment in {"", environment}


class TrustingIndex:
    """Adds to an index what PyPI has for Trusted Publishing: it takes its `respond`, and nothing else of it.

    Identity tokens are verified: signature, issuer, audience, times, and that each is used once. A token that was minted
    opens the projects of its publisher, until it expires by the index's clock or is burned; every other credential goes
    to the index as before.
    """

    def __init__(self, server: RecordingServer, audience: str = "pypi", location: str = "127.0.0.1") -> None:
        self.server = server
        self.audience = audience
        self.location = location
        self.publishers: list[Publisher] = []
        self.pending: list[Publisher] = []
        self.projects: set[str] = set()
        self.disabled = False
        self.can_burn = True
        self.seconds_ahead = 0.0
        """Seconds by which the minting clock is ahead of the index's `Date` header."""
        self.life: int | None = LIFE
        self.minted: dict[str, Publisher] = {}
        """By token, in order."""
        self.burned: list[str] = []
        self.used: list[str] = []
        """The `jti` of each identity token that was used up."""
        server.respond = self.respond

    @property
    def calls(self) -> list[str]:
        """The endpoints that were called, in order."""
        paths = (request.path for request in self.server.requests)
        return [path.removeprefix("/_/oidc/") for path in paths if path.startswith("/_/oidc/")]

    def trust(self, *projects: str, **fields: str) -> Publisher:
        """Let GitHub's job publish these projects, which exist from now on."""
        publisher = Publisher(**fields, projects=list(projects))
        self.projects.update(projects)
        self.publishers.append(publisher)
        return publisher

    def await_first_release(self, project: str, **fields: str) -> None:
        """Add a pending publisher."""
        self.pending.append(Publisher(**fields, projects=[project]))

    def respond(self, request: Request) -> Answer | None:
        """PyPI's response; `None` for the default one."""
        if request.is_upload:
            return self._upload(request)
        if (request.method, request.path) == ("GET", "/_/oidc/audience"):
            if self.disabled:
                return Answer(403, body={"message": "Trusted publishing functionality not enabled"})
            return Answer(body={"audience": self.audience})
        if (request.method, request.path) == ("POST", "/_/oidc/mint-token"):
            return self._mint(request)
        if (request.method, request.path) == ("POST", "/_/oidc/burn-token") and self.can_burn:
            self.burned.append(json.loads(request.body)["token"])
            return Answer(body={"success": True})
        return None

    def _mint(self, request: Request) -> Answer:
        try:
            token = json.loads(request.body)["token"]
            issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
        except (ValueError, KeyError, jwt.PyJWTError):
            return _refusal("invalid-payload", "malformed JWT")
        if issuer not in {GITHUB, GITLAB}:
            return _refusal("invalid-payload", "unknown trusted publishing issuer")
        if self.disabled:
            name = "GitHub" if issuer == GITHUB else "GitLab"
            return _refusal("not-enabled", f"{name} trusted publishing functionality not enabled")
        claims = self._verified(token, issuer)
        if claims is None:
            return _refusal("invalid-token", "malformed or invalid token")
        if claims["jti"] in self.used:
            return _refusal("invalid-reuse-token", "invalid token: already used")
        self.used.append(claims["jti"])
        return self._minted_for(claims)

    def _verified(self, token: str, issuer: str) -> Mapping[str, Any] | None:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                public_key(),
                algorithms=["RS256"],
                audience=self.audience,
                issuer=issuer,
                leeway=_LEEWAY,
                options={"require": ["iss", "iat", "exp", "aud", "jti"], "strict_aud": True},
            )
        except jwt.PyJWTError:
            return None
        return claims

    def _minted_for(self, claims: Mapping[str, Any]) -> Answer:
        for pending in [each for each in self.pending if each.fits(claims)][:1]:
            self.pending.remove(pending)
            if set(pending.projects) & self.projects:
                return _refusal("invalid-pending-publisher", "valid token, but project already exists")
            self._reify(pending)
        publisher = _most_specific(each for each in self.publishers if each.fits(claims))
        if publisher is None:
            why = "Publisher with matching claims was not found"
            return _refusal("invalid-publisher", f"valid token, but no corresponding publisher ({why})")
        now = int(self._now())
        token = make_token(
            location=self.location,
            publisher=publisher.identifier,
            project_ids=[str(uuid4()) for _ in publisher.projects],
            expires=now + (self.life or LIFE),
            not_before=now,
            identifier=str(uuid4()),
        )
        self.minted[token] = publisher
        expires = {} if self.life is None else {"expires": now + self.life}
        return Answer(body={"success": True, "token": token, **expires})

    def _reify(self, pending: Publisher) -> None:
        """Create the project of a pending publisher, and add it to an ordinary one, which is made where there is none."""
        same = (each for each in self.publishers if _fields(each) == _fields(pending))
        publisher = next(same, None) or self.trust(**_fields(pending))
        publisher.projects += pending.projects
        self.projects.update(pending.projects)

    def _upload(self, request: Request) -> Answer | None:
        presented = request.authorization
        original = self.original_of(presented.password) if presented else None
        project = canonicalize_name(request.value("name"))
        if presented is None or original is None:
            if request.values("attestations"):
                return _no(400, "Invalid attestations supplied during upload: Attestations are only supported when using "
                           "Trusted Publishing")  # fmt: skip
            return None
        if original in self.burned:
            return _no(403, f"Invalid or non-existent authentication information. See {_HELP}#invalid-auth for more.")
        if project not in self.projects:
            return _no(
                400,
                "Non-user identities cannot create new projects. This was probably caused by successfully using a pending "
                "publisher but specifying the project name incorrectly (either in the publisher or in your project's "
                "metadata). Please ensure that both match. See: "
                "https://docs.pypi.org/trusted-publishers/troubleshooting/",
            )
        if why := present(presented.password).refusal(project, self._now()):
            return _no(403, why)
        if project not in self.minted[original].projects:
            return _no(403, f"The given token isn't allowed to upload to project '{project}'. See {_HELP}#project-name")
        return None

    def original_of(self, token: str) -> str | None:
        """The minted token that a presented one was made of, if it was."""
        try:
            identifier = present(token).identifier
        except Exception:  # noqa: BLE001 - whatever pymacaroons raises for a text that is no token
            return None
        return next((minted for minted in self.minted if present(minted).identifier == identifier), None)

    def _now(self) -> float:
        return time() + self.server.seconds_ahead + self.seconds_ahead


def _fields(publisher: Publisher) -> dict[str, str]:
    return {
        "repository": publisher.repository,
        "workflow": publisher.workflow,
        "environment": publisher.environment,
    }


def _most_specific(publishers: Iterable[Publisher]) -> Publisher | None:
    """Of several that fit, the one that names the environment."""
    return max(publishers, key=lambda publisher: bool(publisher.environment), default=None)


def _refusal(code: str, description: str) -> Answer:
    return Answer(422, body={"message": "Token request failed", "errors": [{"code": code, "description": description}]})


def _no(status: int, words: str) -> Answer:
    return Answer(status, words, body={"message": words, "code": f"{status} {words}", "title": "no"})
