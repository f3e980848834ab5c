"""Every kind of refusal: how it is recognised, why an index refuses so, and the one step that helps.

To correct a text, change it here; `scripts/write_troubleshooting.py` then brings `docs/troubleshooting.md` up to date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_tokenindex import urls
from hatch_tokenindex.index.kinds import kind_of
from hatch_tokenindex.index.refusals.rows import SERVER_ERRORS, About, Group, NoAnswer, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_tokenindex.index.refusals.exchange import Attempt


def _on_pypi(sent: Attempt) -> bool:
    return urls.site(sent.url) is not None


def _elsewhere(sent: Attempt) -> bool:
    return not _on_pypi(sent)


def _at_another_address_of_pypi(sent: Attempt) -> bool:
    return _on_pypi(sent) and not any(urls.same(sent.url, url) for url in (urls.PYPI, urls.TEST_PYPI))


def _at_gitlab(sent: Attempt) -> bool:
    return kind_of(sent.url).name == "GitLab"


def _creates_project(sent: Attempt) -> bool:
    return sent.creates_project


def _without_credential(sent: Attempt) -> bool:
    return not sent.source


def _minted(sent: Attempt) -> bool:
    return sent.minted


def _narrowed(sent: Attempt) -> bool:
    return sent.narrowed


def _archived(sent: Attempt) -> bool:
    return sent.project_status == "archived"


def _quarantined(sent: Attempt) -> bool:
    return sent.project_status == "quarantined"


_NO_WORDS = r"\A\Z"

_RAISE_THE_VERSION = "Raise the version, run `hatch build --clean`, and publish again."
_RENAME = "Choose another `name` under `[project]` in pyproject.toml."
_PUBLISH_AGAIN = "publish again; files that arrived are passed over."

# A project's state explains an answer better than its words do, so it is looked at first.
_STATE = Group(
    "Archived and quarantined projects",
    (
        Row(
            "archived",
            About.PROJECT,
            "Archived project",
            why="{project} is archived, and an archived project takes no files.",
            step="An owner can unarchive it at {settings}; then publish again.",
            said=r"isn't allowed to upload",
            when=_archived,
        ),
        Row(
            "quarantined",
            About.PROJECT,
            "Quarantined project",
            why="The administrators of {index} have quarantined {project}, which stops uploads and can freeze its owners'"
            " accounts.",
            step="Log in at {site} and answer what they wrote to you: only they can lift it.",
            said=r"isn't allowed to upload|Invalid or non-existent authentication information",
            when=_quarantined,
        ),
    ),
)

_CREDENTIAL = Group(
    "Passwords and tokens",
    (
        Row(
            "password",
            About.CREDENTIAL,
            "Password in place of a token",
            why="{index} takes no passwords: since two-factor authentication became mandatory, it wants an API token or"
            " Trusted Publishing.",
            step="Make a token at {tokens} and {give}. In CI, Trusted Publishing needs no stored secret at all:"
            " https://docs.pypi.org/trusted-publishers/.",
            said=r"Username/Password authentication is no longer supported",
        ),
        Row(
            "minted-token-over",
            About.CREDENTIAL,
            "Token of Trusted Publishing that has run out",
            why="A token of Trusted Publishing lives for 15 minutes, and this one has run out.",
            step="Run the job again: it mints a new one, and files that arrived are passed over.",
            said=r"Invalid or non-existent authentication information|token is expired",
            when=_minted,
        ),
        Row(
            "token-unknown",
            About.CREDENTIAL,
            "Unknown token",
            why="{index} knows no such token: it was deleted, copied incompletely, or made elsewhere (PyPI and TestPyPI know"
            " only their own); or the account that made it is blocked.",
            step="Make a new one at {tokens} and {give}.",
            said=r"Invalid or non-existent authentication information",
        ),
        Row(
            "publisher",
            About.PROJECT,
            "Workflow that is no trusted publisher",
            why="The workflow that this token was minted for is no trusted publisher of {project}.",
            step="Let an owner add it at {publishing} with the exact repository, workflow file and environment, and run the"
            " job again.",
            said=r"scoped token|publisher restriction|given token isn't allowed to upload",
            when=_minted,
        ),
        Row(
            "token-scope",
            About.CREDENTIAL,
            "Token for another project",
            why="The token is restricted to another project than {project}.",
            step="Make one for {project} at {tokens} (for its first release: one for the whole account) and {give}.",
            said=r"scoped token",
            good_elsewhere=True,
        ),
        Row(
            "token-expired-narrowed",
            About.CREDENTIAL,
            "Expired token, or a wrong clock",
            why="The token was sent restricted to the next minutes, so either this machine's clock is wrong, or the token"
            " itself has expired.",
            step="Look at the clock first. If it is right, make a new token at {tokens} and {give}.",
            said=r"token is expired",
            when=_narrowed,
        ),
        Row(
            "token-expired",
            About.CREDENTIAL,
            "Expired token",
            why="The token has expired.",
            step="Make a new one at {tokens} and {give}.",
            said=r"token is expired",
        ),
        Row(
            "token-changed",
            About.CREDENTIAL,
            "Token with a wrong character",
            why="This is not the token that {index} made: a character is missing or wrong.",
            step="Copy it again in full, or make a new one at {tokens}, and {give}.",
            said=r"signatures do not match",
        ),
        Row(
            "narrowing",
            About.SITE,
            "Token that was restricted on this machine",
            why="{index} doesn't take the token as it was restricted on this machine.",
            step="Run `{command} -o narrow-token=never`, which sends it as it was made.",
            said=r"Invalid API Token: .*(caveat|invalid values for fields|Not enough values|unknown error)",
            when=_narrowed,
        ),
        Row(
            "token-malformed",
            About.CREDENTIAL,
            "Something that is no token",
            why="What was sent can't be read as an API token.",
            step="Copy it again, from `pypi-` to its last character, or make a new one at {tokens}, and {give}.",
            said=r"Invalid API Token: .*(malformed|caveat|invalid values for fields|Not enough values|unknown error)",
        ),
        Row(
            "token-refused",
            About.CREDENTIAL,
            "Token that is not taken any more",
            why="{index} doesn't take this token any more.",
            step="Make a new one at {tokens} and {give}.",
            said=r"Invalid API Token",
        ),
    ),
)

_ACCOUNT = Group(
    "The account behind the token",
    (
        Row(
            "email",
            About.ACCOUNT,
            "E-mail address that is not verified",
            why="The token is good, but {index} takes files only from accounts whose primary e-mail address is verified.",
            step="Verify it at {account} and publish again with the same token.",
            said=r"verified primary email address",
        ),
        Row(
            "two-factor",
            About.ACCOUNT,
            "No two-factor authentication",
            why="The token is good, but {index} takes files only from accounts with two-factor authentication.",
            step="Set it up at {account}two-factor/ and publish again with the same token.",
            said=r"does not have two-factor authentication enabled",
        ),
        Row(
            "organization",
            About.ACCOUNT,
            "Inactive organization",
            why="The organization that owns {project} takes no files until it is active again.",
            step="Let one of its owners look at its billing and status at {site}/manage/organizations/, or write to"
            " support+orgs@pypi.org.",
            said=r"Organization account .* is inactive",
        ),
    ),
)

_PROJECT = Group(
    "The project and its name",
    (
        Row(
            "project-right",
            About.PROJECT,
            "No right to upload to the project",
            why="Either {project} is somebody else's and the name is taken, or this account has no role in it, or it is"
            " archived.",
            step="If it is yours, let an owner add this account at {collaboration}, or unarchive the project at {settings}."
            " If not, choose another `name` under `[project]` in pyproject.toml.",
            said=r"isn't allowed to upload to project",
        ),
        Row(
            "pending-publisher",
            About.PROJECT,
            "Pending publisher for another name",
            why="A pending publisher creates only the project that it names, and that isn't {project}.",
            step="Make the name at {account}publishing/ and the `name` in pyproject.toml the same, and run the job again.",
            said=r"Non-user identities cannot create new projects",
        ),
        Row(
            "name-race",
            About.PROJECT,
            "Name taken a moment ago",
            why="Something else created {project} at this very moment.",
            step="If it was a job of yours, publish again; if not, choose another `name` under `[project]` in pyproject.toml.",
            said=r"conflicts with an existing project",
            retry=True,
        ),
        Row(
            "name-similar",
            About.PROJECT,
            "Name too similar to another",
            why="Names that differ only in `.`, `-`, `_` or in letters that look alike (`l`, `i`, `1`; `o`, `0`) count as"
            " one.",
            step=_RENAME,
            said=r"too similar to an existing project",
        ),
        Row(
            "name-standard-library",
            About.PROJECT,
            "Name of a standard library module",
            why="{project} is the name of a module of Python's standard library.",
            step=_RENAME,
            said=r"conflict with Python Standard Library",
        ),
        Row(
            "name-prohibited",
            About.PROJECT,
            "Blocked name",
            why="{index} has blocked the name {project} for everybody.",
            step=_RENAME,
            said=r"The name '.*' isn't allowed",
        ),
        Row(
            "name-invalid",
            About.PROJECT,
            "Invalid name",
            why="A name has only ASCII letters, digits, `.`, `-` and `_`, and a letter or digit at both ends.",
            step="Give such a `name` under `[project]` in pyproject.toml, and run `hatch build --clean`.",
            said=r"The name '.*' is invalid|is an invalid value for Name",
        ),
        Row(
            "project-size",
            About.PROJECT,
            "No room left for the project",
            why="All files of {project} together are larger than {index} allows.",
            step="Delete old releases that nobody needs at {releases}, or ask for more room as"
            " https://docs.pypi.org/project-management/storage-limits tells.",
            said=r"Project size too large",
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
            why="Release {version} is closed: {index} takes no new files for a release of that age.",
            step=_RAISE_THE_VERSION,
            said=r"releases older than \d+ days",
        ),
        Row(
            "second-sdist",
            About.RELEASE,
            "Second sdist",
            why="Release {version} has its sdist already.",
            step="Publish without {filename} by giving the paths of the wheels, or raise the version.",
            said=r"Only one sdist may be uploaded",
        ),
    ),
)

_FILE = Group(
    "The file",
    (
        Row(
            "file-exists",
            About.FILE,
            "File that exists with other content",
            why="{index} has another file of this name, or this file under another name, and never replaces one.",
            step=_RAISE_THE_VERSION,
            said=r"^File already exists",
            exists=True,
        ),
        Row(
            "filename-used",
            About.FILE,
            "File name that was used before",
            why="{index} gives out a file name only once, even if its file was deleted since.",
            step=_RAISE_THE_VERSION,
            said=r"This filename (was previously used|has already been used|has previously been used)",
            exists=True,
        ),
        Row(
            "file-size",
            About.FILE,
            "File too large",
            why="{filename} is larger than {index} allows for one file of {project}.",
            step="Leave out of it what its users don't need, or ask for a higher limit as"
            " https://docs.pypi.org/project-management/storage-limits tells.",
            said=r"File too large",
        ),
        Row(
            "description",
            About.FILE,
            "Description that doesn't render",
            why="{index} shows the README as the project's description, and takes no file whose description it can't show.",
            step="Correct the README, or give its type under `readme` in pyproject.toml (text/markdown, text/x-rst or"
            " text/plain), and build again. `{command} -o dry-run` tells beforehand whether it renders.",
            said=r"description failed to render",
        ),
        Row(
            "local-version",
            About.FILE,
            "Local version",
            why="{index} takes no version with a `+`.",
            step="Build from a clean checkout of the release's tag, or take that part out of the version, and publish again.",
            said=r"use of local versions",
        ),
        Row(
            "platform-tag",
            About.FILE,
            "Linux wheel that is not manylinux or musllinux",
            why="{index} takes Linux wheels only as manylinux or musllinux.",
            step="Run `auditwheel repair` on this one, or build for all platforms with https://cibuildwheel.pypa.io.",
            said=r"unsupported platform tag '\w*linux",
        ),
        Row(
            "platform-tag-other",
            About.FILE,
            "Unknown platform",
            why="{index} doesn't know this wheel's platform.",
            step="Build it with a current https://cibuildwheel.pypa.io, or leave it out by giving the paths of the other"
            " files.",
            said=r"unsupported platform tag",
        ),
        Row(
            "metadata-version",
            About.FILE,
            "Metadata version",
            why="The build backend wrote a field or a version of the metadata that doesn't fit.",
            step="Update the backend under `[build-system]` in pyproject.toml (with hatchling, `core-metadata-version` of a"
            " build target sets it), and build again.",
            said=r"not a valid metadata version|introduced in metadata version",
        ),
        Row(
            "classifier",
            About.FILE,
            "Unknown classifier",
            why="{index} takes only classifiers from its list.",
            step="Take those in pyproject.toml from {site}/classifiers/, and build again.",
            said=r"not a valid classifier|The classifier .* has been deprecated",
        ),
        Row(
            "direct-dependency",
            About.FILE,
            "Dependency on a URL",
            why="{index} takes no dependency on a URL (`name @ https://...`).",
            step="Depend on a released version, and build again.",
            said=r"Can't have direct dependency",
        ),
        Row(
            "metadata",
            About.FILE,
            "Invalid metadata",
            why="{index} checks every field of the metadata against https://packaging.python.org/specifications/core-metadata.",
            step="Correct the field that it names in pyproject.toml, and run `hatch build --clean`.",
            said=r"specifications/(core-metadata|version-specifiers) for more information",
        ),
        Row(
            "license-file",
            About.FILE,
            "Missing license file",
            why="The metadata names a license file that isn't in {filename}.",
            step="Name only files that are there under `license-files` in pyproject.toml, and run `hatch build --clean`.",
            said=r"License-File .* does not exist in distribution file",
        ),
        Row(
            "filename",
            About.FILE,
            "File name that doesn't fit",
            why="The name of a file has to follow from its project, version and type.",
            step="Don't rename {filename}: run `hatch build --clean`, and publish what that makes.",
            said=r"^Filename '.*' (is invalid|should contain)|Start filename for|Invalid (source distribution|wheel) filename"
            r"|Invalid (project name|build number):|Version in filename should be|Invalid file extension"
            r"|Cannot upload a file with"
            r"|^filename '.*' does not (contain version|match project name)|not a valid archive name|Bad filename",
        ),
        Row(
            "filename-length",
            About.FILE,
            "File name too long",
            why="The name of the file is longer than {index} can store.",
            step="Shorten the version, the build tag or the platform tags of {filename}, and build it again.",
            said=r"Filename is too long",
        ),
        Row(
            "entry-points",
            About.FILE,
            "Invalid entry points",
            why="The names of scripts have only letters, digits, `.`, `-` and `_`, and each has a value `module:function`.",
            step="Correct `[project.scripts]`, `[project.gui-scripts]` and `[project.entry-points]` in pyproject.toml, and run"
            " `hatch build --clean`.",
            said=r"invalid entry points",
        ),
        Row(
            "digest",
            About.FILE,
            "File that changed while it was sent",
            why="{filename} changed while it was sent, or was damaged on the way.",
            step="Make sure that nothing writes to it, and publish again.",
            said=r"digest supplied does not match|hash mismatch",
        ),
        Row(
            "attestations",
            About.FILE,
            "Attestations that don't fit",
            why="An attestation counts only if the job that publishes {filename} by Trusted Publishing made it for this very"
            " file.",
            step="Delete the `.attestation` files next to it and publish without them, or let that job make them:"
            " https://docs.pypi.org/attestations/.",
            said=r"Invalid attestations supplied",
        ),
        Row(
            "encrypted-code",
            About.FILE,
            "Encrypted code",
            why="{index} takes no encrypted code.",
            step="Build {filename} from readable sources, and publish again.",
            said=r"(PyArmor|SourceDefender)-encrypted content is not allowed",
        ),
        Row(
            "archive",
            About.FILE,
            "Archive that isn't packed as it should be",
            why="{filename} isn't packed as {index} wants it (https://docs.pypi.org/archives).",
            step="Run `hatch build --clean`, and publish what that makes without repacking it.",
            said=r"Invalid distribution file|does not contain the required \S+ file",
        ),
    ),
)

_SITE = Group(
    "An index that takes nothing now, and rate limits",
    (
        Row(
            "read-only",
            About.SITE,
            "Uploads that are switched off",
            why="{index} takes no files from anybody now; your file and credential are not the reason.",
            step="{outages} When it is over, " + _PUBLISH_AGAIN,
            said=r"Read-only mode|New uploads are temporarily disabled",
        ),
        Row(
            "no-new-projects",
            About.SITE,
            "New projects that are switched off",
            why="{index} creates no new projects now, for anybody.",
            step="{outages} When it is over, " + _PUBLISH_AGAIN,
            said=r"New project registration temporarily disabled",
        ),
        Row(
            "new-projects",
            About.RATE_LIMIT,
            "Too many new projects",
            why="{index} counts every try to create a project, also one that fails{allowance}.",
            step="Publish again {when}.",
            said=r"Too many new projects created",
            statuses=(429,),
        ),
        Row(
            "too-many-requests-for-new-project",
            About.RATE_LIMIT,
            "Too many requests, for a project that is new",
            why="{host} takes only so many requests in a given time, and each try to create a project may count.",
            step="Publish again {when}.",
            statuses=(429,),
            when=_creates_project,
        ),
        Row(
            "too-many-requests",
            About.RATE_LIMIT,
            "Too many requests",
            why="{host} takes only so many requests in a given time.",
            step="Publish again {when}; files that arrived are passed over.",
            statuses=(429,),
            retry=True,
        ),
    ),
)

_ADDRESS = Group(
    "The upload URL and the way to it",
    (
        Row(
            "https",
            About.ADDRESS,
            "URL without https",
            why="{host} takes nothing that is not encrypted.",
            step="Write the upload URL with https: {https_url}",
            said=r"SSL is required",
        ),
        Row(
            "redirect",
            About.ADDRESS,
            "URL that points on to another one",
            why="{answered} points on to {location}, where neither the file nor the credential was sent.",
            step="If that is the right upload URL, configure it or give it with `-r`; if it is a login page, the credential"
            " wasn't taken.",
            statuses=range(300, 400),
        ),
        Row(
            "pypi-address",
            About.ADDRESS,
            "Another address of PyPI",
            why="{index} takes uploads at {upload_url} alone.",
            step="Run `hatch publish -p tokenindex -r {upload_name}`.",
            statuses=(404, 405, 410),
            when=_at_another_address_of_pypi,
        ),
        Row(
            "no-upload-address",
            About.ADDRESS,
            "URL that takes no uploads",
            why="{url} takes no uploads: it may be the simple API, which installers read, or a web page.",
            step="Look up the index's upload URL and configure it, or give it with `-r`.",
            statuses=(405, 410),
            when=_elsewhere,
        ),
        Row(
            "not-found-gitlab",
            About.ADDRESS,
            "Unknown project of GitLab",
            why="GitLab says this for a project that doesn't exist, and to a credential that may not see it. {wants}",
            step="Check the project's ID in the URL, and the credential.",
            statuses=(404,),
            when=_at_gitlab,
        ),
        Row(
            "not-found",
            About.ADDRESS,
            "URL that doesn't exist",
            why="{host} takes no uploads at {url}, or hides it from this credential.",
            step="Look up the index's upload URL and configure it, or give it with `-r`.",
            statuses=(404,),
            when=_elsewhere,
        ),
        Row(
            "proxy-credential",
            About.ADDRESS,
            "Proxy that wants a password",
            why="The proxy on the way wants a user name and a password.",
            step="Set them in HTTPS_PROXY and HTTP_PROXY (`http://USER:PASSWORD@HOST:PORT`).",
            statuses=(407,),
        ),
    ),
)

_OTHER_INDEXES = Group(
    "Other indexes than PyPI",
    (
        # Azure, CodeArtifact, Gitea and pypiserver answer 409 for a file that exists, GitLab, Google and Nexus 400,
        # Artifactory 403.
        Row(
            "file-exists-elsewhere",
            About.FILE,
            "File that exists",
            why="{host} has a {filename} already and doesn't replace files.",
            step=_RAISE_THE_VERSION,
            said=r"already (been taken|exist|contain|present)|updating asset|cannot be updated|overwrite (all )?artifact",
            statuses=(400, 403, 409),
            when=_elsewhere,
            exists=True,
        ),
        Row(
            "conflict",
            About.FILE,
            "Conflict without a word",
            why="Most likely {host} has a {filename} already and doesn't replace files.",
            step=_RAISE_THE_VERSION,
            statuses=(409,),
            when=_elsewhere,
            exists=True,
        ),
        # By RFC 9110, a 401 is always about the credential, and a 403 may be answered with another one. A 403 without a
        # word is what pypiserver gives for a wrong password; PyPI always gives a reason, so one without comes from
        # something in between, and is nothing to change a token for.
        Row(
            "credential-missing",
            About.CREDENTIAL,
            "No credential",
            why="{host} wants a user name and a secret. {wants}",
            step="{change}",
            statuses=(401, 403),
            when=_without_credential,
            good_elsewhere=True,
        ),
        Row(
            "token-rights",
            About.CREDENTIAL,
            "Token that is not for uploads",
            why="The token is good, but not for uploads. {wants}",
            step="{change}",
            said=r"insufficient_scope|higher privileges than provided|reqPackageAccess",
            statuses=(401, 403),
            when=_elsewhere,
            good_elsewhere=True,
        ),
        Row(
            "token-expired-elsewhere",
            About.CREDENTIAL,
            "Token of another index that has expired",
            why="The token has expired. {wants}",
            step="{change}",
            said=r"\bexpired\b",
            statuses=(401, 403),
            when=_elsewhere,
        ),
        Row(
            "credential",
            About.CREDENTIAL,
            "Wrong user name or secret",
            why="{host} doesn't take this user name with this secret. {wants}",
            step="{change}",
            statuses=(401,),
        ),
        Row(
            "credential-or-right",
            About.CREDENTIAL,
            "Wrong secret, or no right to upload",
            why="Either the secret is wrong, or its user may not upload there; {host} doesn't tell which. {wants}",
            step="{change}",
            said=_NO_WORDS,
            statuses=(403,),
            when=_elsewhere,
            good_elsewhere=True,
        ),
        Row(
            "no-permission",
            About.PROJECT,
            "No right to upload",
            why="{host} knows this user, who may not upload there.",
            step="Ask whoever runs it for the right to upload, or use another user.",
            said=r"permission|not authorized|not allowed|privilege|access (is |to .* is )?(denied|forbidden)",
            statuses=(403,),
            when=_elsewhere,
        ),
    ),
)

_SERVER = Group(
    "Servers that fail",
    (
        Row(
            "body-size",
            About.FILE,
            "File too large for the server",
            why="{host}, or a proxy in front of it, takes no file as large as {filename}.",
            step="Ask whoever runs it to raise the limit (with nginx: client_max_body_size).",
            statuses=(413,),
        ),
        Row(
            "server-timeout",
            About.SITE,
            "Server that stopped waiting",
            why="The server stopped waiting for the file.",
            step="Try a faster connection, and " + _PUBLISH_AGAIN,
            statuses=(408,),
            retry=True,
        ),
        Row(
            "server-error",
            About.SITE,
            "Server that failed",
            why="The trouble is on the side of {host} and often passes.",
            step="{soon}, " + _PUBLISH_AGAIN + " {outages}",
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
"""The whole table. The order counts: the first row that fits an answer is the one."""

NO_ANSWER_ROWS: Mapping[NoAnswer, Row] = {
    NoAnswer.NAME: Row(
        "host-unknown",
        About.ADDRESS,
        "Unknown host",
        why="No host of that name is known to this machine.",
        step="Check the spelling of {host} in the upload URL, and whether this machine is online or needs a VPN.",
    ),
    NoAnswer.REFUSED: Row(
        "connection-refused",
        About.SITE,
        "Refused connection",
        why="Nothing listens at {host}.",
        step="Check the host and port of the upload URL, and whether the server runs. {outages}",
        retry=True,
    ),
    NoAnswer.UNREACHABLE: Row(
        "host-unreachable",
        About.SITE,
        "Host out of reach",
        why="Nothing was sent: there was no way from this machine to {host}.",
        step="Check whether this machine is online, and whether {host} needs a VPN or a proxy. {outages}",
        retry=True,
    ),
    NoAnswer.CERTIFICATE: Row(
        "certificate",
        About.ADDRESS,
        "Certificate that is not trusted",
        why="Nothing was sent: who answers for {host} can't prove to be it.",
        step="If your organization signs certificates itself, or looks into encrypted traffic, give its CA with"
        " `--ca-cert FILE`. If not, somebody may be listening in: try another network, and ask whoever runs {host}.",
    ),
    NoAnswer.TLS: Row(
        "tls",
        About.ADDRESS,
        "No encrypted connection",
        why="Nothing was sent: what answers at {host} speaks no https, or none that this machine can agree to.",
        step="Check scheme, host and port of the upload URL. If the index wants a client certificate, give it with"
        " `--client-cert FILE`.",
    ),
    NoAnswer.PROXY: Row(
        "proxy",
        About.ADDRESS,
        "Proxy that refuses",
        why="Nothing was sent: the proxy wants a user name and password, or doesn't let anybody through to {host}.",
        step="Check the proxy in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY (`http://USER:PASSWORD@HOST:PORT`); to go without it,"
        " set NO_PROXY={host}.",
    ),
    NoAnswer.PROXY_FAILED: Row(
        "proxy-failed",
        About.ADDRESS,
        "Proxy that fails",
        why="Nothing was sent: the proxy can't be reached, or can't reach {host}.",
        step="Check the proxy in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; to go without it, set NO_PROXY={host}.",
        retry=True,
    ),
    NoAnswer.TIMEOUT: Row(
        "time-out",
        About.SITE,
        "No answer in time",
        why="The file may have arrived all the same.",
        step="So " + _PUBLISH_AGAIN + " For a slow index, add `-o timeout=900` (seconds).",
        retry=True,
    ),
    NoAnswer.LOST: Row(
        "connection-lost",
        About.SITE,
        "Connection that broke off",
        why="The file may have arrived all the same.",
        step=f"So {_PUBLISH_AGAIN} If it breaks off every time, ask whoever runs {{host}} whether it lets files of this"
        " size through.",
        retry=True,
    ),
}
