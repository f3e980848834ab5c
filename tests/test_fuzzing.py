"""Every parser of something from outside: no exception of others, and no long wait, up to the limits in size."""

from __future__ import annotations

from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING

import pytest
from fuzz_targets import MIB, TARGETS, Target
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

TIME_LIMIT = 8.0
"""Seconds of this process for one input of any size."""
BYTES_OF_LARGE_INPUTS = 32 * MIB
"""For each parser, all of them together."""

# What grammars are made of, and numbers at the ends of their ranges.
TOKENS = (
    *(bytes([byte]) for byte in b"\0\t\n\r \"#$%&'()*+,-./0:;<=>?@A[\\]^`a{|}~\x1b\x7f\x80\x9b\xff"),
    *(b"\r\n", b"\n\n", b"\n ", b"\\u0000", b"\\ud800", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xc2\xa0"),
    *(b"<!--", b"<![", b"<!", b"<?", b"</", b"<a href='", b"<p>", b"&#x", b"&#99999999;", b"&amp;", b"]]>"),
    *(b'{"a":', b"[[", b"{},", b'"",', b"1e999", b"NaN", b"-1", b"9" * 30, b'""', b'"\\'),
    *(b"name: x\n", b"a=1\n", b"[x]\n", b"a,b,c\n", b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"ustar"),
    *(b"\xff" * 4, b"\xff" * 8, b"\0" * 8, b"\x80" + b"\0" * 7, b"\0" * 512, b"%25", b"xn--", b"1800000000", b"::1"),
)


@dataclass(frozen=True)
class Edit:
    """A change of a text: what is removed and put in at a place, and how often."""

    at: float
    removed: int
    inserted: bytes
    is_numbered: bool = False
    """Each repetition ends in a number of its own."""

    def applied(self, content: bytes, size: int) -> bytes:
        """Return the changed text; what is put in is repeated up to this size in bytes."""
        start = int(self.at * len(content))
        if self.is_numbered:
            count = size // (len(self.inserted) + 7)
            inserted = b"".join(b"%b%d" % (self.inserted, number) for number in range(count))
        else:
            inserted = self.inserted * max(1, size // len(self.inserted))
        return content[:start] + inserted + content[start + self.removed :]


@dataclass(frozen=True)
class Recipe:
    """An input, by what it is made of: one of many megabytes can be shown too."""

    seed: int
    edits: tuple[Edit, ...]
    repeated: Edit | None = None

    def content(self, target: Target, size: int = 0) -> bytes:
        """Return the input for a parser, of about this size in bytes if an edit is repeated."""
        content = target.seeds[self.seed % len(target.seeds)]
        for edit in self.edits:
            content = edit.applied(content, 0)
        return content if self.repeated is None else self.repeated.applied(content, size)


EDITS = st.builds(
    Edit,
    st.floats(0, 1),
    st.sampled_from((0, 0, 1, 2, 4, 8, 64, 10**6)),
    st.lists(st.sampled_from(TOKENS) | st.binary(min_size=1, max_size=4), min_size=1, max_size=4).map(b"".join),
    st.sampled_from((False, False, False, True)),
)
SMALL = st.builds(Recipe, st.integers(0, 3), st.lists(EDITS, max_size=6).map(tuple))
LARGE = st.builds(Recipe, st.integers(0, 3), st.lists(EDITS, max_size=2).map(tuple), EDITS)

# The same inputs in every run; the time is looked at here, in seconds of this process, since machines are busy.
REPEATABLE = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
every_parser = pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the files of all inputs."""
    return tmp_path_factory.mktemp("fuzzing")


def feed(target: Target, content: bytes, folder: Path) -> None:
    """Parse an input, in time."""
    begun = process_time()
    target.feed(content, folder)
    assert process_time() - begun < TIME_LIMIT


@every_parser
def test_small_inputs(target: Target, folder: Path) -> None:
    @settings(REPEATABLE, max_examples=50)
    @given(SMALL)
    def parse(recipe: Recipe) -> None:
        feed(target, recipe.content(target), folder)

    parse()


@every_parser
def test_inputs_of_the_largest_size(target: Target, folder: Path) -> None:
    @settings(REPEATABLE, max_examples=max(3, min(12, BYTES_OF_LARGE_INPUTS // target.limit)))
    @given(LARGE)
    def parse(recipe: Recipe) -> None:
        feed(target, recipe.content(target, target.limit), folder)

    parse()
