"""Every kind of refusal: how it is recognised, why an index refuses, and the next step.

To correct a text, change it here; `hatch run refusals:write` then updates `docs/troubleshooting.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.index.kinds import is_simple_url, kind_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from typing import Literal, TypeAlias

    from hatch_tokenindex.index.refusals.attempt import Attempt, Response

    Circumstance: TypeAlias = Literal[
        "any",
        "on PyPI",
        "on PyPI, at another URL",
        "elsewhere",
        "elsewhere, at a simple API",
        "at GitLab",
        "at Cloudsmith, as __token__",
        "unnamed project",
        "quarantined project",
        "new project",
        "no credential",
        "a credential",
        "minted token",
        "narrowed token",
        "Windows login alone",
    ]

SERVER_ERRORS = range(500, 600)
"""With those that proxies made up: 520 to 527, 530, 598 and 599."""
GAVE_UP = (408, 460, 499)
"""The server, or a proxy such as nginx, stopped waiting; the index may have the file all the same."""
UNCONFIRMED = (200, 201, 202)
"""Successes that are refusals if the file isn't listed afterwards: a file to be stored later, or a sign-in page."""
# Not redirects: whatever they say, what matters is where they lead.
_ANY = frozenset(range(1_000)) - frozenset(range(300, 400))


@dataclass(frozen=True)
class Row:
    """One kind of refusal. `why` and `step` can name in braces everything that `placeholders` has."""

    title: str
    """The heading in the documentation, no two alike."""
    why: str
    """The reason, which the index doesn't give."""
    step: str
    """The next step: one imperative sentence that follows `Fix: `."""
    said: str = ""
    """A regular expression for the index's own words, in any case of letters."""
    statuses: Container[int] = _ANY
    when: Circumstance = "any"
    """The circumstance in which the row counts."""
    retry: bool = False
    """The same bytes, sent again later, may be accepted."""
    exists: bool = False
    """The index has a file of that name."""
    about_credential: bool = False
    """Another user name, password or token may be accepted."""
    good_elsewhere: bool = False
    """The credential may be valid for something else."""

    def fits(self, status: int, text: str, circumstances: Mapping[Circumstance, bool]) -> bool:
        """Return True if a response with this status and these words is of this kind."""
        return (
            status in self.statuses
            and circumstances[self.when]
            and re.search(self.said, text, re.IGNORECASE | re.MULTILINE) is not None
        )


def circumstances(attempt: Attempt, response: Response) -> Mapping[Circumstance, bool]:
    """Return the circumstances that the rows name with `when`, and if each is given."""
    credential, upload, kind = attempt.credential, attempt.upload, kind_of(attempt.url).name
    on_pypi = attempt.repository.site is not None
    logins = response.headers.get("www-authenticate", "").lower()
    return {
        "any": True,
        "on PyPI": on_pypi,
        "on PyPI, at another URL": on_pypi
        and not any(urls.same(attempt.url, url) for url in (urls.PYPI, urls.TEST_PYPI)),
        "elsewhere": not on_pypi,
        "elsewhere, at a simple API": not on_pypi and is_simple_url(attempt.url),
        "at GitLab": kind == "GitLab",
        "at Cloudsmith, as __token__": kind == "Cloudsmith" and credential is not None and credential.has_token_user,
        "unnamed project": upload.distribution.project.upper() == "UNKNOWN",
        "quarantined project": upload.is_quarantined,
        "new project": upload.creates_project,
        "no credential": credential is None,
        "a credential": credential is not None,
        "minted token": credential is not None and credential.minted,
        "narrowed token": attempt.is_narrowed,
        "Windows login alone": re.search(r"\b(ntlm|negotiate|kerberos)\b", logins) is not None
        and "basic" not in logins,
    }


_NO_WORDS = r"\A\Z"
_WORDS_ABOUT_CREDENTIAL = r"credential|password|user ?name|authenticat|log ?in|sign.?in|token|unauthori[sz]ed|api.?key"

_RAISE_THE_VERSION = "Raise the version, run `hatch build --clean`, and publish again."
# Only PyPI and TestPyPI never replace a file.
_RAISE_THE_VERSION_OR_OVERWRITE = (
    "Raise the version, run `hatch build --clean`, and publish again; or allow overwriting on {host} and add"
    " `-o existing=replace`."
)
_RENAME = "Choose another `name` under `[project]` in pyproject.toml."

_HEADER_SIZE = Row(
    "Credential too long for the server",
    why="{host}, or a proxy in front of it, accepts no request header as long as this one; the {secret} has {length}"
    " characters.",
    step="Use a shorter {secret}, or ask the administrator of {host} to raise the limit (in nginx,"
    " large_client_header_buffers).",
    said=r"headers? (or cookie |fields? )*(is |are )?too (large|long|big)|header fields? (size )?exceeds|headers fields size",
    statuses=(400,),
    when="a credential",
    about_credential=True,
    good_elsewhere=True,
)

GROUPS: Mapping[str, tuple[Row, ...]] = {
    "Success without the file": (
        Row(
            "Accepted, but not stored",
            why="{host} accepted {filename} for later processing, but doesn't list it. It may have rejected the file since.",
            step="Look for the reason in the tasks or logs of {host}; if the simple API is at another URL, set `simple-url`.",
            statuses=(202,),
        ),
        Row(
            "Web page with a form",
            why="{host}, or a gateway in front of it, answered with a web page such as a sign-in page, and the index doesn't"
            " list {filename}.",
            step="Check the upload URL and the credential; if the simple API is at another URL, set `simple-url`.",
            statuses=(200, 201),
        ),
    ),
    # A project's state explains a response better than its words do, so it comes first.
    "Quarantined and unnamed projects": (
        Row(
            "Project named UNKNOWN",
            why="setuptools names a project UNKNOWN if it finds no name: `[project]` has none, or setuptools is too old to read"
            " `[project]` in pyproject.toml.",
            step="Set `name` under `[project]` in pyproject.toml, require `setuptools>=61` under `[build-system]`, and build"
            " again.",
            said=r"isn't allowed|scoped token|is invalid",
            when="unnamed project",
        ),
        Row(
            "Quarantined project",
            why="The administrators of {index} have quarantined {project}. That blocks uploads and can freeze its owners'"
            " accounts.",
            step="Log in at {site} and reply to the administrators, who alone can lift the quarantine.",
            said=r"isn't allowed to upload|Invalid or non-existent authentication information",
            when="quarantined project",
        ),
    ),
    "Passwords and tokens": (
        Row(
            "Password instead of a token",
            why="{index} doesn't accept passwords. Since two-factor authentication became mandatory, it requires an API token"
            " or Trusted Publishing.",
            step="Create a token at {tokens} and {give}; in CI, use Trusted Publishing instead:"
            " https://docs.pypi.org/trusted-publishers/",
            said=r"Username/Password authentication is no longer supported",
            about_credential=True,
        ),
        Row(
            "Expired Trusted Publishing token",
            why="A Trusted Publishing token is valid for 15 minutes, and this one has expired.",
            step="Run the job again, which mints a new token; files already uploaded are skipped.",
            said=r"Invalid or non-existent authentication information|token is expired",
            when="minted token",
            about_credential=True,
        ),
        Row(
            "Unknown token",
            why="{index} doesn't recognise this token. It may have been deleted, copied incompletely, or issued by another"
            " index. Its account may also be blocked.",
            step="Create a new token at {tokens} and {give}.",
            said=r"Invalid or non-existent authentication information",
            about_credential=True,
        ),
        Row(
            "Workflow without a Trusted Publisher",
            why="The workflow that requested this token is not a Trusted Publisher of {project}.",
            step="Ask an owner to add it at {publishing} with the exact repository, workflow file and environment, and run the"
            " job again.",
            said=r"scoped token|publisher restriction|given token isn't allowed to upload",
            when="minted token",
        ),
        Row(
            "Token for another project",
            why="The token is scoped to another project and can't upload {project}.",
            step="Create a token for {project} at {tokens} (for its first release, one for the entire account) and {give}.",
            said=r"scoped token",
            about_credential=True,
            good_elsewhere=True,
        ),
        Row(
            "Expired token, or a wrong clock",
            why="The token was restricted to the next minutes before it was sent. Either this machine's clock is wrong, or the"
            " token itself has expired.",
            step="Check the clock; if it is right, create a new token at {tokens} and {give}.",
            said=r"token is expired",
            when="narrowed token",
            about_credential=True,
        ),
        Row(
            "Expired token",
            why="The token has expired.",
            step="Create a new one at {tokens} and {give}.",
            said=r"token is expired",
            about_credential=True,
        ),
        Row(
            "Mistyped token",
            why="This is not a token that {index} issued: a character is missing or wrong.",
            step="Copy it again in full, or create a new one at {tokens}, and {give}.",
            said=r"signatures do not match",
            about_credential=True,
        ),
        Row(
            "Restricted token rejected",
            why="{index} doesn't accept the restriction that was added to the token on this machine.",
            step="Run `{command} -o narrow-token=never`, which sends it unchanged.",
            said=r"Invalid API Token: .*(caveat|invalid values for fields|Not enough values|unknown error)",
            when="narrowed token",
        ),
        Row(
            "Malformed token",
            why="{index} can't parse the secret as an API token.",
            step="Copy it again, from `pypi-` to its last character, or create a new one at {tokens}, and {give}.",
            said=r"Invalid API Token: .*(malformed|caveat|invalid values for fields|Not enough values|unknown error)",
            about_credential=True,
        ),
        Row(
            "Revoked token",
            why="{index} no longer accepts this token.",
            step="Create a new one at {tokens} and {give}.",
            said=r"Invalid API Token",
            about_credential=True,
        ),
    ),
    "The account behind the token": (
        Row(
            "Unverified email address",
            why="The token is valid, but {index} accepts files only from accounts with a verified primary email address.",
            step="Verify it at {site}/manage/account/ and publish again with the same token.",
            said=r"verified primary email address",
        ),
        Row(
            "No two-factor authentication",
            why="The token is valid, but {index} accepts files only from accounts with two-factor authentication.",
            step="Set it up at {site}/manage/account/two-factor/ and publish again with the same token.",
            said=r"does not have two-factor authentication enabled",
        ),
        Row(
            "Inactive organization",
            why="The organization that owns {project} is inactive, which blocks uploads.",
            step="Ask one of its owners to check its billing and status at {site}/manage/organizations/, or write to"
            " support+orgs@pypi.org.",
            said=r"Organization account .* is inactive",
        ),
    ),
    "The project and its name": (
        Row(
            "No permission to upload to the project",
            why="Either the name {project} is taken, or this account has no role in the project, or the project is archived.",
            step="If it is yours, ask an owner to add this account at {manage}/collaboration/ or to unarchive the project at"
            " {manage}/settings/; if not, choose another `name` under `[project]` in pyproject.toml.",
            said=r"isn't allowed to upload to project",
        ),
        Row(
            "Pending publisher for another name",
            why="A pending publisher can only create the project that it names, and that is not {project}.",
            step="Use the same name at {site}/manage/account/publishing/ and in pyproject.toml, and run the job again.",
            said=r"Non-user identities cannot create new projects",
        ),
        Row(
            "Name taken a moment ago",
            why="Another upload created {project} at the same moment.",
            step="If that was a job of yours, publish again; if not, choose another `name` under `[project]` in pyproject.toml.",
            said=r"conflicts with an existing project",
            retry=True,
        ),
        Row(
            "Name too similar to another",
            why="Names that differ only in `.`, `-`, `_` or in similar letters (`l`, `i`, `1`; `o`, `0`) count as the same.",
            step=_RENAME,
            said=r"too similar to an existing project",
        ),
        Row(
            "Name of a standard library module",
            why="{project} is the name of a module in Python's standard library.",
            step=_RENAME,
            said=r"conflict with Python Standard Library",
        ),
        Row(
            "Blocked name",
            why="{index} has blocked the name {project}.",
            step=_RENAME,
            said=r"The name '.*' isn't allowed",
        ),
        Row(
            "Invalid name",
            why="A name consists of ASCII letters, digits, `.`, `-` and `_`, and begins and ends with a letter or digit.",
            step="Correct `name` under `[project]` in pyproject.toml, and run `hatch build --clean`.",
            said=r"The name '.*' is invalid|is an invalid value for Name",
        ),
        Row(
            "Project too large",
            why="The files of {project} together are larger than {index} allows.",
            step="Delete old releases at {manage}/releases/, or request a higher limit:"
            " https://docs.pypi.org/project-management/storage-limits.",
            said=r"Project size too large",
        ),
    ),
    "The release": (
        Row(
            "Closed release",
            why="Release {version} is closed: {index} doesn't accept new files for a release this old.",
            step=_RAISE_THE_VERSION,
            said=r"releases older than \d+ days",
        ),
        Row(
            "Second sdist",
            why="Release {version} already has an sdist.",
            step="Publish the wheels alone by giving their paths, or raise the version.",
            said=r"Only one sdist may be uploaded",
        ),
    ),
    "The file": (
        Row(
            "File exists with other content",
            why="{index} has a different file of this name, or this file under another name, and never replaces a file.",
            step=_RAISE_THE_VERSION,
            said=r"^File already exists",
            when="on PyPI",
            exists=True,
        ),
        Row(
            "File name used before",
            why="{index} accepts a file name only once, even if the file was deleted.",
            step=_RAISE_THE_VERSION,
            said=r"This filename (was previously used|has already been used|has previously been used)",
            exists=True,
        ),
        Row(
            "File too large",
            why="{filename} is larger than {index} allows for a file of {project}.",
            step="Exclude files that users don't need, or request a higher limit:"
            " https://docs.pypi.org/project-management/storage-limits.",
            said=r"File too large",
        ),
        Row(
            "README does not render",
            why="{index} shows the README as the project's description, and could not render it.",
            step="Correct the README or its content type under `readme` in pyproject.toml (text/markdown, text/x-rst,"
            " text/plain), build again, and check with `{command} -o dry-run`.",
            said=r"description failed to render",
        ),
        Row(
            "Local version",
            why="{index} doesn't accept versions with a `+`.",
            step="Build from a clean checkout of the release's tag, or remove that part of the version.",
            said=r"use of local versions",
        ),
        Row(
            "Linux wheel without manylinux or musllinux tag",
            why="{index} accepts Linux wheels only with a manylinux or musllinux tag.",
            step="Run `auditwheel repair` on this one, or build for all platforms with https://cibuildwheel.pypa.io.",
            said=r"unsupported platform tag '\w*linux",
        ),
        Row(
            "Unknown platform",
            why="{index} doesn't support this wheel's platform tag.",
            step="Build it with a current https://cibuildwheel.pypa.io, or publish the other files by giving their paths.",
            said=r"unsupported platform tag",
        ),
        Row(
            "Metadata version",
            why="The build backend wrote a metadata version that {index} doesn't support, or a field that the version doesn't"
            " have.",
            step="Update the build backend under `[build-system]` in pyproject.toml (in hatchling, a build target's"
            " `core-metadata-version` sets it), and build again.",
            said=r"not a valid metadata version|introduced in metadata version",
        ),
        Row(
            "Unknown classifier",
            why="{index} accepts only the classifiers on its list.",
            step="Correct `classifiers` in pyproject.toml from {site}/classifiers/, and build again.",
            said=r"not a valid classifier|The classifier .* has been deprecated",
        ),
        Row(
            "Dependency on a URL",
            why="{index} doesn't accept a dependency on a URL (`name @ https://...`).",
            step="Depend on a released version, and build again.",
            said=r"Can't have direct dependency",
        ),
        Row(
            "Invalid metadata",
            why="{index} checks every field of the metadata: https://packaging.python.org/specifications/core-metadata.",
            step="In pyproject.toml, correct the field that the message names, and run `hatch build --clean`.",
            said=r"specifications/(core-metadata|version-specifiers) for more information",
        ),
        Row(
            "Missing license file",
            why="The metadata names a license file that {filename} doesn't contain.",
            step="Correct `license-files` in pyproject.toml, and run `hatch build --clean`.",
            said=r"License-File .* does not exist in distribution file",
        ),
        Row(
            "Invalid file name",
            why="The file name doesn't match the project, the version or the file type.",
            step="Run `hatch build --clean`, and publish the new files without renaming them.",
            said=r"^Filename '.*' (is invalid|should contain)|Start filename for|Invalid (source distribution|wheel) filename"
            r"|Invalid (project name|build number):|Version in filename should be|Invalid file extension"
            r"|Cannot upload a file with"
            r"|^filename '.*' does not (contain version|match project name)|not a valid archive name|Bad filename",
        ),
        Row(
            "File name too long",
            why="The file name is longer than {index} can store.",
            step="Shorten the version, the build tag or the platform tags of {filename}, and build it again.",
            said=r"Filename is too long",
        ),
        Row(
            "Invalid entry points",
            why="Script names consist of letters, digits, `.`, `-` and `_`, and each has a value `module:function`.",
            step="Correct `[project.scripts]`, `[project.gui-scripts]` and `[project.entry-points]` in pyproject.toml, and run"
            " `hatch build --clean`.",
            said=r"invalid entry points",
        ),
        Row(
            "File changed during the upload",
            why="{filename} changed while it was uploaded, or was damaged on the way.",
            step="Make sure that nothing writes to it, and publish again.",
            said=r"digest supplied does not match|hash mismatch",
        ),
        Row(
            "Invalid attestations",
            why="An attestation must be made for exactly this file, by the job that publishes it with Trusted Publishing.",
            step="Delete the `.attestation` files next to {filename}, or, if this run made them, publish with"
            " `-o attestations=never`: https://docs.pypi.org/attestations/",
            said=r"Invalid attestations supplied",
        ),
        Row(
            "Encrypted code",
            why="{index} doesn't accept encrypted code.",
            step="Build {filename} from readable sources, and publish again.",
            said=r"(PyArmor|SourceDefender)-encrypted content is not allowed",
        ),
        Row(
            "Invalid archive",
            why="{filename} is not packed as {index} requires (https://docs.pypi.org/archives).",
            step="Run `hatch build --clean`, and publish the result without repacking it.",
            said=r"Invalid distribution file|does not contain the required \S+ file",
        ),
    ),
    "Uploads disabled, and rate limits": (
        Row(
            "Uploads disabled",
            why="{index} is not accepting uploads right now; your file and credential are not the reason. {outages}",
            step="Publish again when it is over; files already uploaded are skipped.",
            said=r"Read-only mode|New uploads are temporarily disabled",
        ),
        Row(
            "New projects disabled",
            why="{index} is not accepting new projects right now. {outages}",
            step="Publish again when it is over; files already uploaded are skipped.",
            said=r"New project registration temporarily disabled",
        ),
        Row(
            "Too many new projects",
            why="{index} limits how many projects you create and counts failed attempts too{allowance}.",
            step="Publish again {when}.",
            said=r"Too many new projects created",
            statuses=(429,),
        ),
        Row(
            "Too many requests, for a new project",
            why="{host} limits the number of requests, and each attempt to create a project may count.",
            step="Publish again {when}.",
            statuses=(429,),
            when="new project",
        ),
        Row(
            "Too many requests",
            why="{host} limits the number of requests.",
            step="Publish again {when}; files already uploaded are skipped.",
            statuses=(429,),
            retry=True,
        ),
    ),
    "The upload URL and the way to it": (
        Row(
            "URL without https",
            why="{host} requires https.",
            step="Use the upload URL {https_url}",
            said=r"SSL is required",
        ),
        Row(
            "Redirect",
            why="{answered} redirects to {location}. The redirect was not followed.",
            step="If that is the upload URL, configure it or give it with `-r`; if it is a login page, check the credential.",
            statuses=range(300, 400),
        ),
        Row(
            "Wrong upload URL for PyPI",
            why="{index} accepts uploads only at {upload_url}.",
            step="Run `hatch publish -p tokenindex -r {upload_name}`.",
            statuses=(404, 405, 410),
            when="on PyPI, at another URL",
        ),
        Row(
            "URL of the simple API",
            why="{url} looks like the simple API, from which packages are installed; it doesn't accept uploads.",
            step="Use {upload_candidate} or another upload URL that the index documents.",
            statuses=(404, 405, 410),
            when="elsewhere, at a simple API",
        ),
        Row(
            "URL that doesn't accept uploads",
            why="{url} doesn't accept uploads. It may be the simple API or a web page.",
            step="Find the index's upload URL and configure it, or give it with `-r`.",
            statuses=(405, 410),
            when="elsewhere",
        ),
        Row(
            "Unknown GitLab project",
            why="GitLab answers this for a project that doesn't exist, or that this credential can't see. {wants}",
            step="Check the project's ID in the URL, and the credential.",
            statuses=(404,),
            when="at GitLab",
        ),
        Row(
            "Unknown URL",
            why="{host} doesn't accept uploads at {url}, or hides it from this credential.",
            step="Find the index's upload URL and configure it, or give it with `-r`.",
            statuses=(404,),
            when="elsewhere",
        ),
        Row(
            "No valid client certificate",
            why="{host} requires a client certificate that it trusts.",
            step="Give one with `--client-cert FILE`, or check that it hasn't expired and that {host} trusts its CA.",
            said=r"No required SSL certificate was sent|The SSL certificate error",
            statuses=(400, 495, 496),
        ),
        Row(
            "Proxy authentication",
            why="The proxy requires a user name and a password.",
            step="Set them in {proxy} (`http://USER:PASSWORD@HOST:PORT`).",
            statuses=(407,),
        ),
    ),
    "Other indexes than PyPI": (
        # Azure, CodeArtifact, Gitea and pypiserver answer 409 for a file that exists, GitLab, Google and Nexus 400,
        # Artifactory 403.
        Row(
            "File exists",
            why="{host} already has {filename} and did not replace it.",
            step=_RAISE_THE_VERSION_OR_OVERWRITE,
            said=r"already (been taken|exist|contain|present)|updating asset|cannot be updated|overwrite (all )?artifact",
            statuses=(400, 403, 409),
            when="elsewhere",
            exists=True,
        ),
        Row(
            "Conflict without a message",
            why="{host} probably has {filename} already and did not replace it.",
            step=_RAISE_THE_VERSION_OR_OVERWRITE,
            statuses=(409,),
            when="elsewhere",
            exists=True,
        ),
        # Azure's gateway answers with its sign-in page in place of the index, and with a status of success.
        Row(
            "Sign-in page instead of an answer (203)",
            why="{host} returned a sign-in page instead of the index's response: it rejected the {secret}, which may have"
            " expired. {wants}",
            step="{change}.",
            statuses=(203,),
            when="elsewhere",
            about_credential=True,
        ),
        Row(
            "Windows login (NTLM or Kerberos)",
            why="{host} accepts only Windows logins (NTLM, Negotiate) at this URL. Uploads use a user name and a password or"
            " token (Basic authentication).",
            step="Ask the administrator of {host} to enable Basic authentication for the upload URL.",
            statuses=(401,),
            when="Windows login alone",
        ),
        Row(
            "User name for Cloudsmith",
            why="Cloudsmith doesn't recognise the user `__token__`. {wants}",
            step="Publish with the user name `token`: `-u token`, or `username = token` if ~/.pypirc gives it.",
            statuses=(401,),
            when="at Cloudsmith, as __token__",
        ),
        # By RFC 9110, a 401 is about the credential, and a 403 may be answered with another one; both are also sent for a
        # missing permission. pypiserver answers a wrong password with a 403 without a message; PyPI always gives a reason,
        # so one without comes from something in between, and another token would not help.
        Row(
            "No credential",
            why="{host} requires a user name and password. {wants}",
            step="{change}.",
            statuses=(401, 403),
            when="no credential",
            about_credential=True,
            good_elsewhere=True,
        ),
        Row(
            "Token without upload permission",
            why="The token is valid, but doesn't permit uploads. {wants}",
            step="{change}.",
            said=r"insufficient_scope|higher privileges than provided|reqPackageAccess",
            statuses=(401, 403),
            when="elsewhere",
            about_credential=True,
            good_elsewhere=True,
        ),
        Row(
            "Expired token of another index",
            why="The token has expired. {wants}",
            step="{change}.",
            said=r"\bexpired\b",
            statuses=(401, 403),
            when="elsewhere",
            about_credential=True,
        ),
        Row(
            "Wrong user name or password",
            why="{host} rejected the user name and {secret}. {wants}",
            step="{change}.",
            said=rf"{_NO_WORDS}|{_WORDS_ABOUT_CREDENTIAL}",
            statuses=(401,),
            about_credential=True,
        ),
        Row(
            "No upload permission",
            why="{host} accepted the credential, but its user may not upload there.",
            step="Ask the administrator of {host} for permission to upload, or use another user.",
            said=r"permission|not authorized|not allowed|privilege",
            statuses=(403,),
            when="elsewhere",
        ),
        Row(
            "Wrong password, or no upload permission",
            why="Either the {secret} is wrong, or the user lacks permission; {host} doesn't say which. {wants}",
            step="{change}, or ask the administrator of {host} for permission.",
            said=rf"{_NO_WORDS}|access (is |to .* is )?(denied|forbidden)",
            statuses=(403,),
            when="elsewhere",
            about_credential=True,
            good_elsewhere=True,
        ),
        Row(
            "Unrecognised rejection",
            why="Unless the message says otherwise, either the {secret} is wrong, or the user lacks permission. {wants}",
            step="{change}, or ask the administrator of {host} for permission, and quote the message.",
            statuses=(401, 403),
            when="elsewhere",
            about_credential=True,
            good_elsewhere=True,
        ),
    ),
    "Server errors": (
        Row(
            "File too large for the server",
            why="{host}, or a proxy in front of it, doesn't accept a file as large as {filename}.",
            step="Ask the administrator of {host} to raise the limit (in nginx, client_max_body_size).",
            statuses=(413,),
        ),
        _HEADER_SIZE,
        replace(_HEADER_SIZE, title="Request header too large", said="", statuses=(431,)),
        Row(
            "Server timed out",
            why="The server, or a proxy in front of it, stopped waiting during the upload.",
            step="Use a faster connection, and publish again; files already uploaded are skipped.",
            statuses=GAVE_UP,
            retry=True,
        ),
        Row(
            "Server error",
            why="The problem is at {host}, and is often temporary. {outages}",
            step="Publish again {soon}; files already uploaded are skipped.",
            statuses=SERVER_ERRORS,
            retry=True,
        ),
    ),
}
"""The rows under each heading of the documentation, in order: the first row that fits a response wins."""
UNKNOWN = Row(
    "Unrecognised response",
    why="Unrecognised response.",
    step="Contact the administrator of {host} and quote the message above.",
)
"""The row for every response that fits no other."""

ROWS = tuple(row for rows in GROUPS.values() for row in rows)


class ConnectionFailure(Enum):
    """A request that got no response, with the row of each; its title says why."""

    NAME = Row(
        "The host name could not be resolved",
        why="Nothing was sent: this machine could not resolve {host}.",
        step="Check the spelling of {host} in the upload URL, and whether this machine is online or needs a VPN.",
    )
    REFUSED = Row(
        "The connection was refused",
        why="Nothing was sent: no server listens at {host}. {outages}",
        step="Check the host and port of the upload URL, and whether the server is running.",
        retry=True,
    )
    UNREACHABLE = Row(
        "The host could not be reached",
        why="Nothing was sent. {outages}",
        step="Check whether this machine is online, and whether {host} needs a VPN or a proxy.",
        retry=True,
    )
    CERTIFICATE = Row(
        "The TLS certificate could not be verified",
        why="Nothing was sent. The TLS certificate of {host} could not be verified; somebody may be intercepting the"
        " connection.",
        step="If your organization signs its own certificates or inspects TLS traffic, give its CA with `--ca-cert FILE`; if"
        " not, try another network and contact the administrator of {host}.",
    )
    CERTIFICATE_TIME = Row(
        "The TLS certificate is not valid at this time",
        why="Nothing was sent. By this machine's clock, the TLS certificate of {host} has expired or is not yet valid.",
        step="Check the date and time of this machine; if they are right, contact the administrator of {host}.",
    )
    CLIENT_CERTIFICATE = Row(
        "The server requires a client certificate that it trusts",
        why="Nothing was uploaded: {host} closed the connection because it requires a client certificate that it trusts.",
        step="Give one with `--client-cert FILE`, or check that it hasn't expired and that {host} trusts its CA.",
    )
    TLS = Row(
        "The TLS handshake failed",
        why="Nothing was sent: the TLS handshake with {host} failed.",
        step="Check scheme, host and port of the upload URL; if the index requires a client certificate, give it with"
        " `--client-cert FILE`.",
    )
    PROXY = Row(
        "The proxy refused the connection",
        why="Nothing was sent: the proxy requires a user name and password, or doesn't allow connections to {host}.",
        step="Check the proxy in {proxy} (`http://USER:PASSWORD@HOST:PORT`), or set NO_PROXY={host} to connect without it.",
    )
    PROXY_FAILED = Row(
        "The connection through the proxy failed",
        why="Nothing was sent: the proxy is unreachable, or can't reach {host}.",
        step="Check the proxy in {proxy}, or set NO_PROXY={host} to connect without it.",
        retry=True,
    )
    TIMEOUT = Row(
        "The index did not respond in time",
        why="The file was possibly uploaded. For a slow index, add `-o timeout=900` (seconds).",
        step="Publish again; files already uploaded are skipped.",
        retry=True,
    )
    LOST = Row(
        "The connection was closed before the index answered",
        why="The file was possibly uploaded. If this happens every time, ask the administrator of {host} whether files of this"
        " size are allowed.",
        step="Publish again; files already uploaded are skipped.",
        retry=True,
    )

    @property
    def came_after_sending(self) -> bool:
        """Return True if something had been sent, so that the file may have arrived."""
        return self in {ConnectionFailure.TIMEOUT, ConnectionFailure.LOST}
