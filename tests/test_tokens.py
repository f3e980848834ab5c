"""Tokens against two other implementations: pymacaroons, which PyPI uses, and pypitoken."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import random
import traceback
from threading import Thread
from typing import TYPE_CHECKING, Any

import pymacaroons
import pypitoken
import pytest
import rich.console
import rich.pretty
import rich.traceback
from pypitoken import restrictions

from hatch_tokenindex.errors import MalformedTokenError
from hatch_tokenindex.secrets import MASK, REDACTOR, Redactor, Secret, forms_of
from hatch_tokenindex.tokens import (
    Caveat,
    Kind,
    Tag,
    Token,
    looks_like_token,
    narrow,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = b"the index alone knows this key"
UUID = "0f5ad73c-3b6f-4a1b-8e5c-4a2d10a8e3a1"
OTHER_UUID = "7d9c2f04-93de-4f77-9b1e-6a1a3b1f0c55"
LONGEST = 24_500


# -- builders ---------------------------------------------------------------------------------------------------------


def macaroon(*caveats: bytes, location: str = "pypi.org", identifier: str = UUID) -> Any:
    made = pymacaroons.Macaroon(
        location=location, identifier=identifier, key=KEY, version=pymacaroons.macaroon.MACAROON_V2
    )
    for caveat in caveats:
        made.add_first_party_caveat(caveat)
    return made


def token_of(made: Any) -> Secret:
    return Secret(f"pypi-{made.serialize()}")


def token(*caveats: bytes, location: str = "pypi.org", identifier: str = UUID) -> Secret:
    return token_of(macaroon(*caveats, location=location, identifier=identifier))


def oracle(secret: Secret) -> Any:
    return pymacaroons.Macaroon.deserialize(secret.reveal().removeprefix("pypi-"))


def bytes_of(secret: Secret) -> bytes:
    payload = secret.reveal().removeprefix("pypi-")
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def from_bytes(data: bytes) -> Secret:
    return Secret("pypi-" + base64.urlsafe_b64encode(data).decode("ascii").rstrip("="))


def field(kind: int, content: bytes) -> bytes:
    return bytes([kind, len(content)]) + content


def binary(
    header: bytes, *caveats: bytes, after: bytes = b"\0" + field(6, bytes(32)), version: bytes = b"\x02"
) -> Secret:
    return from_bytes(version + header + b"\0" + b"".join(caveat + b"\0" for caveat in caveats) + after)


HEADER = field(1, b"pypi.org") + field(2, b"id")


# -- Secret -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Holder:
    secret: Secret


SHOWN = {
    "repr": repr,
    "str": str,
    "format": format,
    "format with a width": lambda secret: format(secret, ">40"),
    "format with a wrong type": lambda secret: format(secret, "d"),
    "f-string": lambda secret: f"{secret}{secret!r}{secret!s}{secret!a}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "str.format": "{0} {0!r} {0:30}".format,
    "in a list": lambda secret: str([secret]),
    "in a dataclass": lambda secret: repr(Holder(secret)),
    "in a dataclass as a dictionary": lambda secret: str(dataclasses.asdict(Holder(secret))),
    "in a redactor": lambda secret: repr(Redactor((("user", secret),))),
    "in an exception": lambda secret: repr(ValueError(secret)),
    "pprint": lambda secret: pprint.pformat({"secret": Holder(secret)}),
    "rich": lambda secret: rich.pretty.pretty_repr({"secret": Holder(secret)}),
    "logging": lambda secret: logging.LogRecord("n", 10, "p", 1, "%s %r", (secret, secret), None).getMessage(),
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_a_secret_is_masked_however_it_is_shown(show: Callable[[Secret], str]) -> None:
    shown = show(Secret("hunter2hunter2"))
    assert MASK in shown
    assert "hunter" not in shown


def test_the_mask_is_of_one_length() -> None:
    assert [repr(Secret("s")), str(Secret("s")), f"{Secret('s'):>9}", repr(Secret(""))] == ["*****"] * 4


def test_only_reveal_gives_the_text() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    with pytest.raises(TypeError):
        vars(secret)
    with pytest.raises(TypeError) as caught:
        json.dumps({"secret": secret})
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("wrap", [lambda secret: secret, Holder, lambda secret: [secret]])
def test_a_secret_is_not_pickled(wrap: Callable[[Secret], object], protocol: int) -> None:
    with pytest.raises(TypeError) as caught:
        pickle.dumps(wrap(Secret("hunter2")), protocol)
    assert str(caught.value) == "a secret is not pickled"
    # Python 3.14 adds notes about where the object was found.
    assert "hunter" not in repr(getattr(caught.value, "__notes__", ()))


def test_a_copy_is_the_secret_itself() -> None:
    secret = Secret("hunter2")
    assert copy.copy(secret) is secret
    assert copy.deepcopy([Holder(secret)])[0].secret is secret


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (Secret("a"), Secret("a"), True),
        (Secret(""), Secret(""), True),
        (Secret("ü\udcff"), Secret("ü\udcff"), True),
        (Secret("a"), Secret("b"), False),
        (Secret("a"), Secret("aa"), False),
        (Secret("ü"), Secret("u"), False),
        (Secret("a"), "a", False),
        (Secret("a"), None, False),
    ],
)
def test_which_secrets_are_equal(one: Secret, other: object, equal: bool) -> None:
    assert (one == other) is equal
    assert (one != other) is not equal
    assert len({one, other}) == 2 - equal


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret(" ")


def rendered(error: BaseException) -> str:
    """The traceback that Hatch prints with HATCH_DEBUG."""
    output = io.StringIO()
    console = rich.console.Console(file=output, width=500)
    shown = rich.traceback.Traceback.from_exception(
        type(error), error, error.__traceback__, show_locals=True, locals_max_string=10_000, locals_max_length=1000
    )
    console.print(shown)
    return output.getvalue()


def failure(action: Callable[[], object]) -> Exception:
    try:
        action()
    except Exception as error:  # noqa: BLE001
        return error
    pytest.fail("nothing was raised")


def divide(local: object) -> float:
    return [local].index(local) / 0


@pytest.mark.parametrize(
    "wrap", [Secret, lambda text: Holder(Secret(text)), lambda text: Redactor((("me", Secret(text)),))]
)
def test_a_traceback_with_locals_shows_no_secret(wrap: Callable[[str], object]) -> None:
    # Never written out here, as the traceback shows lines of this file too.
    hidden = "hunter" * 3
    assert hidden in rendered(failure(lambda: divide("hunter" * 3)))
    shown = rendered(failure(lambda: divide(wrap("hunter" * 3))))
    assert hidden not in shown
    assert MASK in shown


# -- forms and redaction ----------------------------------------------------------------------------------------------

ODD = "p&ss/w\"r'd ü<+=>"


SPELLINGS = (
    ODD,
    "p%26ss/w%22r%27d%20%C3%BC%3C%2B%3D%3E",
    "p%26ss%2Fw%22r%27d%20%C3%BC%3C%2B%3D%3E",
    "p%26ss%2Fw%22r%27d+%C3%BC%3C%2B%3D%3E",
    "p%26ss/w%22r%27d%20%c3%bc%3c%2b%3d%3e",
    "p%26ss%2fw%22r%27d%20%c3%bc%3c%2b%3d%3e",
    "p%26ss%2fw%22r%27d+%c3%bc%3c%2b%3d%3e",
    "p&ss/w\\\"r'd \\u00fc<+=>",
    "p&ss/w\\\"r'd ü<+=>",
    "p&amp;ss/w\"r'd ü&lt;+=&gt;",
    "p&amp;ss/w&quot;r&#x27;d ü&lt;+=&gt;",
    "p&amp;ss/w&quot;r&#39;d ü&lt;+=&gt;",
    "p&amp;ss/w&#34;r&#39;d ü&lt;+=&gt;",
    "cCZzcy93InInZCDDvDwrPT4=",
    "cCZzcy93InInZCDDvDwrPT4",
    "cCZzcy93InInZCDDvDwrPT4%3D",
    "cCZzcy93InInZCDDvDwrPT4%3d",
    "bWU6cCZzcy93InInZCDDvDwrPT4=",
    "bWU6cCZzcy93InInZCDDvDwrPT4",
    "bWU6cCZzcy93InInZCDDvDwrPT4%3D",
    "bWU6cCZzcy93InInZCDDvDwrPT4%3d",
    r"p\u0026ss\/w\u0022r\u0027d \u00FC\u003c\u002b\u003d\u003e",
    r"p\x26ss/w\x22r\x27d \xfc<+=>",
    "p&amp;ss/w&quot;r&apos;d &uuml;&lt;+=&gt;",
    "p&#38;ss/w&#34;r&#39;d &#252;&#60;+=&#62;",
    "p&#x26;ss/w&#x22;r&#X27;d &#xFC;&#x3c;+=&#x3e;",
    "p\\u0026amp;ss\\/w\\u0026quot;r\\u0026#39;d \\u00fc\\u0026lt;+=\\u0026gt;",
    "p%2526ss%252Fw%2522r%2527d%2520%25C3%25BC%253C%252B%253D%253E",
    "7026 73732f7722722764 20c3bc3c2b3d3e".replace(" ", ""),
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_secret_is_masked_and_nothing_around_it(spelling: str) -> None:
    redactor = Redactor((("me", Secret(ODD)),))
    assert redactor.redact(spelling) == MASK
    assert redactor.redact(f"<a>{spelling}</a>%20&amp;") == f"<a>{MASK}</a>%20&amp;"


@pytest.mark.parametrize("spelling", ["Pz8+Pn5+", "Pz8-Pn5-", "Pz8%2BPn5%2B", "bWU6Pz8+Pn5+", "bWU6Pz8-Pn5-"])
def test_both_alphabets_of_base64_are_masked(spelling: str) -> None:
    assert Redactor((("me", Secret("??>>~~")),)).redact(spelling) == MASK


def test_a_token_within_a_longer_secret_is_masked_alone() -> None:
    token = f"pypi-{'AgEI' * 20}"
    redactor = Redactor((("me", Secret(f'{{"token": "{token}"}}')),))
    assert redactor.redact(f"no such token: {token}") == f"no such token: {MASK}"


def test_the_words_of_a_header_are_masked_alone() -> None:
    assert Redactor((("", Secret("Basic bWU6aHVudGVyMg==")),)).redact("bWU6aHVudGVyMg==") == MASK


def test_the_redactor_of_the_run_learns_every_secret() -> None:
    Secret("made-just-now")
    assert REDACTOR.redact("made-just-now") == MASK
    REDACTOR.forget()
    assert REDACTOR.redact("made-just-now") == "made-just-now"


def test_a_redactor_learns_while_others_redact() -> None:
    redactor = Redactor()
    threads = [Thread(target=redactor.learn, args=(Secret(f"secret-{number}"),)) for number in range(50)]
    for thread in threads:
        thread.start()
        assert redactor.redact("nothing") == "nothing"
    for thread in threads:
        thread.join()
    assert redactor.redact(" ".join(f"secret-{number}" for number in range(50))) == " ".join([MASK] * 50)


def test_the_shortest_form_can_be_chosen() -> None:
    redactor = Redactor((("", Secret("demo")),))
    assert redactor.redact("demo", shortest=5) == "demo"


@pytest.mark.parametrize(
    "text", ["%", "%zz", "%f", "\\", "\\u12", "\\ud800", "%ff%fe", "&;", "&#99999999;", "&#x110000;", "&nosuch;"]
)
def test_broken_escapes_stay_as_they_are(text: str) -> None:
    assert Redactor((("", Secret("hunter2")),)).redact(f"{text} hunter2 {text}") == f"{text} {MASK} {text}"


@pytest.mark.parametrize("user", ["", "me", "ü\udcff"])
@pytest.mark.parametrize("text", ["", "a", "a b", "abc", "\udcff\ud800", "\x00\n", "pypi-" + "A" * 200])
def test_no_form_is_short(text: str, user: str) -> None:
    forms = forms_of(Secret(text), user)
    assert bool(forms) == bool(text)
    assert all(len(form) >= 4 for form in forms)
    assert (text in forms) == (len(text) >= 4)


REDACTED = [
    # secrets, text, what is shown
    ((), "nothing to hide", "nothing to hide"),
    ((("me", ""),), "a message: me, '', bWU6", "a message: me, '', bWU6"),
    ((("me", "a"),), "a banana", "a banana"),
    ((("me", "abc"),), "abc YWJj bWU6YWJj", "abc ***** *****"),
    ((("me", "abcd"),), "", ""),
    ((("me", "abcd"),), "abcd", "*****"),
    ((("me", "abcd"),), "xabcdx\nabcd", "x*****x\n*****"),
    ((("me", "abcd"),), "abcdabcd", "**********"),
    ((("me", "abcd"),), "ABCD", "ABCD"),
    ((("me", "a.c*"),), "abcc a.c*", "abcc *****"),
    ((("me", "a\\1b"),), r"a\1b", "*****"),
    # the longest first, within a secret and across several
    ((("me", "abcd"), ("me", "abcdef")), "abcdef abcd", "***** *****"),
    ((("me", "abcdef"), ("me", "abcd")), "abcdef abcd", "***** *****"),
    ((("__token__", "a"),), "Basic X190b2tlbl9fOmE=.", "Basic *****."),
    ((("__token__", "a"),), "Basic X190b2tlbl9fOmE.", "Basic *****."),
    # overlapping: no part of either remains
    ((("me", "aabb"), ("me", "bbcc")), "-aabbcc-", "-*****-"),
    ((("me", "xabcd"), ("me", "abcdefgh")), "xabcdefgh", "*****"),
    ((("me", "aaaa"),), "aaaaaaa!", "*****!"),
    ((("me", "abcdef"), ("me", "bcde")), "abcdefg", "*****g"),
    # the mask is not itself masked
    ((("me", "****"), ("me", "abcd")), "abcd", "*****"),
    # as a proxy's URL, an HTML page and a JSON document have it
    ((("proxy", "p@ss/word"),), "http://proxy:p%40ss%2Fword@host:80", "http://proxy:*****@host:80"),
    ((("me", "it's<me>"),), "<p>it&#39;s&lt;me&gt;</p>", "<p>*****</p>"),
    ((("me", 'say "hi"'),), '{"password": "say \\"hi\\""}', '{"password": "*****"}'),
    ((("me", "pässwörd"),), "p\\u00e4ssw\\u00f6rd cMOkc3N3w7ZyZA==", "***** *****"),
    # undecodable bytes of an environment variable
    ((("me", "abc\udcff"),), "abc\udcff.", "*****."),
    # characters that are left out of what is shown
    ((("me", "correct\u200bhorse"),), "correct\u200bhorse, correcthorse", "*****, *****"),
]


@pytest.mark.parametrize(("secrets", "text", "shown"), REDACTED)
def test_secrets_are_redacted_in_a_text(secrets: tuple[tuple[str, str], ...], text: str, shown: str) -> None:
    redactor = Redactor(tuple((user, Secret(secret)) for user, secret in secrets))
    assert redactor.redact(text) == shown


def test_every_form_of_any_secret_is_redacted() -> None:
    chance = random.Random(20)
    for _ in range(80):
        secret = Secret("".join(chance.choices("abcdefgh&'\"</+% =\\éß☃", k=chance.randint(4, 30))))
        redactor = Redactor((("user", secret), ("other", Secret("not in there"))))
        for form in forms_of(secret, "user"):
            assert redactor.redact(f"(\n{form}\n)") == f"(\n{MASK}\n)"


def test_a_redactor_shows_no_secret() -> None:
    assert "hunter" not in repr(Redactor((("me", Secret("hunter2")),)))


# -- what a caveat says -----------------------------------------------------------------------------------------------

KNOWN: list[tuple[bytes, Caveat]] = [
    (b"[0,1700000900,1700000000]", (Tag.EXPIRATION, 1700000900, 1700000000)),
    (b"[0,0,0]", (Tag.EXPIRATION, 0, 0)),
    (b" [ 0 , 32503679999 , 5 ] \n", (Tag.EXPIRATION, 32_503_679_999, 5)),
    (b'[1,["black","hatch-tokenindex"]]', (Tag.PROJECT_NAMES, ("black", "hatch-tokenindex"))),
    (b'[1,["Not_Normalized"]]', (Tag.PROJECT_NAMES, ("Not_Normalized",))),
    (b"[1,[]]", (Tag.PROJECT_NAMES, ())),
    ('[1,["sn\u00f8"]]'.encode(), (Tag.PROJECT_NAMES, ("sn\u00f8",))),
    (b'[1,["sn\\u00f8"]]', (Tag.PROJECT_NAMES, ("sn\u00f8",))),
    (f'[2,["{UUID}","{OTHER_UUID}"]]'.encode(), (Tag.PROJECT_IDS, (UUID, OTHER_UUID))),
    (f'[3,"{UUID}"]'.encode(), (Tag.REQUEST_USER, UUID)),
    (f'[4,"{UUID}"]'.encode(), (Tag.OIDC_PUBLISHER, UUID)),
    (f'[4,"{UUID}",null]'.encode(), (Tag.OIDC_PUBLISHER, UUID)),
    (f'[4,"{UUID}",{{"ref":"refs/heads/main","sha":"1"}}]'.encode(), (Tag.OIDC_PUBLISHER, UUID)),
    (b'{"version":1,"permissions":"user"}', (Tag.REQUEST_USER, "")),
    (b'{"permissions": "user", "version": 1}', (Tag.REQUEST_USER, "")),
    (b'{"version":1,"permissions":{"projects":["black"]}}', (Tag.PROJECT_NAMES, ("black",))),
    (b'{"version":1,"permissions":{"projects":[]}}', (Tag.PROJECT_NAMES, ())),
    (b'{"nbf":1700000000,"exp":1700000900}', (Tag.EXPIRATION, 1700000900, 1700000000)),
    (f'{{"project_ids":["{UUID}"]}}'.encode(), (Tag.PROJECT_IDS, (UUID,))),
]

NOT_KNOWN: list[bytes] = [
    # no JSON, or not as JSON has it
    b"",
    b"time < 2030-01-01",
    b"[0,1,2",
    b"[0,1,2]]",
    b"[0,1,2]\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf[0,1,2]",
    "[0,1,2]".encode("utf-16"),
    b'[1,["\xed\xa0\x80"]]',
    b"[0,NaN,1]",
    b"[0,Infinity,1]",
    b'[4,"id",{"a":NaN}]',
    b'{"nbf":1,"nbf":2,"exp":3}',
    b'{"version":1,"permissions":{"projects":["a"],"projects":["b"]}}',
    b'[4,"id",{"ref":1,"ref":2}]',
    b"[" * 18_000,
    b"[" * 9_000 + b"]" * 9_000,
    b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    # another kind of value
    b"null",
    b"0",
    b'"user"',
    b"[]",
    b"{}",
    b"[[0,1,2]]",
    # another tag
    b"[5,1,2]",
    b"[-1,1,2]",
    b'["0",1,2]',
    b"[null,1,2]",
    b"[false,1,2]",
    b'[true,["black"]]',
    b'[1.0,["black"]]',
    b"[0.0,1,2]",
    # times
    b"[0]",
    b"[0,1]",
    b"[0,1,2,3]",
    b"[0,1.0,2]",
    b"[0,2,1e3]",
    b'[0,"2","1"]',
    b"[0,true,false]",
    b"[0,null,1]",
    b"[0,-1,-2]",
    b"[0,32503680000,1]",
    b"[0,9" + b"9" * 4_000 + b",1]",
    b"[0,1," + b"9" * 15_000 + b"]",
    # names and ids
    b"[1]",
    b'[1,"black"]',
    b'[1,{"black":1}]',
    b"[1,[1]]",
    b'[1,["black",null]]',
    b'[1,["black"],"more"]',
    b'[1,["\\ud800"]]',
    b'[1,["\\u001b[2J"]]',
    b'[1,["a\\nb"]]',
    '[1,["a\u202eb"]]'.encode(),
    b"[2]",
    b'[2,"id"]',
    b"[2,[true]]",
    b"[3]",
    b"[3,null]",
    b"[3,1]",
    b'[3,"id","id"]',
    b'[3,["id"]]',
    b"[4]",
    b"[4,null]",
    b'[4,"id",1]',
    b'[4,"id",[]]',
    b'[4,"id",null,null]',
    # mappings
    b'{"version":2,"permissions":"user"}',
    b'{"version":true,"permissions":"user"}',
    b'{"version":1.0,"permissions":"user"}',
    b'{"version":"1","permissions":"user"}',
    b'{"permissions":"user"}',
    b'{"version":1}',
    b'{"version":1,"permissions":"users"}',
    b'{"version":1,"permissions":"user","more":1}',
    b'{"version":1,"permissions":["user"]}',
    b'{"version":1,"permissions":{}}',
    b'{"version":1,"permissions":{"projects":"black"}}',
    b'{"version":1,"permissions":{"projects":[1]}}',
    b'{"version":1,"permissions":{"projects":["black"],"more":1}}',
    b'{"version":1,"permissions":{"projects":["black"]},"more":1}',
    b'{"nbf":1}',
    b'{"exp":1}',
    b'{"nbf":1,"exp":2,"more":3}',
    b'{"nbf":1,"exp":2.5}',
    b'{"nbf":false,"exp":true}',
    b'{"nbf":1,"exp":32503680000}',
    b'{"project_ids":"id"}',
    b'{"project_ids":[1]}',
    b'{"project_ids":["id"],"more":1}',
]


def with_caveat(raw: bytes) -> Secret:
    """Unlike pymacaroons, takes a caveat that is no UTF-8."""
    length = bytes([len(raw)]) if len(raw) < 128 else bytes([len(raw) % 128 + 128, len(raw) >> 7])
    if len(raw) >= 1 << 14:
        length = bytes([len(raw) % 128 + 128, (len(raw) >> 7) % 128 + 128, len(raw) >> 14])
    return binary(HEADER, b"\x02" + length + raw)


def name_of(raw: object) -> str | None:
    return ascii(raw)[2:50] if isinstance(raw, bytes) else None


@pytest.mark.parametrize(("raw", "caveat"), KNOWN, ids=name_of)
def test_a_known_caveat(raw: bytes, caveat: Caveat) -> None:
    assert read(with_caveat(raw)) == Token("pypi.org", "id", (caveat,))


@pytest.mark.parametrize("raw", NOT_KNOWN, ids=name_of)
def test_what_does_not_fit_exactly_is_unknown(raw: bytes) -> None:
    assert read(with_caveat(raw)).caveats == ((None, raw),)


@pytest.mark.parametrize("raw", [raw for raw, _ in KNOWN] + NOT_KNOWN, ids=name_of)
def test_any_caveat_is_kept_byte_for_byte(raw: bytes) -> None:
    secret = with_caveat(raw)
    narrowed = narrow(secret, project="black", not_before=1, expires_at=2)
    assert bytes_of(narrowed).startswith(bytes_of(secret)[:-35])
    assert read(narrowed).caveats == (*read(secret).caveats, (Tag.PROJECT_NAMES, ("black",)), (Tag.EXPIRATION, 2, 1))


def test_a_third_party_caveat_is_unknown() -> None:
    made = macaroon(b'[1,["black"]]')
    made.add_third_party_caveat("https://auth.example.org", "caveat key", b'[1,["other"]]', nonce=bytes(24))
    secret = token_of(made)
    assert read(secret).caveats == ((Tag.PROJECT_NAMES, ("black",)), (None, b'[1,["other"]]'))
    without_location = binary(HEADER, field(2, b'[3,"me"]') + field(4, b"verification"))
    assert read(without_location).caveats == ((None, b'[3,"me"]'),)


# -- what a token says ------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Said:
    kind: Kind = Kind.UNKNOWN
    projects: frozenset[str] | None = None
    expires_at: int | None = None
    not_before: int | None = None


def names(*texts: str) -> frozenset[str]:
    return frozenset(texts)


UNKNOWN = (None, b"[9]")
SAID: dict[str, tuple[tuple[Caveat, ...], Said]] = {
    "nothing": ((), Said()),
    "an account": (((Tag.REQUEST_USER, "u"),), Said(Kind.ACCOUNT)),
    "an old account": (((Tag.REQUEST_USER, ""),), Said(Kind.ACCOUNT)),
    "an old account, restricted": (((Tag.REQUEST_USER, ""), (Tag.REQUEST_USER, "u")), Said(Kind.ACCOUNT)),
    "an account that expires": (
        ((Tag.REQUEST_USER, "u"), (Tag.EXPIRATION, 9, 3)),
        Said(Kind.ACCOUNT, expires_at=9, not_before=3),
    ),
    "an account, restricted in an unknown way": (((Tag.REQUEST_USER, "u"), UNKNOWN), Said()),
    "a project": (
        ((Tag.PROJECT_NAMES, ("a",)), (Tag.PROJECT_IDS, ("1",))),
        Said(Kind.PROJECT, projects=names("a")),
    ),
    "a project, restricted in an unknown way": ((UNKNOWN, (Tag.PROJECT_NAMES, ("a",))), Said(Kind.PROJECT, names("a"))),
    "a project by id": (((Tag.PROJECT_IDS, ("1", "2")),), Said(Kind.PROJECT_ID)),
    "several projects": (((Tag.PROJECT_NAMES, ("a", "b")),), Said(Kind.PROJECT, names("a", "b"))),
    "projects, restricted to some": (
        (
            (Tag.PROJECT_NAMES, ("a", "b", "c")),
            (Tag.PROJECT_NAMES, ("d", "c", "b")),
            (Tag.PROJECT_IDS, ("1", "2")),
            (Tag.PROJECT_IDS, ("2",)),
        ),
        Said(Kind.PROJECT, names("b", "c")),
    ),
    "projects, none in common": (
        ((Tag.PROJECT_NAMES, ("a",)), (Tag.PROJECT_NAMES, ("b",))),
        Said(Kind.PROJECT, names()),
    ),
    "no project at all": (((Tag.PROJECT_NAMES, ()),), Said(Kind.PROJECT, names())),
    "an account, restricted to a project": (
        ((Tag.REQUEST_USER, "u"), (Tag.PROJECT_NAMES, ("a",))),
        Said(Kind.PROJECT, names("a")),
    ),
    "minted": (
        ((Tag.OIDC_PUBLISHER, "p"), (Tag.PROJECT_IDS, ("1",)), (Tag.EXPIRATION, 900, 0)),
        Said(Kind.TRUSTED_PUBLISHING, expires_at=900, not_before=0),
    ),
    "minted, restricted to a project": (
        ((Tag.OIDC_PUBLISHER, "p"), (Tag.PROJECT_IDS, ("1",)), (Tag.PROJECT_NAMES, ("a",)), UNKNOWN),
        Said(Kind.TRUSTED_PUBLISHING, names("a")),
    ),
    "only a time": (((Tag.EXPIRATION, 9, 3),), Said(expires_at=9, not_before=3)),
    "several times": (
        ((Tag.EXPIRATION, 90, 30), (Tag.EXPIRATION, 80, 10), (Tag.EXPIRATION, 100, 40)),
        Said(expires_at=80, not_before=40),
    ),
    "something unknown": ((UNKNOWN,), Said()),
}


@pytest.mark.parametrize(("caveats", "said"), SAID.values(), ids=SAID)
def test_what_a_token_says(caveats: tuple[Caveat, ...], said: Said) -> None:
    read_token = Token("pypi.org", UUID, caveats)
    assert said == Said(
        read_token.kind,
        read_token.projects,
        read_token.expires_at,
        read_token.not_before,
    )


def test_kinds_are_words() -> None:
    assert [str(kind) for kind in Kind] == ["account", "project", "project id", "trusted publishing", "unknown"]
    assert f"{Kind.PROJECT_ID:>12}" == "  project id"
    assert json.dumps(Kind.ACCOUNT) == '"account"'


# -- generated tokens, against pymacaroons and pypitoken --------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789-._~ABCXYZ éßøЖ漢字☃🐍\"\\/'<>&"


def text(chance: random.Random, longest: int = 40) -> str:
    return "".join(chance.choices(LETTERS, k=chance.randint(1, longest)))


def uuid(chance: random.Random) -> str:
    digits = f"{chance.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def json_of(chance: random.Random, value: object) -> bytes:
    return json.dumps(
        value, ensure_ascii=chance.random() < 0.5, separators=chance.choice(((",", ":"), (", ", ": "), ("\n,", ":\t")))
    ).encode()


def generated_caveat(chance: random.Random) -> tuple[bytes, Caveat]:
    """A caveat as it is written, and what it means."""
    old = chance.random() < 0.3
    value: object
    caveat: Caveat
    match chance.choice(("expiration", "names", "ids", "user", "publisher", "unknown")):
        case "expiration":
            caveat = (Tag.EXPIRATION, chance.randrange(1 << 34), chance.randrange(1 << 34))
            _, expires_at, not_before = caveat
            value = {"nbf": not_before, "exp": expires_at} if old else [0, expires_at, not_before]
        case "names":
            projects = [text(chance) for _ in range(chance.choice((0, 1, 1, 2, 5, 30)))]
            caveat = (Tag.PROJECT_NAMES, tuple(projects))
            value = {"version": 1, "permissions": {"projects": projects}} if old else [1, projects]
        case "ids":
            ids = [uuid(chance) for _ in range(chance.choice((0, 1, 1, 2, 20)))]
            caveat = (Tag.PROJECT_IDS, tuple(ids))
            value = {"project_ids": ids} if old else [2, ids]
        case "user":
            caveat = (Tag.REQUEST_USER, "" if old else uuid(chance))
            value = {"version": 1, "permissions": "user"} if old else [3, caveat[1]]
        case "publisher":
            caveat = (Tag.OIDC_PUBLISHER, uuid(chance))
            value = [4, caveat[1], *chance.choice(([], [None], [{"ref": text(chance), "sha": "1"}]))]
        case _:
            raw = json_of(chance, chance.choice(([7, text(chance)], {"ip": text(chance)}, text(chance, 3_000))))
            return raw, (None, raw)
    return json_of(chance, value), caveat


def generated_tokens(seed: int, count: int) -> Iterator[tuple[Any, tuple[Caveat, ...]]]:
    chance = random.Random(seed)
    for _ in range(count):
        pairs = [generated_caveat(chance) for _ in range(chance.choice((0, 1, 2, 2, 3, 4)))]
        made = macaroon(
            *(raw for raw, _ in pairs),
            location=chance.choice(("pypi.org", "test.pypi.org", "", text(chance, 300))),
            identifier=chance.choice((uuid(chance), text(chance, 300))),
        )
        if len(made.serialize()) < LONGEST - 200:
            yield made, tuple(caveat for _, caveat in pairs)


@pytest.mark.parametrize("seed", range(10))
def test_generated_tokens_are_read_and_narrowed_as_pymacaroons_does(seed: int) -> None:
    count = 0
    for made, caveats in generated_tokens(seed, 220):
        count += 1
        secret = token_of(made)
        read_token = read(secret)
        assert read_token == Token(made.location, made.identifier_bytes.decode(), caveats)
        assert [raw for tag, raw, *_ in read_token.caveats if tag is None] == [
            caveat.caveat_id for caveat, said in zip(made.caveats, caveats, strict=True) if said[0] is None
        ]

        narrowed = narrow(
            secret, project="Hatch._TokenIndex", not_before=1_700_000_000 + count, expires_at=1_700_009_999
        )
        made.add_first_party_caveat('[1,["hatch-tokenindex"]]')
        made.add_first_party_caveat(f"[0,1700009999,{1_700_000_000 + count}]")
        assert narrowed == token_of(made)
        assert oracle(narrowed).signature == made.signature
        verifier = pymacaroons.Verifier()
        verifier.satisfy_general(bool)
        assert verifier.verify(oracle(narrowed), KEY)
    assert count > 180


AS_PYPITOKEN: dict[type[object], Callable[[Any], Caveat]] = {
    restrictions.DateRestriction: lambda found: (Tag.EXPIRATION, found.not_after, found.not_before),
    restrictions.LegacyDateRestriction: lambda found: (Tag.EXPIRATION, found.not_after, found.not_before),
    restrictions.ProjectNamesRestriction: lambda found: (Tag.PROJECT_NAMES, tuple(found.project_names)),
    restrictions.LegacyProjectNamesRestriction: lambda found: (Tag.PROJECT_NAMES, tuple(found.project_names)),
    restrictions.ProjectIDsRestriction: lambda found: (Tag.PROJECT_IDS, tuple(found.project_ids)),
    restrictions.UserIDRestriction: lambda found: (Tag.REQUEST_USER, found.user_id),
    restrictions.LegacyNoopRestriction: lambda _: (Tag.REQUEST_USER, ""),
}

RESTRICTED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "user": {"user_id": UUID},
    "name": {"project_names": ["hatch", "black"]},
    "names and ids": {"project_names": ["black", "hatch"], "project_ids": [UUID, OTHER_UUID]},
    "times": {"not_before": 1_000, "not_after": 2_000_000_000},
    "all at once": {"not_before": 1, "not_after": 2_000_000_000, "project_names": ["black", "hatch"], "user_id": UUID},
    "old user": {"legacy_noop": True},
    "old names": {"legacy_project_names": ["black", "hatch"]},
    "old times": {"legacy_not_before": 10, "legacy_not_after": 2_000_000_000},
    "old and new": {
        "legacy_noop": True,
        "legacy_project_names": ["black", "hatch"],
        "project_names": ["hatch", "black"],
    },
}


@pytest.mark.parametrize("parameters", RESTRICTED.values(), ids=RESTRICTED)
def test_pypitoken_agrees(parameters: dict[str, Any]) -> None:
    made = pypitoken.Token.create(domain="test.pypi.org", identifier=UUID, key=KEY).restrict(**parameters)
    secret = Secret(made.dump())
    expected = tuple(AS_PYPITOKEN[type(found)](found) for found in made.restrictions)
    assert read(secret) == Token("test.pypi.org", UUID, expected)

    narrowed = pypitoken.Token.load(narrow(secret, project="Black", not_before=1_500, expires_at=2_400).reveal())
    assert narrowed.restrictions == [
        *made.restrictions,
        restrictions.ProjectNamesRestriction(["black"]),
        restrictions.DateRestriction(not_before=1_500, not_after=2_400),
    ]
    context = {"key": KEY, "project_id": UUID, "user_id": UUID}
    narrowed.check(**context, project_name="black", now=2_399)
    for project, now in (("hatch", 2_000), ("black", 1_499), ("black", 2_400)):
        with pytest.raises(pypitoken.ValidationError, match="can only be used"):
            narrowed.check(**context, project_name=project, now=now)


# -- narrowing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("project", "caveat"),
    [
        ("black", b'[1,["black"]]'),
        ("Zope.Interface", b'[1,["zope-interface"]]'),
        ("a-._-B__c", b'[1,["a-b-c"]]'),
        ('sn\u00f8 "q"', b'[1,["sn\\u00f8 \\"q\\""]]'),
    ],
)
def test_a_narrowed_token_names_the_normalized_project(project: str, caveat: bytes) -> None:
    secret = token(b'[3,"me"]')
    narrowed = narrow(secret, project=project, not_before=10, expires_at=20)
    assert [added.caveat_id for added in oracle(narrowed).caveats] == [b'[3,"me"]', caveat, b"[0,20,10]"]
    assert narrowed == token(b'[3,"me"]', caveat, b"[0,20,10]")


def test_narrowing_leaves_the_original_and_can_be_repeated() -> None:
    secret = token(b'[3,"me"]')
    before = secret.reveal()
    once = narrow(secret, project="a", not_before=10, expires_at=20)
    twice = narrow(once, project="b", not_before=5, expires_at=15)
    assert secret.reveal() == before
    assert twice == token(b'[3,"me"]', b'[1,["a"]]', b"[0,20,10]", b'[1,["b"]]', b"[0,15,5]")
    assert (read(twice).projects, read(twice).not_before, read(twice).expires_at) == (frozenset(), 10, 15)


@pytest.mark.parametrize("size", [127, 128, 129, 16_383, 16_384, 17_000])
def test_lengths_at_the_bounds_of_a_varint(size: int) -> None:
    projects = ["x" * (size - len('[1,[""]]'))]
    secret = token(json.dumps([1, projects], separators=(",", ":")).encode())
    assert read(secret).projects == frozenset(projects)
    assert narrow(token(), project=projects[0], not_before=1, expires_at=2) == token(
        oracle(secret).caveats[0].caveat_id, b"[0,2,1]"
    )


def test_a_token_made_by_pypi_is_recognisable_before_and_after() -> None:
    for host, prefix in (("pypi.org", "pypi-AgEIcHlwaS5vcmcCJ"), ("test.pypi.org", "pypi-AgENdGVzdC5weXBpLm9yZwIk")):
        secret = token(b'[3,"me"]', location=host)
        for known in (secret, narrow(secret, project="black", not_before=1, expires_at=2)):
            assert known.reveal().startswith(prefix)
            assert looks_like_token(known.reveal())


def test_padding_is_taken_and_not_written() -> None:
    seen = set()
    for size in range(1, 7):
        secret = token(b'[3,"me"]', identifier="i" * size)
        payload = secret.reveal()
        padding = "=" * (-len(payload.removeprefix("pypi-")) % 4)
        seen.add(padding)
        padded = Secret(payload + padding)
        assert read(padded) == read(secret)
        narrowed = narrow(padded, project="black", not_before=1, expires_at=2)
        assert narrowed == narrow(secret, project="black", not_before=1, expires_at=2)
        assert "=" not in narrowed.reveal()
    assert seen == {"", "=", "=="}


# -- what can't be read -----------------------------------------------------------------------------------------------

GOOD = token(b'[1,["black"]]', f'[2,["{UUID}"]]'.encode(), b"[0,1700000900,1700000000]").reveal()
SIGNED = b"\0" + field(6, bytes(32))

MALFORMED: dict[str, tuple[str | Secret, str]] = {
    "empty": ("", "does not begin"),
    "a password": ("hunter2", "does not begin"),
    "another index's token": ("glpat-abcdefghijklmnop", "does not begin"),
    "another case": ("PYPI" + GOOD[4:], "does not begin"),
    "a space before": (" " + GOOD, "does not begin"),
    "only the prefix": ("pypi-", "not a macaroon"),
    "a newline after": (GOOD + "\n", "not base64"),
    "quotes": (f'{GOOD}"', "not base64"),
    "a space within": (GOOD[:50] + " " + GOOD[50:], "not base64"),
    "the other alphabet": ("pypi-AgEI+/AA", "not base64"),
    "too much padding": (GOOD + "====", "not base64"),
    "padding within": (GOOD[:53] + "=" + GOOD[54:], "not base64"),
    "padding where none belongs": ("pypi-AgEI==", "not base64"),
    "a character too few": ("pypi-AgEIc", "not base64"),
    "letters outside of ASCII": (GOOD[:60] + "é" + GOOD[61:], "not base64"),
    "digits outside of ASCII": (GOOD[:60] + "٣" + GOOD[61:], "not base64"),
    "an emoji": ("pypi-🐍", "not base64"),
    "a surrogate": (GOOD[:-1] + "\udcff", "not base64"),
    "a zero": (GOOD + "\x00", "not base64"),
    "version 1": ("pypi-MDAxNmxvY2F0aW9uIHB5cGkub3JnCg", "not a macaroon"),
    "version 3": (binary(HEADER, version=b"\x03"), "not a macaroon"),
    "no header": (binary(b""), "header"),
    "no identifier": (binary(field(1, b"pypi.org")), "header"),
    "a verification id in the header": (binary(HEADER + field(4, b"x")), "header"),
    "an unknown field in the header": (binary(field(2, b"id") + field(3, b"x")), "header"),
    "identifier before location": (binary(field(2, b"id") + field(1, b"pypi.org")), "not in order"),
    "two identifiers": (binary(HEADER + field(2, b"id")), "not in order"),
    "a location in a first-party caveat": (binary(HEADER, field(1, b"x") + field(2, b"[]")), "malformed caveat"),
    "no identifier in a caveat": (binary(HEADER, field(4, b"x")), "malformed caveat"),
    "an unknown field in a caveat": (binary(HEADER, field(2, b"[]") + field(5, b"x")), "malformed caveat"),
    "a field too many in a caveat": (
        binary(HEADER, field(2, b"[]") + field(4, b"x") + field(6, b"x")),
        "malformed caveat",
    ),
    "no end of the caveats": (binary(HEADER, after=field(6, bytes(32))), "ends too early"),
    "no signature": (binary(HEADER, after=b"\0"), "ends too early"),
    "a short signature": (binary(HEADER, after=b"\0" + field(6, bytes(31))), "signature"),
    "a long signature": (binary(HEADER, after=b"\0" + field(6, bytes(33))), "signature"),
    "another field as signature": (binary(HEADER, after=b"\0" + field(7, bytes(32))), "signature"),
    "a byte after the signature": (binary(HEADER, after=SIGNED + b"\0"), "extra data"),
    "two tokens": (binary(HEADER, after=SIGNED + SIGNED), "extra data"),
    "a length beyond the end": (from_bytes(b"\x02\x01\x7fpypi"), "ends too early"),
    "a length of which nothing follows": (from_bytes(b"\x02\x01"), "ends too early"),
    "an over-long varint": (binary(b"\x02\x82\x00id"), "zeros"),
    "an over-long type": (binary(b"\x82\x00\x02id"), "zeros"),
    "an over-long end": (binary(HEADER, after=b"\x80\x00" + field(6, bytes(32))), "zeros"),
    "a varint without end": (from_bytes(b"\x02" + b"\xff" * 1_000), "too large"),
    "a length of many bytes": (binary(b"\x02\x80\x80\x80\x01id"), "too large"),
    "a location that is no UTF-8": (binary(field(1, b"\xff") + field(2, b"id")), "location or identifier"),
    "an identifier that is no UTF-8": (binary(field(2, b"\xc3")), "location or identifier"),
    "a terminal escape as location": (binary(field(1, b"\x1b[2J") + field(2, b"id")), "location or identifier"),
    "a line end as identifier": (binary(field(2, b"a\nb")), "location or identifier"),
    "a surrogate as identifier": (binary(field(2, b"\xed\xa0\x80")), "location or identifier"),
    "megabytes": ("pypi-" + "A" * 5_000_000, "more than 24500"),
}


@pytest.mark.parametrize(("given", "why"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_token_is_refused(given: str | Secret, why: str) -> None:
    secret = given if isinstance(given, Secret) else Secret(given)
    with pytest.raises(MalformedTokenError, match=why) as caught:
        read(secret)
    message = str(caught.value)
    assert message.startswith("It is not in the format of PyPI's API tokens: ")
    assert message.endswith(" Copy it again in full, or create a new one.")
    assert message.isprintable()
    with pytest.raises(MalformedTokenError, match=why):
        narrow(secret, project="black", not_before=1, expires_at=2)


@pytest.mark.parametrize(("given", "why"), MALFORMED.values(), ids=MALFORMED)
def test_a_refusal_carries_nothing_that_holds_the_secret(given: str | Secret, why: str) -> None:
    secret = given if isinstance(given, Secret) else Secret(given)

    def narrowed() -> None:
        narrow(secret, project="black", not_before=1, expires_at=2)

    for action, passed in ((lambda: read(secret), ["read"]), (narrowed, ["narrowed", "narrow", "read"])):
        error = failure(action)
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        assert [frame.f_code.co_name for frame in frames][-len(passed) :] == passed
        assert all(
            not isinstance(value, (str, bytes)) or value == "black"
            for frame in frames
            if frame.f_code.co_filename == read.__code__.co_filename
            for value in frame.f_locals.values()
        )
        assert error.__cause__ is None
        assert error.__context__ is None
        assert why.split()[-1] in str(error)


def test_a_rendered_refusal_shows_no_secret() -> None:
    shown = rendered(failure(lambda: read(Secret(GOOD[:-1]))))
    assert "secret = *****" in shown
    assert not any(GOOD[start : start + 12] in shown for start in range(len("pypi-"), len(GOOD) - 12))


def test_the_longest_token_is_taken_and_a_longer_one_refused() -> None:
    overhead = len(bytes_of(token(b'[3,""]')))
    user = "u" * ((LONGEST - len("pypi-")) * 3 // 4 - overhead - 2)
    longest = token(f'[3,"{user}"]'.encode())
    assert LONGEST - 4 < len(longest.reveal()) <= LONGEST
    assert read(longest).caveats == ((Tag.REQUEST_USER, user),)
    # As Basic authorization it fits into one of PyPI's header lines, together with the field's name.
    sent = base64.b64encode(f"__token__:{longest.reveal()}".encode("ascii"))
    assert 32_600 < len(b"Authorization: Basic " + sent) <= 32_760
    with pytest.raises(MalformedTokenError, match="more than 24500"):
        read(token(f'[3,"{user}uuuu"]'.encode()))
    with pytest.raises(MalformedTokenError, match="more than 24500") as caught:
        narrow(longest, project="black", not_before=1, expires_at=2)
    frames = [frame for frame, _ in traceback.walk_tb(caught.tb)][1:]
    assert [frame.f_code.co_name for frame in frames] == ["narrow", "read"]
    held = [value for frame in frames for value in frame.f_locals.values() if isinstance(value, (str, bytes))]
    assert set(held) == {"black"}


def test_every_truncation_is_refused() -> None:
    data = bytes_of(Secret(GOOD))
    for secret in [Secret(GOOD[:size]) for size in range(len(GOOD))] + [
        from_bytes(data[:size]) for size in range(len(data))
    ]:
        with pytest.raises(MalformedTokenError):
            read(secret)


def read_or_none(secret: Secret) -> Token | None:
    """Any exception but MalformedTokenError fails the test."""
    try:
        return read(secret)
    except MalformedTokenError:
        return None


def check_against_pymacaroons(secret: Secret) -> bool:
    """Whatever is read is read as pymacaroons does; what it refuses is refused. Says whether it was read."""
    read_token = read_or_none(secret)
    if read_token is None:
        return False
    made = oracle(secret)
    assert (read_token.location, read_token.identifier) == (made.location, made.identifier_bytes.decode())
    assert len(read_token.caveats) == len(made.caveats)
    for said, caveat in zip(read_token.caveats, made.caveats, strict=True):
        assert said[0] is not None or said[1] == caveat.caveat_id
        assert caveat.first_party() or said[0] is None
    narrowed = narrow(secret, project="black", not_before=1, expires_at=2)
    made.add_first_party_caveat('[1,["black"]]').add_first_party_caveat("[0,2,1]")
    assert oracle(narrowed).signature == made.signature
    return True


def test_every_flipped_bit_is_read_as_pymacaroons_reads_it() -> None:
    data = bytes_of(Secret(GOOD))
    outcomes = []
    for position in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        outcomes.append(check_against_pymacaroons(from_bytes(bytes(flipped))))
    assert outcomes[-256:] == [True] * 256  # a wrong signature can't be seen here
    assert outcomes.count(False) > 200


def test_every_exchanged_character_is_read_as_pymacaroons_reads_it() -> None:
    characters = "A_-/+= \n\x00é\udcff٣"
    for position in range(len(GOOD)):
        for character in characters:
            read_or_none(Secret(GOOD[:position] + character + GOOD[position + 1 :]))


@pytest.mark.parametrize("seed", range(4))
def test_random_input_is_read_as_pymacaroons_reads_it(seed: int) -> None:
    chance = random.Random(seed)
    alphabet = "pypi-AgEIcHlwaS5vcmc_=+ \n\té\ud800\U0010ffff\x00"
    pieces = [
        b"\0",
        b"\x02",
        SIGNED,
        field(1, b"pypi.org"),
        field(2, b"[0,1,2]"),
        field(4, b"v"),
        field(6, bytes(32)),
        b"\xff",
    ]
    outcomes = []
    for _ in range(700):
        read_or_none(Secret("".join(chance.choices(alphabet, k=chance.randrange(60)))))
        read_or_none(Secret("pypi-" + "".join(chance.choices(alphabet[:20], k=chance.randrange(200)))))
        read_or_none(from_bytes(b"\x02" + chance.randbytes(chance.randrange(100))))
        outcomes.append(
            check_against_pymacaroons(
                from_bytes(b"\x02" + HEADER + b"\0" + b"".join(chance.choices(pieces, k=chance.randrange(8))) + SIGNED)
            )
        )
    assert {True, False} == set(outcomes)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_tokens_are_read_as_pymacaroons_reads_them(seed: int) -> None:
    chance = random.Random(seed)
    for made, _ in generated_tokens(seed + 100, 60):
        data = bytes_of(token_of(made))
        for _ in range(6):
            start, end = sorted(chance.choices(range(len(data)), k=2))
            inserted = chance.choice((b"", b"\0", chance.randbytes(3), data[start:end]))
            check_against_pymacaroons(from_bytes((data[:start] + inserted + data[end:])[:18_000]))


# -- what is recognised at a prompt -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "recognised"),
    [
        (GOOD, True),
        (GOOD + "=", True),
        (GOOD + "==", True),
        (GOOD[:-10], True),  # cut off, and still not to be echoed
        ("pypi-" + "A" * 85, True),
        ("pypi-" + "A" * 84, False),
        ("", False),
        ("pypi-", False),
        ("pypi-uploader", False),
        ("__token__", False),
        (GOOD[5:], False),
        (" " + GOOD, False),
        (GOOD + "\n", False),
        ("PYPI-" + GOOD[5:], False),
        ("pypi-" + "é" * 200, False),
        ("pypi-" + "a b" * 100, False),
        ("glpat-" + "A" * 200, False),
    ],
)
def test_a_token_is_recognised(typed: str, recognised: bool) -> None:
    assert looks_like_token(typed) is recognised
