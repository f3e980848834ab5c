"""The table of refusals: the response that each is recognised by, its cause, and the fix.

To change a text, edit it here and run `hatch run refusals:write`, which updates `docs/troubleshooting.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.index.kinds import kind_of
from hatch_tokenindex.index.refusals.rows import SERVER_ERRORS, About, ConnectionFailure, Group, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_tokenindex.index.attempt import Attempt


def _is_pypi(attempt: Attempt) -> bool:
    return attempt.repository.site is not None


def _is_other_index(attempt: Attempt) -> bool:
    return not _is_pypi(attempt)


def _is_wrong_pypi_url(attempt: Attempt) -> bool:
    return _is_pypi(attempt) and not any(urls.same(attempt.repository.url, url) for url in (urls.PYPI, urls.TEST_PYPI))


def _is_gitlab(attempt: Attempt) -> bool:
    return kind_of(attempt.repository.url).name == "GitLab"


def _creates_project(attempt: Attempt) -> bool:
    return attempt.upload.creates_project


def _has_no_credential(attempt: Attempt) -> bool:
    return attempt.credential is None


def _is_minted(attempt: Attempt) -> bool:
    return attempt.credential is not None and attempt.credential.minted


def _is_narrowed(attempt: Attempt) -> bool:
    return attempt.is_narrowed


def _is_archived(attempt: Attempt) -> bool:
    return attempt.upload.project_status == "archived"


def _is_quarantined(attempt: Attempt) -> bool:
    return attempt.upload.project_status == "quarantined"


_NO_MESSAGE = r"\A\Z"

_RAISE_THE_VERSION = "raise the version, run `hatch build --clean`, and publish again."
_RENAME = "choose another `name` under `[project]` in pyproject.toml."
_FIND_THE_UPLOAD_URL = "look up the index's upload URL and configure it, or pass it with `-r`."

# A project's status explains a response better than its message does, so it is checked first.
_STATE = Group(
    "Archived and quarantined projects",
    (
        Row(
            "archived",
            About.PROJECT,
            "Archived project",
            why="{project} is archived, and archived projects don't accept uploads.",
            step="have an owner unarchive it at {settings}, then publish again.",
            message=r"isn't allowed to upload",
            when=_is_archived,
        ),
        Row(
            "quarantined",
            About.PROJECT,
            "Quarantined project",
            why="The administrators of {index} quarantined {project}, which blocks uploads and may freeze its owners'"
            " accounts.",
            step="log in at {web_url} and reply to the administrators, who alone can lift the quarantine.",
            message=r"isn't allowed to upload|Invalid or non-existent authentication information",
            when=_is_quarantined,
        ),
    ),
)

_CREDENTIAL = Group(
    "Passwords and tokens",
    (
        Row(
            "password",
            About.CREDENTIAL,
            "Password instead of an API token",
            why="{index} no longer accepts passwords: since two-factor authentication became mandatory, it requires an"
            " API token or Trusted Publishing.",
            step="create a token at {token_page} and {use_it}; in CI, use Trusted Publishing"
            " (https://docs.pypi.org/trusted-publishers/), which needs no stored secret.",
            message=r"Username/Password authentication is no longer supported",
        ),
        Row(
            "minted-token-over",
            About.CREDENTIAL,
            "Expired token from Trusted Publishing",
            why="Tokens from Trusted Publishing expire after 15 minutes, and this one has expired.",
            step="run the job again to get a new one; files already uploaded are skipped.",
            message=r"Invalid or non-existent authentication information|token is expired",
            when=_is_minted,
        ),
        Row(
            "token-unknown",
            About.CREDENTIAL,
            "Unknown token",
            why="{index} doesn't recognise this token. It may have been deleted, copied incompletely, or issued by"
            " another index.",
            step="create a new token at {token_page} and {use_it}.",
            message=r"Invalid or non-existent authentication information",
        ),
        Row(
            "publisher",
            About.PROJECT,
            "Workflow that is not a trusted publisher",
            why="The workflow of this job is not a trusted publisher of {project}.",
            step="have an owner add it at {publishing} with the exact repository, workflow file and environment, then"
            " run the job again.",
            message=r"scoped token|publisher restriction|given token isn't allowed to upload",
            when=_is_minted,
        ),
        Row(
            "token-scope",
            About.CREDENTIAL,
            "Token for another project",
            why="The token is scoped to a project other than {project}.",
            step="create a token for {project} at {token_page} (for its first release, one for the entire account) and"
            " {use_it}.",
            message=r"scoped token",
            credential_may_be_valid=True,
        ),
        Row(
            "token-expired-narrowed",
            About.CREDENTIAL,
            "Expired token, or a wrong clock",
            why="The token was restricted to a few minutes before it was sent, so either this machine's clock is wrong"
            " or the token itself has expired.",
            step="check the clock; if it is right, create a new token at {token_page} and {use_it}.",
            message=r"token is expired",
            when=_is_narrowed,
        ),
        Row(
            "token-expired",
            About.CREDENTIAL,
            "Expired token",
            why="The token has expired.",
            step="create a new token at {token_page} and {use_it}.",
            message=r"token is expired",
        ),
        Row(
            "token-changed",
            About.CREDENTIAL,
            "Damaged token",
            why="The token is damaged: a character is missing or wrong.",
            step="copy the whole token again, or create a new one at {token_page}, and {use_it}.",
            message=r"signatures do not match",
        ),
        Row(
            "narrowing",
            About.INDEX,
            "Restricted token not accepted",
            why="{index} rejected the token in the restricted form in which it was sent.",
            step="run `{command} -o narrow-token=never` to send the token unchanged.",
            message=r"Invalid API Token: .*(caveat|invalid values for fields|Not enough values|unknown error)",
            when=_is_narrowed,
        ),
        Row(
            "token-malformed",
            About.CREDENTIAL,
            "Malformed token",
            why="The secret is not a valid API token.",
            step="copy it again, from `pypi-` to the last character, or create a new one at {token_page}, and {use_it}.",
            message=r"Invalid API Token: .*(malformed|caveat|invalid values for fields|Not enough values|unknown error)",
        ),
        Row(
            "token-refused",
            About.CREDENTIAL,
            "Token no longer accepted",
            why="{index} no longer accepts this token.",
            step="create a new token at {token_page} and {use_it}.",
            message=r"Invalid API Token",
        ),
    ),
)

_ACCOUNT = Group(
    "The account behind the token",
    (
        Row(
            "email",
            About.ACCOUNT,
            "Unverified email address",
            why="The token is valid, but {index} accepts uploads only from accounts with a verified primary email"
            " address.",
            step="verify the address at {account} and publish again with the same token.",
            message=r"verified primary email address",
        ),
        Row(
            "two-factor",
            About.ACCOUNT,
            "Missing two-factor authentication",
            why="The token is valid, but {index} accepts uploads only from accounts with two-factor authentication.",
            step="enable it at {account}two-factor/ and publish again with the same token.",
            message=r"does not have two-factor authentication enabled",
        ),
        Row(
            "organization",
            About.ACCOUNT,
            "Inactive organization",
            why="The organization that owns {project} is inactive, which blocks uploads.",
            step="have one of its owners check its billing and status at {web_url}/manage/organizations/, or email"
            " support+orgs@pypi.org.",
            message=r"Organization account .* is inactive",
        ),
    ),
)

_PROJECT = Group(
    "The project and its name",
    (
        Row(
            "project-right",
            About.PROJECT,
            "No permission to upload to the project",
            why="Either someone else has taken the name {project}, or this account has no role in the project, or the"
            " project is archived.",
            step="have an owner add this account at {collaboration} or unarchive the project at {settings}; if it is"
            " someone else's project, choose another `name` under `[project]` in pyproject.toml.",
            message=r"isn't allowed to upload to project",
        ),
        Row(
            "pending-publisher",
            About.PROJECT,
            "Pending publisher for another name",
            why="A pending publisher can create only the project that it names, which is not {project}.",
            step="use the same name at {account}publishing/ and as `name` in pyproject.toml, then run the job again.",
            message=r"Non-user identities cannot create new projects",
        ),
        Row(
            "name-race",
            About.PROJECT,
            "Name taken just now",
            why="Another upload created {project} at the same moment.",
            step="if it was a job of yours, publish again; otherwise choose another `name` under `[project]` in"
            " pyproject.toml.",
            message=r"conflicts with an existing project",
            retry=True,
        ),
        Row(
            "name-similar",
            About.PROJECT,
            "Name too similar to another",
            why="Names that differ only in `.`, `-`, `_` or in characters that look alike (`l`, `i`, `1`; `o`, `0`)"
            " count as the same.",
            step=_RENAME,
            message=r"too similar to an existing project",
        ),
        Row(
            "name-standard-library",
            About.PROJECT,
            "Name of a standard library module",
            why="{project} is the name of a module in Python's standard library.",
            step=_RENAME,
            message=r"conflict with Python Standard Library",
        ),
        Row(
            "name-prohibited",
            About.PROJECT,
            "Blocked name",
            why="{index} has blocked the name {project}.",
            step=_RENAME,
            message=r"The name '.*' isn't allowed",
        ),
        Row(
            "name-invalid",
            About.PROJECT,
            "Invalid name",
            why="A name may contain only ASCII letters, digits, `.`, `-` and `_`, and must start and end with a letter"
            " or digit.",
            step="correct `name` under `[project]` in pyproject.toml and run `hatch build --clean`.",
            message=r"The name '.*' is invalid|is an invalid value for Name",
        ),
        Row(
            "project-size",
            About.PROJECT,
            "Project too large",
            why="The files of {project} add up to more than {index} allows.",
            step="delete old releases at {releases}, or request a higher limit"
            " (https://docs.pypi.org/project-management/storage-limits).",
            message=r"Project size too large",
        ),
    ),
)

_RELEASE = Group(
    "The release",
    (
        Row(
            "release-closed",
            About.RELEASE,
            "Closed release",
            why="Release {version} is closed: {index} doesn't accept new files for a release this old.",
            step=_RAISE_THE_VERSION,
            message=r"releases older than \d+ days",
        ),
        Row(
            "second-sdist",
            About.RELEASE,
            "Second sdist",
            why="Release {version} already has an sdist.",
            step="publish without {filename} by giving the paths of the wheels, or raise the version.",
            message=r"Only one sdist may be uploaded",
        ),
    ),
)

_FILE = Group(
    "The file",
    (
        Row(
            "file-exists",
            About.FILE,
            "File already exists with different content",
            why="{index} already has a different file with this name, or this file under another name, and never"
            " replaces files.",
            step=_RAISE_THE_VERSION,
            message=r"^File already exists",
            file_exists=True,
        ),
        Row(
            "filename-used",
            About.FILE,
            "File name already used",
            why="{index} never accepts a file name twice, even if the first file was deleted.",
            step=_RAISE_THE_VERSION,
            message=r"This filename (was previously used|has already been used|has previously been used)",
            file_exists=True,
        ),
        Row(
            "file-size",
            About.FILE,
            "File too large",
            why="{filename} is larger than {index} allows for a file of {project}.",
            step="leave out everything that users don't need, or request a higher limit"
            " (https://docs.pypi.org/project-management/storage-limits).",
            message=r"File too large",
        ),
        Row(
            "description",
            About.FILE,
            "Description that fails to render",
            why="{index} shows the README as the project's description, and this one fails to render.",
            step="correct the README or set its type under `readme` in pyproject.toml (text/markdown, text/x-rst or"
            " text/plain), rebuild, and check it with `{command} -o dry-run`.",
            message=r"description failed to render",
        ),
        Row(
            "local-version",
            About.FILE,
            "Local version",
            why="{index} doesn't accept local versions (with a `+`).",
            step="build from a clean checkout of the release's tag, or remove the local part from the version, and"
            " publish again.",
            message=r"use of local versions",
        ),
        Row(
            "platform-tag",
            About.FILE,
            "Linux wheel without a manylinux or musllinux tag",
            why="{index} accepts Linux wheels only with a manylinux or musllinux tag.",
            step="run `auditwheel repair` on this one, or build for all platforms with https://cibuildwheel.pypa.io.",
            message=r"unsupported platform tag '\w*linux",
        ),
        Row(
            "platform-tag-other",
            About.FILE,
            "Unknown platform tag",
            why="{index} doesn't know the platform tag of this wheel.",
            step="build it with a current https://cibuildwheel.pypa.io, or skip it by giving the paths of the other"
            " files.",
            message=r"unsupported platform tag",
        ),
        Row(
            "metadata-version",
            About.FILE,
            "Unsupported metadata version",
            why="The build backend wrote a metadata version that {index} doesn't support, or a field that this version"
            " doesn't have.",
            step="update the backend under `[build-system]` in pyproject.toml (with hatchling, a build target's"
            " `core-metadata-version` sets it) and rebuild.",
            message=r"not a valid metadata version|introduced in metadata version",
        ),
        Row(
            "classifier",
            About.FILE,
            "Unknown classifier",
            why="{index} accepts only classifiers from its list.",
            step="use classifiers from {web_url}/classifiers/ in pyproject.toml and rebuild.",
            message=r"not a valid classifier|The classifier .* has been deprecated",
        ),
        Row(
            "direct-dependency",
            About.FILE,
            "Direct dependency on a URL",
            why="{index} doesn't accept dependencies on a URL (`name @ https://...`).",
            step="depend on a released version and rebuild.",
            message=r"Can't have direct dependency",
        ),
        Row(
            "metadata",
            About.FILE,
            "Invalid metadata",
            why="{index} validates every metadata field (https://packaging.python.org/specifications/core-metadata).",
            step="correct the field in pyproject.toml that the message names, and run `hatch build --clean`.",
            message=r"specifications/(core-metadata|version-specifiers) for more information",
        ),
        Row(
            "license-file",
            About.FILE,
            "Missing license file",
            why="The metadata names a license file that is missing from {filename}.",
            step="list only existing files under `license-files` in pyproject.toml, and run `hatch build --clean`.",
            message=r"License-File .* does not exist in distribution file",
        ),
        Row(
            "filename",
            About.FILE,
            "Invalid file name",
            why="The file name doesn't match the project, the version or the file type.",
            step="run `hatch build --clean` and publish the new files without renaming them.",
            message=r"^Filename '.*' (is invalid|should contain)|Start filename for|Invalid (source distribution|wheel) filename"
            r"|Invalid (project name|build number):|Version in filename should be|Invalid file extension"
            r"|Cannot upload a file with"
            r"|^filename '.*' does not (contain version|match project name)|not a valid archive name|Bad filename",
        ),
        Row(
            "filename-length",
            About.FILE,
            "File name too long",
            why="The file name is longer than {index} can store.",
            step="shorten the version, the build tag or the platform tags of {filename}, and rebuild.",
            message=r"Filename is too long",
        ),
        Row(
            "entry-points",
            About.FILE,
            "Invalid entry points",
            why="Script names may contain only letters, digits, `.`, `-` and `_`, and each needs a value like"
            " `module:function`.",
            step="correct `[project.scripts]`, `[project.gui-scripts]` and `[project.entry-points]` in pyproject.toml,"
            " and run `hatch build --clean`.",
            message=r"invalid entry points",
        ),
        Row(
            "digest",
            About.FILE,
            "File changed during the upload",
            why="{filename} changed while it was being sent, or was damaged in transit.",
            step="make sure that nothing writes to it, and publish again.",
            message=r"digest supplied does not match|hash mismatch",
        ),
        Row(
            "attestations",
            About.FILE,
            "Invalid attestations",
            why="An attestation is valid only if the job that publishes {filename} with Trusted Publishing made it for"
            " this file.",
            step="delete the `.attestation` files next to it, or have that job create them"
            " (https://docs.pypi.org/attestations/).",
            message=r"Invalid attestations supplied",
        ),
        Row(
            "encrypted-code",
            About.FILE,
            "Encrypted code",
            why="{index} doesn't accept encrypted code.",
            step="build {filename} from readable sources, and publish again.",
            message=r"(PyArmor|SourceDefender)-encrypted content is not allowed",
        ),
        Row(
            "archive",
            About.FILE,
            "Invalid archive",
            why="{filename} breaks {index}'s rules for archives (https://docs.pypi.org/archives).",
            step="run `hatch build --clean` and publish the new files without repacking them.",
            message=r"Invalid distribution file|does not contain the required \S+ file",
        ),
    ),
)

_SITE = Group(
    "Outages and rate limits",
    (
        Row(
            "read-only",
            About.INDEX,
            "Uploads disabled",
            why="{index} is not accepting uploads right now; your file and credential are not the reason.",
            step="{check_outages}, and publish again later; files already uploaded are skipped.",
            message=r"Read-only mode|New uploads are temporarily disabled",
        ),
        Row(
            "no-new-projects",
            About.INDEX,
            "New projects disabled",
            why="{index} is not accepting new projects right now.",
            step="{check_outages}, and publish again later; files already uploaded are skipped.",
            message=r"New project registration temporarily disabled",
        ),
        Row(
            "new-projects",
            About.RATE_LIMIT,
            "Too many new projects",
            why="{index} counts every attempt to create a project, including failed ones{allowance}.",
            step="publish again {when}.",
            message=r"Too many new projects created",
            statuses=(429,),
        ),
        Row(
            "too-many-requests-for-new-project",
            About.RATE_LIMIT,
            "Too many requests for a new project",
            why="{host} limits the number of requests, and every attempt to create a project may count.",
            step="publish again {when}.",
            statuses=(429,),
            when=_creates_project,
        ),
        Row(
            "too-many-requests",
            About.RATE_LIMIT,
            "Too many requests",
            why="{host} limits the number of requests in a period of time.",
            step="publish again {when}; files already uploaded are skipped.",
            statuses=(429,),
            retry=True,
        ),
    ),
)

_ADDRESS = Group(
    "The upload URL and the connection to it",
    (
        Row(
            "https",
            About.ADDRESS,
            "Upload URL without https",
            why="{host} accepts only encrypted connections.",
            step="change the upload URL to {https_url}.",
            message=r"SSL is required",
        ),
        Row(
            "redirect",
            About.ADDRESS,
            "Redirected upload URL",
            why="{response_url} redirects to {location}; neither the file nor the credential was sent there.",
            step="if that is the right upload URL, configure it or pass it with `-r`; if it is a login page, check the"
            " credential.",
            statuses=range(300, 400),
        ),
        Row(
            "pypi-address",
            About.ADDRESS,
            "Wrong upload URL of PyPI",
            why="{index} accepts uploads only at {upload_url}.",
            step="run `hatch publish -p tokenindex -r {upload_name}`.",
            statuses=(404, 405, 410),
            when=_is_wrong_pypi_url,
        ),
        Row(
            "no-upload-address",
            About.ADDRESS,
            "URL that doesn't accept uploads",
            why="{url} doesn't accept uploads. It may be the simple API, which installers read, or a web page.",
            step=_FIND_THE_UPLOAD_URL,
            statuses=(405, 410),
            when=_is_other_index,
        ),
        Row(
            "not-found-gitlab",
            About.ADDRESS,
            "Unknown GitLab project",
            why="The GitLab project doesn't exist, or the credential has no access to it. {accepted}",
            step="check the project ID in the URL, and the credential.",
            statuses=(404,),
            when=_is_gitlab,
        ),
        Row(
            "not-found",
            About.ADDRESS,
            "Upload URL not found",
            why="{host} doesn't accept uploads at {url}, or hides it from this credential.",
            step=_FIND_THE_UPLOAD_URL,
            statuses=(404,),
            when=_is_other_index,
        ),
        Row(
            "proxy-credential",
            About.ADDRESS,
            "Proxy authentication required",
            why="The proxy requires a user name and password.",
            step="set them in HTTPS_PROXY and HTTP_PROXY (`http://USER:PASSWORD@HOST:PORT`).",
            statuses=(407,),
        ),
    ),
)

_OTHER_INDEXES = Group(
    "Indexes other than PyPI",
    (
        # For a file that exists, Azure, CodeArtifact, Gitea and pypiserver respond with 409, GitLab, Google and Nexus
        # with 400, Artifactory with 403.
        Row(
            "file-exists-elsewhere",
            About.FILE,
            "File already exists",
            why="{host} already has {filename} and doesn't replace files.",
            step=_RAISE_THE_VERSION,
            message=r"already (been taken|exist|contain|present)|updating asset|cannot be updated|overwrite (all )?artifact",
            statuses=(400, 403, 409),
            when=_is_other_index,
            file_exists=True,
        ),
        Row(
            "conflict",
            About.FILE,
            "Conflict without a message",
            why="Most likely {host} already has {filename} and doesn't replace files.",
            step=_RAISE_THE_VERSION,
            statuses=(409,),
            when=_is_other_index,
            file_exists=True,
        ),
        # By RFC 9110, a 401 is always about the credential, and a 403 may be. pypiserver responds to a wrong password with
        # a 403 without a message; PyPI always gives one, so a 403 without comes from something in between, and another
        # token would not help.
        Row(
            "credential-missing",
            About.CREDENTIAL,
            "Missing credential",
            why="{host} requires a user name and a secret. {accepted}",
            step="{replace_it}",
            statuses=(401, 403),
            when=_has_no_credential,
            credential_may_be_valid=True,
        ),
        Row(
            "token-rights",
            About.CREDENTIAL,
            "Token without permission to upload",
            why="The token is valid, but has no permission to upload. {accepted}",
            step="{replace_it}",
            message=r"insufficient_scope|higher privileges than provided|reqPackageAccess",
            statuses=(401, 403),
            when=_is_other_index,
            credential_may_be_valid=True,
        ),
        Row(
            "token-expired-elsewhere",
            About.CREDENTIAL,
            "Expired token of another index",
            why="The token has expired. {accepted}",
            step="{replace_it}",
            message=r"\bexpired\b",
            statuses=(401, 403),
            when=_is_other_index,
        ),
        Row(
            "credential",
            About.CREDENTIAL,
            "Wrong user name or secret",
            why="{host} rejected this user name with this secret. {accepted}",
            step="{replace_it}",
            statuses=(401,),
        ),
        Row(
            "credential-or-right",
            About.CREDENTIAL,
            "Wrong secret, or no permission to upload",
            why="Either the secret is wrong, or its user has no permission to upload; {host} doesn't say which."
            " {accepted}",
            step="{replace_it}",
            message=_NO_MESSAGE,
            statuses=(403,),
            when=_is_other_index,
            credential_may_be_valid=True,
        ),
        Row(
            "no-permission",
            About.PROJECT,
            "No permission to upload",
            why="{host} recognised the user, who has no permission to upload there.",
            step="ask the administrator of {host} for permission to upload, or use another user.",
            message=r"permission|not authorized|not allowed|privilege|access (is |to .* is )?(denied|forbidden)",
            statuses=(403,),
            when=_is_other_index,
        ),
    ),
)

_SERVER = Group(
    "Server errors",
    (
        Row(
            "body-size",
            About.FILE,
            "File too large for the server",
            why="{host}, or a proxy in front of it, rejects files as large as {filename}.",
            step="ask the administrator of {host} to raise the limit (nginx: client_max_body_size).",
            statuses=(413,),
        ),
        Row(
            "server-timeout",
            About.INDEX,
            "Request timeout",
            why="The server stopped waiting for the file.",
            step="use a faster connection and publish again; files already uploaded are skipped.",
            statuses=(408,),
            retry=True,
        ),
        Row(
            "server-error",
            About.INDEX,
            "Server error",
            why="{host} has a problem, which is often temporary.",
            step="publish again {soon} (files already uploaded are skipped), and {check_outages}.",
            statuses=SERVER_ERRORS,
            retry=True,
        ),
    ),
)

GROUPS = (
    _STATE,
    _CREDENTIAL,
    _ACCOUNT,
    _PROJECT,
    _RELEASE,
    _FILE,
    _SITE,
    _ADDRESS,
    _OTHER_INDEXES,
    _SERVER,
)
ROWS = tuple(row for group in GROUPS for row in group.rows)
"""The whole table in order: the first row that matches a response counts."""

CONNECTION_ROWS: Mapping[ConnectionFailure, Row] = {
    ConnectionFailure.UNKNOWN_HOST: Row(
        "host-unknown",
        About.ADDRESS,
        "Unknown host",
        why="Nothing was sent: this machine could not resolve {host}.",
        step="check the spelling of {host} in the upload URL, and whether this machine is online or needs a VPN.",
    ),
    ConnectionFailure.REFUSED: Row(
        "connection-refused",
        About.INDEX,
        "Connection refused",
        why="Nothing was sent: no server is listening at {host}.",
        step="check the host and port of the upload URL, and {check_outages}.",
        retry=True,
    ),
    ConnectionFailure.UNREACHABLE: Row(
        "host-unreachable",
        About.INDEX,
        "Unreachable host",
        why="Nothing was sent: this machine has no connection to {host}.",
        step="check whether this machine is online and whether {host} needs a VPN or a proxy, and {check_outages}.",
        retry=True,
    ),
    ConnectionFailure.CERTIFICATE: Row(
        "certificate",
        About.ADDRESS,
        "Untrusted certificate",
        why="Nothing was sent: the TLS certificate of {host} could not be verified.",
        step="pass your organization's CA with `--ca-cert FILE` if it signs certificates or inspects encrypted traffic;"
        " otherwise try another network, since someone may be intercepting this one, and tell the administrator of"
        " {host}.",
    ),
    ConnectionFailure.TLS: Row(
        "tls",
        About.ADDRESS,
        "TLS handshake failed",
        why="Nothing was sent: the TLS handshake with {host} failed.",
        step="check the scheme, host and port of the upload URL, and pass `--client-cert FILE` if the index requires a"
        " client certificate.",
    ),
    ConnectionFailure.PROXY: Row(
        "proxy",
        About.ADDRESS,
        "Connection refused by the proxy",
        why="Nothing was sent: the proxy requires a user name and password, or blocks {host}.",
        step="check the proxy in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY (`http://USER:PASSWORD@HOST:PORT`), or set"
        " NO_PROXY={host} to bypass it.",
    ),
    ConnectionFailure.PROXY_FAILED: Row(
        "proxy-failed",
        About.ADDRESS,
        "Proxy connection failed",
        why="Nothing was sent: the proxy is unreachable, or can't reach {host}.",
        step="check the proxy in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or set NO_PROXY={host} to bypass it.",
        retry=True,
    ),
    ConnectionFailure.TIMEOUT: Row(
        "time-out",
        About.INDEX,
        "Timeout",
        why="The file was possibly uploaded.",
        step="publish again (files already uploaded are skipped), and add `-o timeout=900` (seconds) if the index is"
        " slow.",
        retry=True,
    ),
    ConnectionFailure.CLOSED: Row(
        "connection-lost",
        About.INDEX,
        "Closed connection",
        why="The file was possibly uploaded.",
        step="publish again (files already uploaded are skipped); if the connection closes every time, ask the"
        " administrator of {host} about limits on file size.",
        retry=True,
    ),
}
