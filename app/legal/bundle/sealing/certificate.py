"""The certificate that seals beside the bundle's own key: for programs that know certificates and no Ed25519.

Readers of PDF and `openssl cms` want an X.509 certificate with an RSA or P-256 key (decision 0480). Signatures are
deterministic: PKCS 1 v1.5 (RFC 8017) for RSA, RFC 6979 for P-256.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from app.core.errors import Invalid

MIN_RSA_BITS = 2048
_FIELD = "seal_certificate"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\s*", re.DOTALL)
_DER, _PEM = Encoding.DER, Encoding.PEM

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True)
class Certificate:
    """A private key with its certificate, and those of its issuers after it."""

    key: PrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def own(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def pem(self) -> bytes:
        """The certificates, the own one first."""
        return b"".join(each.public_bytes(_PEM) for each in self.chain)

    def sign(self, data: bytes) -> bytes:
        """The signature over `data` with SHA-256; the same data give the same signature."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))

    def ends(self) -> datetime:
        """The first instant at which one certificate of the chain has expired."""
        return min(each.not_valid_after_utc for each in self.chain)


def load_certificate(pem_or_path: str) -> Certificate:
    """A key and certificates from one PEM text or from a file with it: in any order but the issuers' own, the key's
    certificate before its issuers. Invalid says what is wrong, never with a part of the key."""
    text = pem_or_path.strip()
    try:
        pem = text.encode() if text.startswith("-----BEGIN") else Path(text).read_bytes()
        chain = x509.load_pem_x509_certificates(pem)
        key = load_pem_private_key(_CERTIFICATE.sub(b"", pem), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        why = "It needs a private key (PKCS 8, without a password) and its certificates, all as PEM in one file."
        raise Invalid(
            f"The seal's certificate cannot be read ({type(error).__name__}). {why}", _FIELD
        ) from None
    if not _is_known(key.public_key()):
        raise Invalid(
            f"The seal's certificate has a key that its readers do not know. Take RSA from {MIN_RSA_BITS} bits "
            "or P-256.",
            _FIELD,
        )
    assert isinstance(key, PrivateKey)
    if key.public_key() != chain[0].public_key():
        raise Invalid("The first certificate is not that of the seal's private key.", _FIELD)
    _check_use(chain[0])
    return Certificate(key, tuple(chain))


def is_signed_by(certificate: x509.Certificate, data: bytes, signature: bytes) -> bool:
    """Whether `signature` over `data` was made by the key of this certificate, as `Certificate.sign` makes it."""
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(_DER)


def _is_known(key: object) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= MIN_RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)


def _check_use(certificate: x509.Certificate) -> None:
    """RFC 5280, section 4.2.1.3: a certificate that names its uses must name that of signing content."""
    try:
        use = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not (use.digital_signature or use.content_commitment):
        raise Invalid("The seal's certificate may not sign: its key usage does not name signatures.", _FIELD)
