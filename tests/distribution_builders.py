"""Small builders of real wheels and sdists: pip installs them, and indexes accept them."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

RST = ("Description-Content-Type", "text/x-rst")
MARKDOWN = ("Description-Content-Type", "text/markdown; charset=UTF-8; variant=GFM")

_DATE = (2026, 1, 1, 0, 0, 0)

# A build backend that needs nothing from anywhere: pip builds the sdist without a network.
_BACKEND = """\
import pathlib
import zipfile

STEM, MODULE = {stem!r}, {module!r}


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    info = STEM + ".dist-info"
    filename = STEM + "-py3-none-any.whl"
    names = [MODULE + ".py", info + "/METADATA", info + "/WHEEL", info + "/RECORD"]
    with zipfile.ZipFile(pathlib.Path(wheel_directory, filename), "w") as archive:
        archive.writestr(names[0], pathlib.Path(MODULE + ".py").read_bytes())
        archive.writestr(names[1], pathlib.Path("PKG-INFO").read_bytes())
        archive.writestr(names[2], "Wheel-Version: 1.0\\nGenerator: builder\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(names[3], "".join(name + ",,\\n" for name in names))
    return filename
"""


def escaped(name: str) -> str:
    """The spelling of a project's name in file names (PEP 625 and 427): `Demo.Project` becomes `demo_project`."""
    return re.sub(r"[-_.]+", "_", name).lower()


def core_metadata(
    name: str = "demo",
    version: str = "1.0",
    *,
    metadata_version: str = "2.4",
    headers: Iterable[tuple[str, str]] = (),
    description: str = "",
) -> bytes:
    """A METADATA or PKG-INFO file. `headers` come after the three that every file has; `description` is the body."""
    fields = [("Metadata-Version", metadata_version), ("Name", name), ("Version", version), *headers]
    text = "".join(f"{field}: {value}\n" for field, value in fields)
    return f"{text}\n{description}".encode()


def make_wheel(
    folder: Path,
    name: str = "demo",
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    build: str = "",
    metadata_version: str = "2.4",
    headers: Sequence[tuple[str, str]] = (),
    description: str = "",
    filename: str | None = None,
    metadata: bytes | None = None,
    extra: Mapping[str, bytes] | None = None,
    leave_out: Sequence[str] = (),
    record: bytes | None = None,
) -> Path:
    """Write a wheel into `folder` (made where missing) and return its path.

    `filename` overrides the name of the file alone, `metadata` the whole METADATA, `record` the whole RECORD; `extra`
    are more members (path to content), listed in RECORD too. `leave_out` names files of `.dist-info` that are not
    written, like `RECORD`.
    """
    stem = f"{escaped(name)}-{version}"
    info = f"{stem}.dist-info"
    if metadata is None:
        metadata = core_metadata(
            name, version, metadata_version=metadata_version, headers=headers, description=description
        )
    members = {
        f"{escaped(name)}.py": f'__version__ = "{version}"\n'.encode(),
        **(extra or {}),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": _wheel_file(tag),
    }
    members[f"{info}/RECORD"] = _record(members, f"{info}/RECORD") if record is None else record
    parts = [stem, build, tag] if build else [stem, tag]
    path = folder / (filename or f"{'-'.join(parts)}.whl")
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            if member not in {f"{info}/{left_out}" for left_out in leave_out}:
                _write_zip_member(archive, member, content)
    return path


def make_sdist(
    folder: Path,
    name: str = "demo",
    version: str = "1.0",
    *,
    metadata_version: str = "2.4",
    headers: Sequence[tuple[str, str]] = (),
    description: str = "",
    filename: str | None = None,
    top: str | None = None,
    metadata: bytes | None = None,
    extra: Mapping[str, bytes] | None = None,
    leave_out: Sequence[str] = (),
) -> Path:
    """Write a `.tar.gz` sdist into `folder` (made where missing) and return its path.

    `top` overrides the name of its one directory, `filename` that of the file, `metadata` the whole PKG-INFO; `extra`
    are more members (path in the archive to content). `leave_out` names files of the top directory that are not
    written, like `PKG-INFO`.
    """
    stem = f"{escaped(name)}-{version}"
    top = stem if top is None else top
    if metadata is None:
        metadata = core_metadata(
            name, version, metadata_version=metadata_version, headers=headers, description=description
        )
    members = {
        "pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": _BACKEND.format(stem=stem, module=escaped(name)).encode(),
        f"{escaped(name)}.py": f'__version__ = "{version}"\n'.encode(),
        "PKG-INFO": metadata,
    }
    path = folder / (filename or f"{stem}.tar.gz")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member, content in members.items():
            if member not in leave_out:
                _write_tar_member(archive, f"{top}/{member}", content)
        for member, content in (extra or {}).items():
            _write_tar_member(archive, member, content)
    return path


def _wheel_file(tag: str) -> bytes:
    pythons, abis, platforms = (part.split(".") for part in tag.split("-"))
    tags = "".join(f"Tag: {p}-{a}-{f}\n" for p in pythons for a in abis for f in platforms)
    return f"Wheel-Version: 1.0\nGenerator: builder\nRoot-Is-Purelib: true\n{tags}".encode()


def _record(members: Mapping[str, bytes], own_name: str) -> bytes:
    def digest(content: bytes) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()

    lines = [f"{name},sha256={digest(content)},{len(content)}\n" for name, content in members.items()]
    return "".join([*lines, f"{own_name},,\n"]).encode()


def _write_zip_member(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name, _DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    archive.writestr(member, content)


def _write_tar_member(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    member.mode = 0o644
    archive.addfile(member, io.BytesIO(content))
