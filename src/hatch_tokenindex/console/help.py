"""What `-o help` prints: Hatch's own `--help` can't be extended by a publisher."""

from __future__ import annotations

HELP = """\
hatch publish -p tokenindex [ARTIFACTS]...

Uploads the wheels and sdists of dist/, or those that are named, each project with its own credential.
All flags of `hatch publish` and their HATCH_INDEX_* variables work. These options go with -o:

  explain               show which credential would be used for each project, and why; uploads nothing
  dry-run               do everything but the upload, and print the plan
  all-versions          publish files of several versions of a project from dist/
  wait[=SECONDS]        afterwards, wait until the index lists every file (900 seconds, if none are given)
  json                  the result as a JSON document on standard output
  help                  this text

  repo=NAME             repository: main (PyPI), test (TestPyPI), a configured one, a section of ~/.pypirc, a URL
  url=URL               the same, for an upload URL
  user=NAME  auth=TEXT  user name and secret (better in HATCH_INDEX_AUTH, or not given at all and typed once)
  ca-cert=PATH          certificates to trust; client-cert=PATH and client-key=PATH to identify this machine
  simple-url=URL        the simple API of the index, where it can't be told from the upload URL
  existing=WORD         files that the index has already: skip (default), fail, or replace
  keyring=false         neither read nor write the keyring
  trusted-publishing=W  automatic (where no secret was found), always (use nothing else), never
  attestations=WORD     automatic (for PyPI and TestPyPI in CI, with the extra), always, never; written to
                        attestations-directory=PATH; made by sigstore-trust-config=FILE, another Sigstore instance
  narrow-token=never    send PyPI's tokens as they are, not narrowed to the project and the next minutes
  insecure-http         let a secret go to this URL over plain http
  jobs=N                files that are sent at once, after a release's first (4; 1 to 8)
  retries=N timeout=S   attempts beyond the first (5), seconds to wait for an answer (300)

Which credential? The first of these that has one, for the user name and for the secret:
  --user, HATCH_INDEX_USER_<REPO>, HATCH_INDEX_USER, repos tables, ~/.pypirc, Hatch's cache, a prompt
  ~/.pypirc (if it gave the user name), --auth, HATCH_INDEX_AUTH_<REPO>, HATCH_INDEX_AUTH, repos tables,
  auth-command, the keyring, Trusted Publishing (in CI), a prompt

Tokens and two-factor authentication: PyPI takes no passwords any more, since accounts must use two-factor
authentication. Make an API token at https://pypi.org/manage/account/token/ and paste it when you are asked; its user
name is __token__, which is what Enter means. For a first release it has to be one for the whole account; afterwards
make one for the project alone. It is stored in your keyring once PyPI has accepted it, one for each project.
In CI, put the token into a secret and set HATCH_INDEX_AUTH. Or let PyPI trust the workflow instead, which needs no
stored token at all, not even for a first release: add it at https://pypi.org/manage/account/publishing/ (a project
that exists: in its settings), and on GitHub give the job the permission `id-token: write`.
"""
