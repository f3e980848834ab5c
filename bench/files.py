"""The wheels and sdists that are uploaded: sound ones, with metadata and a README as projects have them, of any size."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KIB = 2**10
MIB = 2**20

_PYTHONS = ("cp310", "cp311", "cp312", "cp313", "cp314", "cp315")
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_11_0_arm64", "win_amd64")
_README = "# {name}\n\n" + "\n\n".join(
    f"## Part {number}\n\nA paragraph with *emphasis*, `code` and [a link](https://example.org/{number}).\n\n"
    f"- one item\n- another item\n\n```python\nprint({number})\n```"
    for number in range(20)
)


def make_wheel(folder: Path, name: str, version: str, size: int, tag: str = "py3-none-any") -> Path:
    """Write a wheel with `size` bytes that don't compress. Memory doesn't grow with it, so that it can't blur a measurement."""
    stem = f"{_escaped(name)}-{version}"
    info = f"{stem}.dist-info"
    path = folder / f"{stem}-{tag}.whl"
    folder.mkdir(parents=True, exist_ok=True)
    payload = f"{_escaped(name)}/data.bin"
    digest = hashlib.sha256()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with archive.open(payload, "w", force_zip64=True) as member:
            for block in _noise(path.name, size):
                digest.update(block)
                member.write(block)
        archive.writestr(f"{info}/METADATA", _metadata(name, version))
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: {tag}\n")
        hashed = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        archive.writestr(
            f"{info}/RECORD", f"{payload},sha256={hashed},{size}\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    return path


def make_sdist(folder: Path, name: str, version: str, size: int) -> Path:
    """Write an sdist with `size` bytes that don't compress."""
    stem = f"{_escaped(name)}-{version}"
    path = folder / f"{stem}.tar.gz"
    folder.mkdir(parents=True, exist_ok=True)
    members = {
        "PKG-INFO": _metadata(name, version).encode(),
        "pyproject.toml": b'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
        "data.bin": b"".join(_noise(path.name, size)),
    }
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member_name, content in members.items():
            member = tarfile.TarInfo(f"{stem}/{member_name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def make_release(folder: Path, name: str, version: str, size: int, wheels: int) -> list[Path]:
    """Write the files of one release: so many wheels for different Pythons and platforms, and an sdist."""
    tags = [f"{python}-{python}-{platform}" for python in _PYTHONS for platform in _PLATFORMS]
    made = [make_wheel(folder, name, version, size, tag) for tag in tags[:wheels]]
    return [*made, make_sdist(folder, name, version, size)]


def _metadata(name: str, version: str) -> str:
    return (
        f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nSummary: A project to measure uploads with\n"
        "Author-email: Somebody <somebody@example.org>\nLicense-Expression: MIT\nKeywords: upload,benchmark\n"
        "Classifier: Programming Language :: Python :: 3\nClassifier: Operating System :: OS Independent\n"
        "Project-URL: Homepage, https://example.org/\nProject-URL: Source, https://example.org/source\n"
        "Requires-Python: >=3.10\nRequires-Dist: click>=8\nRequires-Dist: httpx>=0.27\nRequires-Dist: rich\n"
        f"Description-Content-Type: text/markdown\n\n{_README.format(name=name)}\n"
    )


def _noise(seed: str, size: int) -> Iterator[bytes]:
    """So many bytes that look random, and are the same for the same seed."""
    block = random.Random(seed).randbytes(min(size, MIB))  # noqa: S311 - no secrecy is wanted
    while size:
        yield block[:size]
        size -= min(size, MIB)


def _escaped(name: str) -> str:
    return name.replace("-", "_")
