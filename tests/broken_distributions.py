"""Wheels and sdists that can't be published: rewritten archives, and the error message for each."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from hatch_tokenindex.distributions import read
from hatch_tokenindex.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def problems_of(path: Path) -> list[str]:
    """The lines about a file that can't be published."""
    with pytest.raises(DistributionError) as caught:
        read(path)
    text = str(caught.value)
    heading, *lines = text.splitlines()
    assert heading == f"{path} can't be published:"
    assert lines, text
    assert all(line.startswith("  ") and line.isprintable() for line in lines), text
    return [line.removeprefix("  ") for line in lines]


def rewrite_zip(path: Path, change: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]) -> Path:
    """Write a zip archive anew: `change` gets the old and the new one."""
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        change(old, new)
    return path


def copy_members(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
    for member in old.infolist():
        new.writestr(member, old.read(member))


def write_tar(path: Path, members: Sequence[tarfile.TarInfo | tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                name, content = member
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path
