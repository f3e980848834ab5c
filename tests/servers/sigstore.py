"""Sigstore on loopback: a certificate authority (Fulcio), a transparency log (Rekor v1), and the trust in both as a file.

What they answer is what https://github.com/sigstore/fulcio and https://github.com/sigstore/rekor document, so that
`sigstore` signs with them and verifies against them as with the public instance.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from threading import Lock
from time import sleep, time
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from servers.closing import Closing
from servers.messages import Answer
from servers.oidc import GITHUB, GITLAB, public_key
from servers.recording import RecordingServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from servers.messages import Request

GOOGLE = "https://accounts.google.com"
FIRST_INDEX = 4711
"""The index of the first entry in the whole log; its place in the current tree is another number, as in Rekor's shards."""

_SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_START = "2020-01-01T00:00:00Z"


class Sigstore(Closing):
    """An instance of Sigstore; usable in a `with` block. `fulcio` and `rekor` are its servers, to script and to close.

    Unscripted, it issues a certificate for every identity token of this module's providers whose audience is `sigstore`,
    and logs every signature.
    """

    def __init__(self) -> None:
        self.fulcio = RecordingServer()
        self.rekor = RecordingServer()
        self.fulcio.respond = self._issue
        self.rekor.respond = self._append
        self.latency = 0.0
        """Seconds before each answer."""
        self.seconds_ahead = 0.0
        """Seconds by which both servers' clocks are ahead of this machine's."""
        self.certificate_life = 600.0
        """Seconds."""
        self.has_foreign_sct = False
        """A certificate's timestamp (SCT) is signed with the key of another log."""
        self.has_foreign_log = False
        """A log entry is signed with the key of another log."""
        self.issued: list[x509.Certificate] = []
        self.tokens: list[str] = []
        """The identity tokens that reached Fulcio."""
        self.entries: list[bytes] = []
        """The bodies in the log, in order."""
        self._lock = Lock()
        self._authority = _Authority.create()
        self._ct_key, self._log_key, self._foreign_key = _key(), _key(), _key()

    def close(self) -> None:
        """Stop it."""
        self.fulcio.close()
        self.rekor.close()

    def write_trust_config(self, path: Path, **changed: object) -> Path:
        """Write the trust in this instance as a ClientTrustConfig; `changed` are keys of its signing configuration."""
        config = self.trust_config
        config["signingConfig"].update(changed)
        path.write_text(json.dumps(config), "utf-8")
        return path

    @property
    def trust_config(self) -> dict[str, Any]:
        """The trust configuration for `sigstore --trust-config`."""
        fulcio, rekor = self.fulcio.url.rstrip("/"), self.rekor.url.rstrip("/")
        return {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [_log(rekor, self._log_key)],
                "certificateAuthorities": [
                    {
                        "subject": {"organization": "loopback", "commonName": "loopback"},
                        "uri": fulcio,
                        "certChain": {"certificates": [{"rawBytes": _base64(_der(self._authority.certificate))}]},
                        "validFor": {"start": _START},
                    }
                ],
                "ctlogs": [_log(f"{fulcio}/ctlog", self._ct_key)],
                "timestampAuthorities": [],
            },
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [_service(fulcio)],
                "oidcUrls": [],
                "rekorTlogUrls": [_service(rekor)],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaUrls": [],
                "tsaConfig": {"selector": "ANY"},
            },
        }

    # Fulcio: https://github.com/sigstore/fulcio/blob/main/fulcio.proto

    def _issue(self, request: Request) -> Answer:
        sleep(self.latency)
        if (request.method, request.path) != ("POST", "/api/v2/signingCert"):
            return Answer(404, body={"code": 5, "message": "Not Found", "details": []})
        token = str(request.headers["Authorization"]).removeprefix("Bearer ")
        self.tokens.append(token)
        try:
            claims: dict[str, Any] = jwt.decode(
                token, public_key(), algorithms=["RS256"], audience="sigstore", leeway=30
            )
        except jwt.PyJWTError:
            message = "There was an error processing the identity token"
            return Answer(401, body={"code": 16, "message": message, "details": []})
        asked = x509.load_pem_x509_csr(base64.b64decode(json.loads(request.body)["certificateSigningRequest"]))
        certificate = self._certified(asked, claims)
        self.issued.append(certificate)
        chain = [_pem(certificate), _pem(self._authority.certificate)]
        return Answer(body={"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}})

    def _certified(self, asked: x509.CertificateSigningRequest, claims: Mapping[str, Any]) -> x509.Certificate:
        """A certificate for a key and an identity, with a timestamp of the certificate transparency log (RFC 6962)."""
        public = asked.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        now = datetime.fromtimestamp(int(time() + self.seconds_ahead), timezone.utc)
        issuer = self._authority
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(issuer.certificate.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(seconds=self.certificate_life))
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([_subject(claims)]), critical=True)
        )
        for number, value in _extensions(claims).items():
            oid = ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, _utf8_string(value)), critical=False)
        precertificate = builder.sign(issuer.key, hashes.SHA256())
        sct = self._sct(precertificate.tbs_certificate_bytes, issuer)
        return builder.add_extension(x509.UnrecognizedExtension(_SCT_LIST, sct), critical=False).sign(
            issuer.key, hashes.SHA256()
        )

    def _sct(self, precertificate: bytes, issuer: _Authority) -> bytes:
        """A list of one signed certificate timestamp, in the encoding of the extension (RFC 6962, 3.2 and 3.3)."""
        at = struct.pack("!Q", int((time() + self.seconds_ahead) * 1000))
        entry = _key_id(issuer.key) + struct.pack("!I", len(precertificate))[1:] + precertificate
        signed = b"\0\0" + at + struct.pack("!H", 1) + entry + struct.pack("!H", 0)
        key = self._foreign_key if self.has_foreign_sct else self._ct_key
        signature = _sign(key, signed)
        sct = b"\0" + _key_id(self._ct_key) + at + b"\0\0" + b"\4\3" + struct.pack("!H", len(signature)) + signature
        listed = struct.pack("!H", len(sct)) + sct
        return _der_value(0x04, struct.pack("!H", len(listed)) + listed)

    # Rekor v1: https://github.com/sigstore/rekor/blob/main/openapi.yaml

    def _append(self, request: Request) -> Answer:
        sleep(self.latency)
        if (request.method, request.path) != ("POST", "/api/v1/log/entries"):
            return Answer(404, body={"code": 404, "message": "not found"})
        proposed = json.loads(request.body)
        content = proposed["spec"]["proposedContent"]
        envelope = json.loads(content["envelope"])
        body = _canonical(
            {
                "apiVersion": proposed["apiVersion"],
                "kind": proposed["kind"],
                "spec": {
                    "envelopeHash": _digest(content["envelope"].encode()),
                    "payloadHash": _digest(base64.b64decode(envelope["payload"])),
                    "signatures": [
                        {"signature": each["sig"], "verifier": content["verifiers"][0]}
                        for each in envelope["signatures"]
                    ],
                },
            }
        )
        with self._lock:
            self.entries.append(body)
            leaves = list(self.entries)
        return Answer(201, body={hashlib.sha256(body).hexdigest(): self._entry(body, leaves)})

    def _entry(self, body: bytes, leaves: Sequence[bytes]) -> dict[str, Any]:
        index, key = len(leaves) - 1, self._foreign_key if self.has_foreign_log else self._log_key
        promised = {
            "body": _base64(body),
            "integratedTime": int(time() + self.seconds_ahead),
            "logID": _key_id(self._log_key).hex(),
            "logIndex": FIRST_INDEX + index,
        }
        root = _root(leaves)
        note = f"loopback - 1\n{len(leaves)}\n{_base64(root)}\n"
        signature = _base64(_key_id(self._log_key)[:4] + _sign(key, note.encode()))
        proof = {
            "checkpoint": f"{note}\n\u2014 loopback {signature}\n",
            "hashes": [each.hex() for each in _path(index, leaves)],
            "logIndex": index,
            "rootHash": root.hex(),
            "treeSize": len(leaves),
        }
        promise = _base64(_sign(key, _canonical(promised)))
        return {**promised, "verification": {"inclusionProof": proof, "signedEntryTimestamp": promise}}


@dataclass(frozen=True)
class _Authority:
    """A certificate authority."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls) -> _Authority:
        key, name = _key(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
        now = datetime.now(timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)


def _subject(claims: Mapping[str, Any]) -> x509.GeneralName:
    if claims["iss"] == GITHUB:
        return x509.UniformResourceIdentifier(f"https://github.com/{claims['job_workflow_ref']}")
    if claims["iss"] == GITLAB:
        return x509.UniformResourceIdentifier(f"https://{claims['ci_config_ref_uri']}")
    return x509.RFC822Name(claims["email"])


def _extensions(claims: Mapping[str, Any]) -> dict[int, str]:
    """The claims that a certificate repeats: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md."""
    if claims["iss"] == GITHUB:
        return {
            8: claims["iss"],
            9: f"https://github.com/{claims['job_workflow_ref']}",
            12: f"https://github.com/{claims['repository']}",
            13: claims["sha"],
            14: claims["ref"],
            16: f"https://github.com/{claims['repository_owner']}",
            17: claims["repository_owner_id"],
            18: f"https://github.com/{claims['workflow_ref']}",
            20: claims["event_name"],
        }
    if claims["iss"] == GITLAB:
        return {
            8: claims["iss"],
            9: f"https://{claims['ci_config_ref_uri']}",
            12: f"https://gitlab.com/{claims['project_path']}",
            13: claims["sha"],
            14: claims["ref_path"],
            18: f"https://{claims['ci_config_ref_uri']}",
            20: claims["pipeline_source"],
        }
    return {8: claims["iss"]}


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _log(url: str, key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": _base64(_spki(key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": _START},
        },
        "logId": {"keyId": _base64(_key_id(key))},
    }


def _service(url: str) -> dict[str, Any]:
    return {"url": url, "majorApiVersion": 1, "validFor": {"start": _START}, "operator": "loopback"}


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _sign(key: ec.EllipticCurvePrivateKey, content: bytes) -> bytes:
    return key.sign(content, ec.ECDSA(hashes.SHA256()))


def _spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _key_id(key: ec.EllipticCurvePrivateKey) -> bytes:
    return hashlib.sha256(_spki(key)).digest()


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _utf8_string(text: str) -> bytes:
    return _der_value(0x0C, text.encode())


def _der_value(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _digest(content: bytes) -> dict[str, str]:
    return {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}


def _canonical(data: object) -> bytes:
    """JSON as RFC 8785 has it, of texts and whole numbers in ASCII."""
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def _root(leaves: Sequence[bytes]) -> bytes:
    """The root of the Merkle tree of these leaves: RFC 6962, 2.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    middle = _middle(len(leaves))
    return hashlib.sha256(b"\1" + _root(leaves[:middle]) + _root(leaves[middle:])).digest()


def _path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The proof that the tree holds a leaf: RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    middle = _middle(len(leaves))
    if index < middle:
        return [*_path(index, leaves[:middle]), _root(leaves[middle:])]
    return [*_path(index - middle, leaves[middle:]), _root(leaves[:middle])]


def _middle(size: int) -> int:
    """The largest power of two below a size."""
    return int(1 << (size - 1).bit_length() - 1)
