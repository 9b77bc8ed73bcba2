"""The detached signature over the tag manifest that certificate tools read: CMS (RFC 5652), CAdES-B in form.

    openssl cms -verify -binary -inform DER -in tagmanifest-sha256.txt.p7s -content tagmanifest-sha256.txt \\
        -CAfile root.pem -out /dev/null

It holds no time: the same content and certificate give the same bytes. So it is also checked by building it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from app.legal.bundle.sealing.certificate import Certificate, der, is_signed_by

_SHA256 = {"algorithm": "sha256"}


def seal(content: bytes, certificate: Certificate) -> bytes:
    """The signature of `content`, DER, with the certificates in it and without the content."""
    signature = certificate.sign(_attributes(content, certificate.own).dump())
    return _signed_data(content, certificate.chain, signature)


def fault(seal_bytes: bytes, content: bytes, chain_pem: bytes) -> str:
    """What is wrong with a seal of `content` by the first certificate of `chain_pem`, '' = nothing.

    Whether that certificate is to be trusted is not asked here: its own bytes are under the bundle's signature.
    """
    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
        info = cms.ContentInfo.load(seal_bytes, strict=True)["content"]["signer_infos"][0]
        signature = info["signature"].native
        again = _signed_data(content, chain, signature)
    except Exception as error:  # the input may be hostile
        return f"cannot be read as a CMS signature ({type(error).__name__})"
    if not is_signed_by(chain[0], _attributes(content, chain[0]).dump(), signature):
        return "the signature does not fit"
    return (
        ""
        if again == seal_bytes
        else "was changed: it is not what follows from its certificate and signature"
    )


def _attributes(content: bytes, own: x509.Certificate) -> cms.CMSAttributes:
    """What is signed: kind and digest of the content, and which certificate signs (RFC 5035)."""
    certified = tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(der(own)).digest()}]})
    given = {
        "content_type": "data",
        "message_digest": hashlib.sha256(content).digest(),
        "signing_certificate_v2": certified,
    }
    return cms.CMSAttributes([{"type": kind, "values": [value]} for kind, value in given.items()])


def _signed_data(content: bytes, chain: Sequence[x509.Certificate], signature: bytes) -> bytes:
    own = asn1.Certificate.load(der(chain[0]))
    scheme = "sha256_rsa" if isinstance(chain[0].public_key(), rsa.RSAPublicKey) else "sha256_ecdsa"
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": {"issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number}},
            "digest_algorithm": _SHA256,
            "signed_attrs": _attributes(content, chain[0]),
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": scheme}),
            "signature": core.OctetString(signature),
        }
    )
    signed = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [_SHA256],
            "encap_content_info": {"content_type": "data"},
            "certificates": [asn1.Certificate.load(der(each)) for each in chain],
            "signer_infos": [signer],
        }
    )
    made: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()
    return made
