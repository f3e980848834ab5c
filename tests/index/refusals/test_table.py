"""Errors from an index: each is replayed as the server sends it, and the message to the user is checked."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from attempts import Facts, refusal, response, unreachable

from hatch_tokenindex.index.refusals import (
    ROWS,
    ConnectionFailure,
    Doubt,
    Refusal,
    Response,
)
from hatch_tokenindex.index.refusals.placeholders import about_attempt
from hatch_tokenindex.secrets import Redactor

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
HTML = "text/html; charset=UTF-8"
PLAIN = "text/plain; charset=utf-8"
REDACT = Redactor(()).redact

PYPI = Facts()
PYPI_WHEEL = replace(PYPI, filename="demo_project-1.0-cp313-cp313-linux_x86_64.whl")
ASKED = replace(PYPI, source="the keyring", typed=True)
PASSWORD = replace(ASKED, user="jane")
NARROWED = replace(PYPI, narrowed=True)
MINTED = replace(PYPI, source="Trusted Publishing (GitHub Actions)", minted=True, narrowed=True)
QUARANTINED = replace(PYPI, quarantined=True)
TESTPYPI = replace(PYPI, repository="test", url="https://test.pypi.org/legacy/")


def at(url: str, user: str = "jane", source: str = "[private] of ~/.pypirc") -> Facts:
    return replace(PYPI, repository="private", url=url, user=user, source=source)


PYPISERVER = at("http://127.0.0.1:8080/")
DEVPI = at("https://devpi.example.org/jane/dev/")
GITLAB = at("https://gitlab.example.org/api/v4/projects/7/packages/pypi", user="__token__")
NEXUS = at("https://nexus.example.org/repository/pypi-local/")
ARTIFACTORY = at("https://example.jfrog.io/artifactory/api/pypi/pypi-local")
GITEA = at("https://gitea.example.org/api/packages/jane/pypi")
AZURE = at("https://pkgs.dev.azure.com/org/_packaging/feed/pypi/upload/")
CODEARTIFACT = at("https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/main/", user="aws")
CLOUDSMITH = at("https://python.cloudsmith.io/acme/main/", user="__token__", source="HATCH_INDEX_AUTH")
SIMPLE = at("https://nexus.example.org/repository/pypi-local/simple/")
UNNAMED = replace(PYPI, project="UNKNOWN", filename="UNKNOWN-0.0.0.tar.gz", version="0.0.0")
GOOGLE = at("https://europe-west1-python.pkg.dev/acme/main/", user="oauth2accesstoken")

# As Pyramid puts them in front of what Warehouse says.
EXPLANATIONS = {
    308: ("Permanent Redirect", "The resource has been moved to"),
    400: (
        "Bad Request",
        "The server could not comply with the request since it is either malformed or otherwise incorrect.",
    ),
    403: ("Forbidden", "Access was denied to this resource."),
    409: ("Conflict", "There was a conflict when trying to complete your request."),
    410: ("Gone", "This resource is no longer available.  No forwarding address is given."),
    429: (
        "Too Many Requests",
        "The action could not be performed because there were too many requests by the client.",
    ),
}


@dataclass(frozen=True)
class Case:
    """One refusal, in each form in which the server gives it.

    `said` has to be shown first; `step` holds texts that the suggested fix has to contain.
    """

    title: str
    answers: Mapping[str, Response]
    said: str
    step: tuple[str, ...]
    sent: Facts

    def __str__(self) -> str:
        return f"{self.title}-{self.sent.host}"

    @property
    def refused(self) -> Refusal:
        """The first form, read."""
        return refusal(next(iter(self.answers.values())), self.sent, REDACT)


def explained(status: int, detail: str, line_end: str, headers: tuple[tuple[str, str], ...]) -> str:
    """The body of Pyramid's templates, where `line_end` is a newline or `<br/>`."""
    explanation = EXPLANATIONS[status][1]
    if status == 308:
        return f"{explanation} {dict(headers)['Location']}; you should be redirected automatically.\n{detail}\n"
    return f"{explanation}{line_end}{line_end}\n{detail}\n\n"


def warehouse(
    title: str,
    status: int,
    text: str,
    *step: str,
    sent: Facts = PYPI,
    only_in_the_status_line: bool = False,
    said: str = "",
    headers: tuple[tuple[str, str], ...] = (),
) -> list[Case]:
    """A refusal of PyPI's in the forms that it has by `Accept` and by HTTP version, byte for byte."""
    phrase = EXPLANATIONS[status][0]
    detail = "" if only_in_the_status_line else text
    reason = text.encode("latin-1", "replace").decode("latin-1")
    code = f"{status} {reason}"
    document = {"message": explained(status, detail, "\n", headers), "code": code, "title": phrase}
    page = (
        f"<html>\n <head>\n  <title>{code}</title>\n </head>\n <body>\n  <h1>{code}</h1>\n"
        f"  {explained(status, html.escape(detail), '<br/>', headers)}\n </body>\n</html>"
    )
    plain = f"{code}\n\n{explained(status, detail, chr(10), headers)}"
    forms = {
        "json over HTTP/1.1": (reason, JSON, json.dumps(document)),
        "json over HTTP/2": ("", JSON, json.dumps(document)),
        "html over HTTP/1.1": (reason, HTML, page),
        "html over HTTP/2": ("", HTML, page),
        "plain": (reason, "text/plain; charset=UTF-8", plain),
        "reason alone": (reason, "", ""),
    }
    answers = {
        form: response(status, line, {"Content-Type": kind, **dict(headers)}, body.encode(), sent.url)
        for form, (line, kind, body) in forms.items()
    }
    return [Case(title, answers, said or text, step, sent)]


def other(
    title: str,
    answer: tuple[int, str, str, str],
    said: str,
    *step: str,
    sent: Facts,
    headers: tuple[tuple[str, str], ...] = (),
) -> list[Case]:
    """An answer of another server: status, reason, content type, body."""
    status, reason, kind, body = answer
    headers = (("content-type", kind), *headers) if kind else headers
    return [Case(title, {"": response(status, reason, dict(headers), body.encode(), sent.url)}, said, step, sent)]


HELP = "https://pypi.org/help/"
CORE_METADATA = "See https://packaging.python.org/specifications/core-metadata for more information."
TOKENS = "https://pypi.org/manage/account/token/"
MANAGE = "https://pypi.org/manage/project/demo-project/"
LIMITS = "https://docs.pypi.org/project-management/storage-limits"
RATE_LIMIT = (
    (
        "RateLimit-Policy",
        '"project.create.ip";q=40;w=3600;pk=:ip:, "project.create.user";q=20;w=3600;pk=:user:',
    ),
    ("RateLimit", '"project.create.ip";r=19;t=1500, "project.create.user";r=0;t=1500'),
    ("Date", "Sat, 21 Nov 2026 14:39:00 GMT"),
)


def in_metadata(problem: str, title: str = "Invalid metadata", *step: str) -> list[Case]:
    return warehouse(title, 400, f"{problem}. {CORE_METADATA}", *step)


def in_archive(why: str) -> list[Case]:
    return warehouse("Invalid archive", 400, f"Invalid distribution file. {why}", "https://docs.pypi.org/archives")


WAREHOUSE_CASES = [
    *warehouse(
        "Project named UNKNOWN",
        403,
        f"The user 'jane' isn't allowed to upload to project 'UNKNOWN'. See {HELP}#project-name for more information.",
        "`setuptools>=61`",
        sent=UNNAMED,
    ),
    *warehouse(
        "Project named UNKNOWN",
        400,
        f"The name 'UNKNOWN' isn't allowed. See {HELP}#project-name for more information.",
        "`name` under `[project]`",
        sent=UNNAMED,
    ),
    # The checks of an upload, in the server's order
    *warehouse(
        "Uploads disabled",
        403,
        "Read-only mode: Uploads are temporarily disabled.",
        "https://status.python.org",
        "files already uploaded are skipped",
    ),
    *warehouse(
        "Uploads disabled",
        403,
        f"New uploads are temporarily disabled. See {HELP}#admin-intervention for more information.",
        "https://status.python.org",
    ),
    *warehouse(
        "Password instead of a token",
        403,
        "Username/Password authentication is no longer supported. Migrate to API Tokens or Trusted Publishers instead."
        f" See {HELP}#apitoken and {HELP}#trusted-publishers",
        "two-factor authentication",
        TOKENS,
        "`hatch publish -p tokenindex -r main -u __token__`",
        "https://docs.pypi.org/trusted-publishers/",
        sent=PASSWORD,
        only_in_the_status_line=True,
    ),
    *warehouse(
        "Unknown token",
        403,
        f"Invalid or non-existent authentication information. See {HELP}#invalid-auth for more information.",
        TOKENS,
        "set HATCH_INDEX_AUTH to it",
    ),
    *warehouse(
        "Expired Trusted Publishing token",
        403,
        f"Invalid or non-existent authentication information. See {HELP}#invalid-auth for more information.",
        "Run the job again",
        sent=MINTED,
    ),
    *warehouse(
        "Quarantined project",
        403,
        f"Invalid or non-existent authentication information. See {HELP}#invalid-auth for more information.",
        "quarantined Demo.Project",
        "https://pypi.org",
        sent=QUARANTINED,
    ),
    *warehouse(
        "Pending publisher for another name",
        400,
        "Non-user identities cannot create new projects. This was probably caused by successfully using a pending"
        " publisher but specifying the project name incorrectly (either in the publisher or in your project's"
        " metadata). Please ensure that both match. See: https://docs.pypi.org/trusted-publishers/troubleshooting/",
        "Demo.Project",
        "https://pypi.org/manage/account/publishing/",
        sent=MINTED,
    ),
    *warehouse(
        "No permission to upload to the project",
        403,
        f"The user 'jane' isn't allowed to upload to project 'demo-project'. See {HELP}#project-name for more"
        " information.",
        f"{MANAGE}collaboration/",
        "choose another `name`",
    ),
    *warehouse(
        "Workflow without a Trusted Publisher",
        403,
        f"The given token isn't allowed to upload to project 'demo-project'. See {HELP}#project-name for more"
        " information.",
        f"{MANAGE}settings/publishing/",
        sent=MINTED,
    ),
    *warehouse(
        "Unverified email address",
        403,
        "User 'jane', associated with the API token used, does not have a verified primary email address. Please add a"
        f" verified primary email before attempting to upload to PyPI. See {HELP}#verified-email for more information.",
        "https://pypi.org/manage/account/",
    ),
    *warehouse(
        "No two-factor authentication",
        403,
        "User 'jane', associated with the API token used, does not have two-factor authentication enabled. Please"
        f" enable two-factor authentication before attempting to upload to PyPI. See {HELP}#two-factor-authentication"
        " for more information.",
        "https://pypi.org/manage/account/two-factor/",
    ),
    *warehouse(
        "Inactive organization",
        400,
        "Organization account owning this project is inactive. This may be due to inactive billing for Company"
        " Organizations, or administrator intervention for Community Organizations. Please contact"
        " support+orgs@pypi.org.",
        "support+orgs@pypi.org",
    ),
    *warehouse(
        "README does not render",
        400,
        f"The description failed to render for 'text/x-rst'. See {HELP}#description-content-type for more information.",
        "`hatch publish -p tokenindex -r main -o dry-run`",
    ),
    *warehouse(
        "README does not render",
        400,
        f"The description failed to render in the default format of reStructuredText. See {HELP}"
        "#description-content-type for more information.",
        "text/markdown",
    ),
    *warehouse(
        "Invalid file name",
        400,
        "Cannot upload a file with non-printable characters (ordinals 0-31) or the DEL character (ordinal 127) in the"
        " name.",
    ),
    *warehouse("Invalid file name", 400, "Cannot upload a file with '/' or '\\' in the name."),
    *warehouse(
        "Invalid file name",
        400,
        "Invalid file extension: Extension .tar.bz2 is invalid for filetype sdist. See"
        " https://www.python.org/dev/peps/pep-0527 for more information.",
    ),
    *warehouse(
        "File too large",
        400,
        "File too large. Limit for project 'demo-project' is 100 MB. See"
        f" {LIMITS}#requesting-a-file-size-limit-increase for more information.",
        LIMITS,
    ),
    *warehouse(
        "Project too large",
        400,
        "Project size too large. Limit for project 'demo-project' total size is 10 GB. See"
        f" {LIMITS}#requesting-a-project-size-limit-increase",
        f"{MANAGE}releases/",
        LIMITS,
    ),
    *warehouse(
        "File changed during the upload",
        400,
        "The digest supplied does not match a digest calculated from the uploaded file.",
        "demo_project-1.0.tar.gz",
    ),
    *warehouse(
        "File exists with other content",
        400,
        f"File already exists ('demo_project-1.0.tar.gz', with blake2_256 hash '{'ab' * 32}'). See {HELP}"
        "#file-name-reuse for more information.",
        "Raise the version",
        "`hatch build --clean`",
    ),
    *warehouse(
        "File name used before",
        400,
        "This filename was previously used by a file that has since been deleted. Use a different version. See"
        f" {HELP}#file-name-reuse for more information.",
        "Raise the version",
    ),
    *warehouse(
        "Closed release",
        400,
        "Uploading new files to releases older than 14 days is not allowed.",
        "Release 1.0 is closed",
        "Raise the version",
    ),
    *warehouse(
        "Second sdist",
        400,
        "Only one sdist may be uploaded per release.",
        "the wheels alone",
    ),
    *warehouse(
        "Missing license file",
        400,
        "License-File LICENCE does not exist in distribution file demo_project-1.0.tar.gz at demo_project-1.0/LICENCE",
        "`license-files`",
    ),
    *warehouse(
        "Invalid archive",
        400,
        "Wheel 'demo_project-1.0-py3-none-any.whl' does not contain the required RECORD file:"
        " demo_project-1.0.dist-info/RECORD",
    ),
    *warehouse(
        "Invalid entry points",
        400,
        "Wheel 'demo_project-1.0-py3-none-any.whl' has invalid entry points defined in the entry_points.txt file",
    ),
    *warehouse("File name too long", 400, f"Filename is too long: '{'d' * 300}.whl'"),
    *warehouse(
        "Invalid attestations",
        400,
        "Invalid attestations supplied during upload: Attestations are only supported when using Trusted Publishing",
        "https://docs.pypi.org/attestations/",
    ),
    # The reasons against a token
    *warehouse(
        "Expired token",
        403,
        "Invalid API Token: token is expired, token is expired",
        TOKENS,
        said="Invalid API Token: token is expired",
    ),
    *warehouse(
        "Expired token, or a wrong clock",
        403,
        "Invalid API Token: token is expired, token is expired",
        "this machine's clock",
        said="Invalid API Token: token is expired",
        sent=NARROWED,
    ),
    *warehouse(
        "Expired Trusted Publishing token",
        403,
        "Invalid API Token: token is expired, token is expired",
        "15 minutes",
        said="Invalid API Token: token is expired",
        sent=MINTED,
    ),
    *warehouse(
        "Token for another project",
        403,
        "Invalid API Token: project-scoped token is not valid for project: 'demo-project', project-scoped token is not"
        " valid for project: 'demo-project', project-scoped token is not valid for project: 'demo-project'",
        "another project and can't upload Demo.Project",
        TOKENS,
        said="Invalid API Token: project-scoped token is not valid for project: 'demo-project'",
    ),
    *warehouse(
        "Workflow without a Trusted Publisher",
        403,
        "Invalid API Token: OIDC scoped token is not valid for project 'demo-project'",
        f"{MANAGE}settings/publishing/",
        sent=MINTED,
    ),
    *warehouse("Mistyped token", 403, "Invalid API Token: signatures do not match", TOKENS),
    *warehouse("Malformed token", 403, "Invalid API Token: malformed macaroon", "`pypi-`"),
    *warehouse(
        "Restricted token rejected",
        403,
        "Invalid API Token: caveat has unknown tag: 9, caveat has unknown tag: 9",
        "`hatch publish -p tokenindex -r main -o narrow-token=never`",
        said="Invalid API Token: caveat has unknown tag: 9",
        sent=NARROWED,
    ),
    *warehouse(
        "Revoked token",
        403,
        "Invalid API Token: current user does not match user restriction in token",
        TOKENS,
    ),
    # The name of a new project
    *warehouse(
        "Too many new projects",
        429,
        "Too many new projects created",
        "it allows 20 in 60 minutes",
        "in 25 minutes (at 2026-11-21 15:04 UTC)",
        headers=RATE_LIMIT,
    ),
    *warehouse(
        "New projects disabled",
        403,
        f"New project registration temporarily disabled. See {HELP}#admin-intervention for more information.",
        "https://status.python.org",
    ),
    *warehouse("Invalid name", 400, "The name 'Demo.Project!' is invalid.", "ASCII letters"),
    *warehouse(
        "Invalid name",
        400,
        "'Demo.Project!' is an invalid value for Name. Error: Start and end with a letter or numeral containing only"
        f" ASCII numeric and '.', '_' and '-'. {CORE_METADATA}",
        "ASCII letters",
    ),
    *warehouse(
        "Name of a standard library module",
        400,
        "The name 'demo-project' isn't allowed (conflict with Python Standard Library module name). See"
        f" {HELP}#project-name for more information.",
        "Choose another `name`",
    ),
    *warehouse(
        "Blocked name",
        400,
        f"The name 'demo-project' isn't allowed. See {HELP}#project-name for more information.",
        "Choose another `name`",
    ),
    *warehouse(
        "Name too similar to another",
        400,
        f"The name 'demo-project' is too similar to an existing project. See {HELP}#project-name for more information.",
        "similar letters",
    ),
    *warehouse(
        "Name taken a moment ago",
        409,
        f"The name 'demo-project' conflicts with an existing project. See {HELP}#project-name for more information.",
        "publish again",
    ),
    # Metadata
    *in_metadata("'2.9' is not a valid metadata version", "Metadata version", "core-metadata-version"),
    *in_metadata("license-file introduced in metadata version 2.4, not 2.1", "Metadata version"),
    *in_metadata(
        "'Framework :: Hatched' is not a valid classifier", "Unknown classifier", "https://pypi.org/classifiers/"
    ),
    *in_metadata("The classifier 'Natural Language :: Ukranian' has been deprecated", "Unknown classifier"),
    *in_metadata("Can't have direct dependency: x @ https://example.org/x.whl", "Dependency on a URL"),
    *in_metadata("'summary' must be a single line"),
    *in_metadata("'>=3.x' is invalid for 'requires-python'"),
    *in_metadata("'jane' is not a valid email address: The email address is not valid"),
    *warehouse(
        "Local version",
        400,
        "The use of local versions in '1.0+dirty' is not allowed. See"
        " https://packaging.python.org/specifications/version-specifiers#local-version-identifiers for more information.",
        "`+`",
    ),
    # Archives
    *in_archive("File is not a zipfile"),
    *in_archive(
        "ZIP archive not accepted: ZIP contains a data descriptor. See https://docs.pypi.org/archives for more information"
    ),
    *in_archive("PKG-INFO not found at demo_project-1.0/PKG-INFO"),
    *warehouse("Invalid archive", 400, "Invalid distribution file."),
    *warehouse(
        "Encrypted code",
        400,
        "Invalid distribution file. PyArmor-encrypted content is not allowed. See"
        " https://pypi.org/policy/acceptable-use-policy/ for more information.",
        "readable sources",
    ),
    # File names
    *warehouse("Invalid file name", 400, "Filename 'Demo-1.0.tar.gz' is invalid, should be 'demo_project-1.0.tar.gz'."),
    *warehouse("Invalid file name", 400, "Start filename for 'demo-project' with 'demo_project'."),
    *warehouse("Invalid file name", 400, "Invalid wheel filename (wrong number of parts): 'demo-1.0'"),
    *warehouse("Invalid file name", 400, "Version in filename should be '1.0' not '1.1'."),
    *warehouse(
        "Linux wheel without manylinux or musllinux tag",
        400,
        f"Binary wheel '{PYPI_WHEEL.filename}' has an unsupported platform tag 'linux_x86_64'.",
        "`auditwheel repair`",
        sent=PYPI_WHEEL,
    ),
    *warehouse(
        "Unknown platform",
        400,
        "Binary wheel 'demo_project-1.0-py3-none-macosx_99_0_arm64.whl' has an unsupported platform tag"
        " 'macosx_99_0_arm64'.",
        "https://cibuildwheel.pypa.io",
    ),
    # The address
    *warehouse(
        "Redirect",
        308,
        "An upload was attempted to /legacy but the expected upload URL is /legacy/ (with a trailing slash)",
        "https://upload.pypi.org/legacy/",
        sent=replace(PYPI, url="https://upload.pypi.org/legacy"),
        headers=(("Location", "https://upload.pypi.org/legacy/"),),
    ),
    *warehouse(
        "Wrong upload URL for PyPI",
        410,
        "This API has moved to https://upload.pypi.org/legacy/. See TODO for more information.",
        "https://upload.pypi.org/legacy/",
        "`hatch publish -p tokenindex -r main`",
        sent=replace(PYPI, repository="https://pypi.org/pypi", url="https://pypi.org/pypi"),
    ),
]

BOTTLE = """
    <!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">
    <html>
        <head>
            <title>Error: {status}</title>
            <style type="text/css">
              html {{background-color: #eee; font-family: sans;}}
              pre {{background-color: #eee; border: 1px solid #ddd; padding: 5px;}}
            </style>
        </head>
        <body>
            <h1>Error: {status}</h1>
            <p>Sorry, the requested URL <tt>&#039;http://127.0.0.1:8080/&#039;</tt>
               caused an error:</p>
            <pre>{text}</pre>
        </body>
    </html>
"""
NEXUS_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><title>400 - Nexus Repository Manager</title>
<link rel="stylesheet" type="text/css" href="https://nexus.example.org/static/css/nexus-content.css"/></head>
<body><div class="nexus-header"><a href="https://nexus.example.org">
<div class="product-id"><div class="product-id__line-1"><span class="product-name">Nexus Repository Manager</span></div>
<div class="product-id__line-2"><span class="product-spec">OSS 3.25.1-04</span></div></div></a></div>
<div class="nexus-body"><div class="content-header"><span class="title">Error 400</span>
<span class="description">Bad Request</span></div>
<div class="content-body"><div class="content-section">Repository does not allow updating assets: pypi-local
</div></div></div></body></html>
"""
NGINX = """<html>\r
<head><title>{status}</title></head>\r
<body>\r
<center><h1>{status}</h1></center>\r
<hr><center>nginx/1.24.0 (Ubuntu)</center>\r
</body>\r
</html>\r
"""
UNAUTHORIZED = (
    "This server could not verify that you are authorized to access the document you requested.  Either you supplied"
    " the wrong credentials (e.g., bad password), or your browser does not understand how to supply the credentials"
    " required.\n\n\n\n\n"
)

OTHER_CASES = [
    # Their duplicates
    *other(
        "File exists",
        (
            409,
            "Conflict",
            HTML,
            BOTTLE.format(
                status="409 Conflict",
                text="Package &#039;demo_project-1.0.tar.gz&#039; already exists!\n"
                "  You may start server with `--overwrite` option.",
            ),
        ),
        "Package 'demo_project-1.0.tar.gz' already exists!",
        "127.0.0.1:8080 already has demo_project-1.0.tar.gz",
        sent=PYPISERVER,
    ),
    *other(
        "File exists",
        (
            409,
            "demo_project-1.0.tar.gz already exists in non-volatile index",
            JSON,
            '{"message": "\\n\\n\\n\\n\\n", "code": "409 demo_project-1.0.tar.gz already exists in non-volatile index",'
            ' "title": "demo_project-1.0.tar.gz already exists in non-volatile index"}',
        ),
        "demo_project-1.0.tar.gz already exists in non-volatile index",
        sent=DEVPI,
    ),
    *other(
        "File exists",
        (400, "Bad Request", JSON, '{"message":"Validation failed: File name has already been taken"}'),
        "Validation failed: File name has already been taken",
        sent=GITLAB,
    ),
    *other(
        "File exists",
        (400, "Bad Request", JSON, '{"message":{"file_name":["has already been taken"]}}'),
        "file_name: has already been taken",
        sent=GITLAB,
    ),
    *other(
        "File exists",
        (400, "Repository does not allow updating assets: pypi-local", HTML, NEXUS_PAGE),
        "Repository does not allow updating assets: pypi-local",
        sent=NEXUS,
    ),
    *other(
        "File exists",
        (400, "", HTML, NEXUS_PAGE),
        "Nexus Repository Manager",
        sent=NEXUS,
    ),
    *other(
        "File exists",
        (400, "pypi-local/packages/demo-project/1.0/demo_project-1.0.tar.gz cannot be updated", "", ""),
        "pypi-local/packages/demo-project/1.0/demo_project-1.0.tar.gz cannot be updated",
        sent=NEXUS,
    ),
    *other(
        "File exists",
        (
            403,
            "",
            JSON,
            '{\n  "errors" : [ {\n    "status" : 403,\n    "message" : "Not enough permissions to delete/overwrite'
            " artifact 'pypi-local:demo-project/1.0/demo_project-1.0.tar.gz' (user 'jane' needs DELETE permission).\""
            "\n  } ]\n}",
        ),
        "Not enough permissions to delete/overwrite artifact"
        " 'pypi-local:demo-project/1.0/demo_project-1.0.tar.gz' (user 'jane' needs DELETE permission).",
        sent=ARTIFACTORY,
    ),
    *other(
        "File exists",
        (409, "Conflict", PLAIN, "package file already exists\n"),
        "package file already exists",
        sent=GITEA,
    ),
    *other(
        "File exists",
        (
            409,
            "Conflict",
            "application/json; charset=utf-8; api-version=7.1",
            '{"$id":"1","innerException":null,"message":"The feed \'feed\' already contains file'
            ' \'demo_project-1.0.tar.gz\' in package \'demo-project 1.0\'.","typeName":"Microsoft.X, Microsoft.Y",'
            '"typeKey":"X","errorCode":0,"eventId":3000}',
        ),
        "The feed 'feed' already contains file 'demo_project-1.0.tar.gz' in package 'demo-project 1.0'.",
        sent=AZURE,
    ),
    *other(
        "Conflict without a message",
        (409, "Conflict", "", ""),
        "409 Conflict",
        "Raise the version",
        sent=CODEARTIFACT,
    ),
    *other(
        "File exists",
        (400, "Bad Request", PLAIN, "demo_project-1.0.tar.gz already exists in repository main\n"),
        "demo_project-1.0.tar.gz already exists in repository main",
        sent=GOOGLE,
    ),
    # Their ways to refuse a credential
    *other(
        "Sign-in page instead of an answer (203)",
        (203, "Non-Authoritative Information", HTML, "<html><title>Azure DevOps Services | Sign In</title></html>"),
        "Azure DevOps Services | Sign In",
        "may have expired",
        "Packaging (read & write)",
        "replace the password from [private] of ~/.pypirc.",
        sent=AZURE,
    ),
    *other(
        "Windows login (NTLM or Kerberos)",
        (401, "Unauthorized", "", ""),
        "401 Unauthorized",
        "enable Basic authentication",
        sent=DEVPI,
        headers=(("www-authenticate", "Negotiate, NTLM"),),
    ),
    *other(
        "User name for Cloudsmith",
        (401, "", JSON, '{"detail": "Authentication credentials were not provided."}'),
        "Authentication credentials were not provided.",
        "`-u token`",
        "your user name, or `token`",
        sent=CLOUDSMITH,
    ),
    *other(
        "Wrong user name or password",
        (401, "", JSON, '{"detail": "Authentication credentials were not provided."}'),
        "Authentication credentials were not provided.",
        "with an API key",
        sent=replace(CLOUDSMITH, user="acme"),
    ),
    *other(
        "No credential",
        (401, "Unauthorized", HTML, BOTTLE.format(status="401 Unauthorized", text="None")),
        "401 Unauthorized",
        "`hatch publish -p tokenindex -r private`",
        sent=replace(PYPISERVER, user="", source=""),
    ),
    *other(
        "Wrong password, or no upload permission",
        (403, "Forbidden", HTML, BOTTLE.format(status="403 Forbidden", text="None")),
        "403 Forbidden",
        "replace the password from [private] of ~/.pypirc, or ask the administrator of 127.0.0.1:8080 for permission.",
        sent=PYPISERVER,
    ),
    *other(
        "Wrong user name or password",
        (
            401,
            "Unauthorized",
            JSON,
            json.dumps({"message": UNAUTHORIZED, "code": "401 Unauthorized", "title": "Unauthorized"}),
        ),
        "401 Unauthorized",
        "devpi.example.org",
        sent=DEVPI,
    ),
    *other(
        "No upload permission",
        (
            403,
            "no permission to submit",
            JSON,
            '{"message": "\\n\\n\\n\\n\\n", "code": "403 no permission to submit", "title": "no permission to submit"}',
        ),
        "no permission to submit",
        "devpi.example.org",
        sent=DEVPI,
    ),
    *other(
        "Wrong user name or password",
        (401, "Unauthorized", JSON, '{"message":"401 Unauthorized"}'),
        "401 Unauthorized",
        "CI_JOB_TOKEN",
        "scope `api`",
        sent=GITLAB,
    ),
    *other(
        "Wrong password, or no upload permission",
        (403, "Forbidden", JSON, '{"message":"403 Forbidden"}'),
        "403 Forbidden",
        "write_package_registry",
        sent=GITLAB,
    ),
    *other(
        "Token without upload permission",
        (
            403,
            "Forbidden",
            JSON,
            '{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by'
            ' the access token.","scope":"api"}',
        ),
        "The request requires higher privileges than provided by the access token.",
        "write_package_registry",
        sent=GITLAB,
    ),
    *other("Wrong user name or password", (401, "Unauthorized", "", ""), "401 Unauthorized", "Nexus", sent=NEXUS),
    *other("Wrong password, or no upload permission", (403, "", "", ""), "403 Forbidden", "Nexus", sent=NEXUS),
    *other(
        "Wrong user name or password",
        (401, "", JSON, '{"errors":[{"status":401,"message":"Bad credentials"}]}'),
        "Bad credentials",
        "identity token",
        sent=ARTIFACTORY,
    ),
    *other(
        "Expired token of another index",
        (403, "", JSON, '{"errors":[{"status":403,"message":"Token failed verification: expired"}]}'),
        "Token failed verification: expired",
        "identity token",
        sent=ARTIFACTORY,
    ),
    *other(
        "Token without upload permission",
        (401, "Unauthorized", PLAIN, "reqPackageAccess\n"),
        "reqPackageAccess",
        "`write:package`",
        sent=GITEA,
    ),
    *other(
        "No upload permission",
        (
            403,
            "Forbidden",
            JSON,
            '{"$id":"1","innerException":null,"message":"User \'jane\' lacks permission to complete this action. You'
            ' need to have \'AddPackage\'.","typeName":"X"}',
        ),
        "User 'jane' lacks permission to complete this action. You need to have 'AddPackage'.",
        sent=AZURE,
    ),
    *other(
        "Wrong user name or password",
        (401, "", HTML, "<html><body><form>Sign in</form></body></html>"),
        "401 Unauthorized",
        "Packaging (read & write)",
        sent=AZURE,
    ),
    *other(
        "Wrong user name or password",
        (401, "", JSON, '{"Message":"Unauthenticated: the request must include an authentication token."}'),
        "Unauthenticated: the request must include an authentication token.",
        "12 hours",
        sent=CODEARTIFACT,
    ),
    *other(
        "No upload permission",
        (
            403,
            "",
            JSON,
            '{"error":{"code":403,"message":"Permission \'artifactregistry.repositories.uploadArtifacts\' denied on'
            " resource '//artifactregistry.googleapis.com/projects/acme' (or it may not exist).\","
            '"status":"PERMISSION_DENIED"}}',
        ),
        "Permission 'artifactregistry.repositories.uploadArtifacts' denied on resource"
        " '//artifactregistry.googleapis.com/projects/acme' (or it may not exist).",
        sent=GOOGLE,
    ),
    *other(
        "Wrong user name or password",
        (401, "", "", ""),
        "401 Unauthorized",
        "`pipx inject hatch keyrings.google-artifactregistry-auth`",
        sent=GOOGLE,
    ),
    *other(
        "Wrong password, or no upload permission",
        (403, "", PLAIN, "Access Denied"),
        "Access Denied",
        "ask the administrator of nexus.example.org for permission",
        sent=NEXUS,
    ),
    *other(
        "Unrecognised rejection",
        (403, "", PLAIN, "The moon is full"),
        "The moon is full",
        "either the password is wrong, or the user lacks permission",
        "replace the password from [private] of ~/.pypirc, or ask the administrator of nexus.example.org",
        sent=NEXUS,
    ),
    *other(
        "Unrecognised rejection",
        (401, "", PLAIN, "TF400813: Resource not available for that user."),
        "TF400813: Resource not available for that user.",
        "Enter another one here, or ask the administrator of pkgs.dev.azure.com",
        sent=replace(AZURE, prompts=True),
    ),
    # Their file names, and digests
    *other(
        "Invalid file name",
        (
            400,
            "filename 'demo_project-1.0.tar.gz' does not contain version '2'",
            JSON,
            '{"message": "\\n\\n\\n\\n\\n", "code": "400 filename \'demo_project-1.0.tar.gz\' does not contain version'
            " '2'\", \"title\": \"filename 'demo_project-1.0.tar.gz' does not contain version '2'\"}",
        ),
        "filename 'demo_project-1.0.tar.gz' does not contain version '2'",
        sent=DEVPI,
    ),
    *other(
        "File changed during the upload", (400, "Bad Request", PLAIN, "hash mismatch\n"), "hash mismatch", sent=GITEA
    ),
    # Addresses
    *other(
        "URL without https",
        (403, "SSL is required", PLAIN, "SSL is required."),
        "SSL is required.",
        "https://packages.example.org/legacy/",
        sent=at("http://packages.example.org/legacy/"),
    ),
    *other(
        "Redirect",
        (302, "Found", "", ""),
        "302 Found",
        "https://devpi.example.org/login?next=x",
        "login page",
        sent=DEVPI,
        headers=(("location", "/login?next=x"),),
    ),
    *other(
        "Wrong upload URL for PyPI",
        (405, "", "", ""),
        "405 Method Not Allowed",
        "`hatch publish -p tokenindex -r test`",
        "https://test.pypi.org/legacy/",
        sent=at("https://test.pypi.org/simple/"),
    ),
    *other(
        "URL that doesn't accept uploads",
        (405, "Method Not Allowed", HTML, BOTTLE.format(status="405 Method Not Allowed", text="Method not allowed.")),
        "405 Method Not Allowed",
        "simple API",
        sent=at("http://127.0.0.1:8080/files/"),
    ),
    *other(
        "URL of the simple API",
        (405, "Method Not Allowed", "", ""),
        "405 Method Not Allowed",
        "the simple API",
        "Use https://nexus.example.org/repository/pypi-local/ or",
        sent=SIMPLE,
    ),
    *other(
        "URL of the simple API",
        (404, "Not Found", "", ""),
        "404 Not Found",
        "Use https://gitlab.example.org/api/v4/projects/7/packages/pypi or",
        sent=replace(GITLAB, url=f"{GITLAB.url}/simple"),
    ),
    *other("URL that doesn't accept uploads", (410, "", "", ""), "410 Gone", "`-r`", sent=NEXUS),
    *other(
        "Unknown URL",
        (404, "Not Found", JSON, '{\n  "message": "The stage jane/dev could not be found."\n}\n'),
        "The stage jane/dev could not be found.",
        "https://devpi.example.org/jane/dev/",
        sent=DEVPI,
    ),
    *other(
        "Unknown GitLab project",
        (404, "Not Found", JSON, '{"message":"404 Project Not Found"}'),
        "Project Not Found",
        "project's ID",
        "CI_JOB_TOKEN",
        sent=GITLAB,
    ),
    *other(
        "No valid client certificate",
        (400, "Bad Request", "text/html", NGINX.format(status="400 No required SSL certificate was sent")),
        "No required SSL certificate was sent",
        "--client-cert",
        sent=NEXUS,
    ),
    *other(
        "Proxy authentication",
        (407, "Proxy Authentication Required", "", ""),
        "407 Proxy Authentication Required",
        "HTTPS_PROXY",
        sent=PYPISERVER,
    ),
    # A success without the file
    *other(
        "Accepted, but not stored",
        (202, "Accepted", JSON, '{"task": "/pulp/api/v3/tasks/0192/"}'),
        "task: /pulp/api/v3/tasks/0192/",
        "logs of packages.example.org",
        sent=at("https://packages.example.org/pypi/main/legacy/"),
    ),
    *other(
        "Web page with a form",
        (200, "OK", HTML, "<html><title>Sign in to Example</title><form><input type=password></form></html>"),
        "Sign in to Example",
        "upload URL",
        sent=NEXUS,
    ),
    # Any server
    *other(
        "File too large for the server",
        (413, "Request Entity Too Large", "text/html", NGINX.format(status="413 Request Entity Too Large")),
        "413 Request Entity Too Large",
        "client_max_body_size",
        sent=GITEA,
    ),
    *(
        case
        for status, words in (
            (400, "Request Header Or Cookie Too Large"),
            (400, "Request header is too large"),
            (400, "Size of a request header field exceeds server limit."),
            (400, "Error parsing headers: 'limit request headers fields size'"),
        )
        for case in other(
            "Credential too long for the server",
            (status, "Bad Request", HTML, f"<html><center><h1>400 Bad Request</h1></center><center>{words}</center>"),
            words,
            "the password has 23 characters",
            "large_client_header_buffers",
            sent=NEXUS,
        )
    ),
    *other(
        "Request header too large",
        (431, "", "", ""),
        "431 Request Header Fields Too Large",
        "the token has 23 characters",
        sent=GITLAB,
    ),
    *other("Server timed out", (408, "", "", ""), "408 Request Timeout", sent=NEXUS),
    *other("Server timed out", (499, "Client Closed Request", "", ""), "Client Closed Request", sent=NEXUS),
    *other("Server error", (524, "", "", ""), "HTTP status 524", sent=NEXUS),
    *other(
        "Too many requests, for a new project",
        (429, "", PLAIN, "Retry later\n"),
        "Retry later",
        "in 2 minutes",
        sent=replace(GITLAB, creates_project=True),
        headers=(("Retry-After", "120"),),
    ),
    *other(
        "Too many requests",
        (429, "", PLAIN, "Retry later\n"),
        "Retry later",
        "in 2 minutes",
        sent=GITLAB,
        headers=(("Retry-After", "120"),),
    ),
    *other(
        "Server error",
        (
            500,
            "Internal Server Error",
            "text/html",
            "<html><head><title>Internal Server Error</title></head><body><h1><p>Internal Server Error</p></h1></body></html>",
        ),
        "500 Internal Server Error",
        "https://status.python.org",
        sent=PYPI,
    ),
    *other(
        "Server error",
        (
            503,
            "Backend fetch failed",
            HTML,
            '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html><head><title>503 Backend fetch failed'
            "</title></head><body><h1>Error 503 Backend fetch failed</h1><p>Backend fetch failed</p>"
            "<h3>Guru Mediation:</h3><p>Details: cache-ams-1 1771 22</p><hr><p>Varnish cache server</p></body></html>",
        ),
        "Backend fetch failed",
        "https://status.python.org",
        sent=PYPI,
    ),
    *other(
        "Server error",
        (502, "Bad Gateway", "text/html", NGINX.format(status="502 Bad Gateway")),
        "502 Bad Gateway",
        "contact the administrator of gitea.example.org",
        sent=GITEA,
    ),
]

CASES = [*WAREHOUSE_CASES, *OTHER_CASES]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_refusal_of_the_references(case: Case) -> None:
    for form, answer in case.answers.items():
        refused = refusal(answer, case.sent, REDACT)
        assert refused.said[0] == case.said, form
        assert (refused.row.title, refused.status) == (case.title, answer.status), form
        for text in case.step:
            assert text in str(refused.next_step), form


def test_pypi_is_quoted_once_in_every_form() -> None:
    for case in WAREHOUSE_CASES:
        for form, answer in case.answers.items():
            if answer.status != 308:
                assert refusal(answer, case.sent, REDACT).said == (case.said,), form


def test_words_beyond_latin_1_survive_pypi_s_status_line() -> None:
    text = "'Jan\u0117 \u20ac' is invalid for 'author'"
    [case] = warehouse("", 400, text)
    for form, answer in case.answers.items():
        said = text if answer.body else "'Jan? ?' is invalid for 'author'"
        assert refusal(answer, case.sent, REDACT).said == (said,), form


def test_every_row_of_the_table_is_played_back() -> None:
    assert [row.title for row in ROWS if row.title not in {case.title for case in CASES}] == []
    assert len({row.title for row in ROWS}) == len(ROWS)


def test_what_a_person_reads_is_clean() -> None:
    for case in CASES:
        for answer in case.answers.values():
            text = str(refusal(answer, case.sent, REDACT))
            assert not re.search(r"</?\w+[^>]*>|<!|&\w+;|&#|[{}]", text)
            assert "developer.mozilla.org" not in text
            assert all(character.isprintable() or character == "\n" for character in text)
            assert "  " not in re.sub("\n  (project|upload URL|credential) +", "\n", text).replace("\n  ", "\n")


def test_next_steps_are_short_sentences() -> None:
    for case in CASES:
        step = str(case.refused.next_step)
        assert len(step) <= 430
        assert step.endswith((".", "`", "/"))


def test_links_stay_on_the_site_that_refused() -> None:
    for case in WAREHOUSE_CASES:
        if case.title in {"URL without https", "Redirect", "Wrong upload URL for PyPI"}:
            continue
        answer = case.answers["json over HTTP/2"]
        for elsewhere in (TESTPYPI, at("https://packages.example.org/legacy/")):
            sent = replace(case.sent, repository=elsewhere.repository, url=elsewhere.url, source=elsewhere.source)
            step = str(refusal(answer, sent, REDACT).next_step)
            assert "https://pypi.org" not in step
            assert (f"{about_attempt(elsewhere.attempt)['site']}/" in step) == (
                "https://pypi.org/" in str(case.refused.next_step)
            )


def test_only_what_another_credential_mends_is_about_the_credential() -> None:
    assert {row.title for row in ROWS if row.about_credential} == {
        "Password instead of a token",
        "Expired Trusted Publishing token",
        "Unknown token",
        "Token for another project",
        "Expired token, or a wrong clock",
        "Expired token",
        "Mistyped token",
        "Malformed token",
        "Revoked token",
        "Sign-in page instead of an answer (203)",
        "No credential",
        "Token without upload permission",
        "Expired token of another index",
        "Wrong user name or password",
        "Wrong password, or no upload permission",
        "Unrecognised rejection",
        "Credential too long for the server",
        "Request header too large",
    }


def test_which_refusals_leave_a_credential_that_may_be_good_elsewhere() -> None:
    """A remembered one is kept then; any other that is refused is of no use."""
    assert {row.title for row in ROWS if row.good_elsewhere} == {
        "Token for another project",
        "No credential",
        "Token without upload permission",
        "Wrong password, or no upload permission",
        "Unrecognised rejection",
        "Credential too long for the server",
        "Request header too large",
    }


def test_the_fix_is_one_imperative_sentence() -> None:
    for step in (*(case.refused.step for case in CASES), *(kind.value.step for kind in ConnectionFailure)):
        assert not re.search(r"[.!?] [A-Z]", step), step
        assert step[:1].isupper(), step


def test_which_refusals_call_a_token_expired() -> None:
    assert {case.title for case in CASES if case.refused.calls_token_expired} == {
        "Expired token",
        "Expired token, or a wrong clock",
        "Expired Trusted Publishing token",
    }


def test_what_is_worth_another_try_with_the_same_bytes() -> None:
    assert {row.title for row in ROWS if row.retry} == {
        "Name taken a moment ago",
        "Too many requests",
        "Server timed out",
        "Server error",
    }
    assert {kind for kind in ConnectionFailure if not kind.value.retry} == {
        ConnectionFailure.NAME,
        ConnectionFailure.CERTIFICATE,
        ConnectionFailure.CERTIFICATE_TIME,
        ConnectionFailure.CLIENT_CERTIFICATE,
        ConnectionFailure.TLS,
        ConnectionFailure.PROXY,
    }


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        pytest.param(response(403, "", {}, b"", PYPI.url), PYPI, id="PyPI always gives a reason"),
        pytest.param(response(203, "", {}, b"", PYPI.url), PYPI, id="203 that PyPI doesn't send"),
        pytest.param(response(400, "", {}, b"", NEXUS.url), NEXUS, id="bare 400"),
        pytest.param(response(400, "Unknown protocol version.", {}, b"", PYPI.url), PYPI, id="nothing that we send"),
        pytest.param(response(418, "", {}, b"", PYPI.url), PYPI, id="teapot"),
        pytest.param(response(404, "", {}, b"", PYPI.url), PYPI, id="404 at the right URL of PyPI"),
        pytest.param(response(409, "Conflict", {}, b"", PYPI.url), PYPI, id="409 that PyPI doesn't send"),
        pytest.param(response(999, "", {}, b"", PYPI.url), PYPI, id="no status of HTTP"),
    ],
)
def test_what_is_not_recognised_is_shown_and_not_guessed_at(answer: Response, sent: Facts) -> None:
    refused = refusal(answer, sent, REDACT)
    assert (refused.row.title, refused.row.about_credential, refused.row.retry, refused.next_step) == (
        "Unrecognised response",
        False,
        False,
        None,
    )
    assert refused.said[0]
    assert str(refused).endswith(f"Fix: contact the administrator of {sent.host} and quote the message above.")


def test_a_windows_login_beside_basic_authentication_is_about_the_credential() -> None:
    for challenge in ('Basic realm="x", NTLM', 'Negotiate, basic realm="x"', ""):
        answer = response(401, "", {"WWW-Authenticate": challenge}, b"", NEXUS.url)
        assert refusal(answer, NEXUS, REDACT).row.title == "Wrong user name or password"


# No answer


@pytest.mark.parametrize(
    ("kind", "detail", "step"),
    [
        (ConnectionFailure.NAME, "[Errno -2] Name or service not known", "spelling of upload.pypi.org"),
        (
            ConnectionFailure.REFUSED,
            "[Errno 111] Connection refused",
            "no server listens at upload.pypi.org",
        ),
        (ConnectionFailure.UNREACHABLE, "[Errno 101] Network is unreachable", "this machine is online"),
        (ConnectionFailure.CERTIFICATE, "[SSL: CERTIFICATE_VERIFY_FAILED]", "`--ca-cert FILE`"),
        (ConnectionFailure.CERTIFICATE_TIME, "certificate has expired", "date and time of this machine"),
        (ConnectionFailure.CLIENT_CERTIFICATE, "alert certificate required", "`--client-cert FILE`"),
        (ConnectionFailure.TLS, "[SSL: WRONG_VERSION_NUMBER]", "`--client-cert FILE`"),
        (ConnectionFailure.PROXY, "407 Proxy Authentication Required", "NO_PROXY=upload.pypi.org"),
        (ConnectionFailure.PROXY_FAILED, "502 Bad Gateway", "HTTPS_PROXY"),
        (ConnectionFailure.TIMEOUT, "", "`-o timeout=900`"),
        (
            ConnectionFailure.LOST,
            "[Errno 104] Connection reset by peer",
            "files already uploaded are skipped",
        ),
    ],
)
def test_every_way_to_get_no_answer_is_explained(kind: ConnectionFailure, detail: str, step: str) -> None:
    refused = unreachable(kind, detail, PYPI, REDACT)
    said = f"{kind.value.title}."
    assert refused.said == ((said, detail) if detail else (said,))
    assert refused.status is None
    assert step in str(refused.next_step)
    text = str(refused)
    assert text.startswith(f"Could not upload demo_project-1.0.tar.gz to PyPI\n\n  {said}\n")
    was_sent = kind in {ConnectionFailure.TIMEOUT, ConnectionFailure.LOST}
    assert (refused.doubt is Doubt.NO_RESPONSE) == was_sent
    assert ("possibly uploaded" in text, "Nothing was " in text) == (was_sent, not was_sent)


# What a person reads


def test_a_limit_of_new_projects_without_headers() -> None:
    answer = response(429, "Too many new projects created", {}, b"", PYPI.url)
    assert str(refusal(answer, PYPI, REDACT).next_step).endswith("counts failed attempts too. Publish again later.")


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "Publish again in a few minutes;"),
        ({"Retry-After": "3600"}, "Publish again in 60 minutes;"),
        (
            {"Retry-After": "3600", "Date": "Sat, 21 Nov 2026 14:39:00 GMT"},
            "Publish again in 60 minutes (at 2026-11-21 15:39 UTC);",
        ),
    ],
)
def test_when_to_try_a_server_again_that_failed(headers: dict[str, str], told: str) -> None:
    assert told in str(refusal(response(503, "", headers, b"", NEXUS.url), NEXUS, REDACT).next_step)


def test_a_refusal_is_told_in_three_parts() -> None:
    [case, *_] = warehouse("", 403, "Invalid API Token: signatures do not match")
    assert str(case.refused).splitlines() == [
        "PyPI rejected demo_project-1.0.tar.gz (403)",
        "",
        "  Invalid API Token: signatures do not match",
        "",
        "  project      Demo.Project 1.0",
        "  upload URL   https://upload.pypi.org/legacy/",
        "  credential   __token__, token from HATCH_INDEX_AUTH",
        "",
        "This is not a token that PyPI issued: a character is missing or wrong.",
        "Fix: copy it again in full, or create a new one at https://pypi.org/manage/account/token/, and set"
        " HATCH_INDEX_AUTH to it.",
    ]


def test_without_a_credential_it_says_how_to_give_one() -> None:
    sent = replace(PYPISERVER, user="", source="")
    refused = refusal(response(401, "", {}, b"", sent.url), sent, REDACT)
    assert "  credential   none\n" in str(refused)
    assert refused.next_step == (
        "127.0.0.1:8080 requires a user name and password. Run `hatch publish -p tokenindex -r private` at a terminal"
        " to be prompted for them, or set HATCH_INDEX_USER and HATCH_INDEX_AUTH."
    )


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (PYPI, "and set HATCH_INDEX_AUTH to it."),
        (replace(PYPI, source="--auth"), "and use it instead of the one from --auth."),
        (
            replace(PYPI, user="jane"),
            "and set HATCH_INDEX_AUTH to it, with the user name `__token__`.",
        ),
        (
            replace(PYPI, source="`auth-command` of [publish.tokenindex] in config.toml"),
            "and use it instead of the one from `auth-command` of [publish.tokenindex] in config.toml.",
        ),
        (ASKED, "and paste it when `hatch publish -p tokenindex -r main -u __token__` prompts for it."),
        (replace(ASKED, repository="https://x.example/a b"), "-r 'https://x.example/a b' -u"),
    ],
)
def test_how_to_give_a_new_token(sent: Facts, told: str) -> None:
    answer = response(403, "Invalid API Token: token is expired", {}, b"", sent.url)
    assert told in str(refusal(answer, sent, REDACT).next_step)


@pytest.mark.parametrize(("user", "word"), [("__token__", "token"), ("jane", "password")])
def test_a_secret_is_called_what_it_is(user: str, word: str) -> None:
    sent = at("https://packages.example.org/", user, "HATCH_INDEX_AUTH")
    refused = refusal(response(401, "", {}, b"", sent.url), sent, REDACT)
    assert f"  credential   {user}, {word} from HATCH_INDEX_AUTH\n" in str(refused)
    assert refused.next_step == (
        f"packages.example.org rejected the user name and {word}. Check the user name, and replace the {word} from"
        f" HATCH_INDEX_AUTH."
    )


@pytest.mark.parametrize(
    ("sent", "status", "reason", "told"),
    [
        (ASKED, 403, "Invalid API Token: token is expired", "and paste it here."),
        (PYPISERVER, 401, "", "Enter another one here."),
    ],
)
def test_how_to_go_on_where_this_run_asks_again(sent: Facts, status: int, reason: str, told: str) -> None:
    refused = refusal(response(status, reason, {}, b"", sent.url), replace(sent, prompts=True), REDACT)
    assert told in str(refused.next_step)


def test_a_redirect_to_what_is_no_url_is_quoted_as_it_came() -> None:
    refused = refusal(response(302, "Found", {"Location": "https://[nowhere"}, b"", PYPI.url), PYPI, REDACT)
    assert "https://upload.pypi.org/legacy/ redirects to https://[nowhere. The redirect was" in str(refused.next_step)
