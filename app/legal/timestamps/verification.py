"""Time stamps verified offline, up to the roots that are trusted (RFC 3161)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from app.core.errors import Invalid


def load_roots(file: Path) -> list[x509.Certificate]:
    """Certificates of authorities that are trusted, from a PEM file. Invalid where it cannot be read."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        why = f"The roots of the time-stamp authority cannot be read ({type(error).__name__})."
        raise Invalid(f"{why} It takes a PEM file with certificates.", "tsa_roots") from None


def verified_time(response: bytes, content: bytes, roots: Sequence[x509.Certificate]) -> datetime:
    """The time at which `content` existed, as an authority under one of `roots` certified. Invalid where it did not."""
    try:
        read = decode_timestamp_response(response)
        verify(VerifierBuilder(), read, content, roots)
    except (ValueError, VerificationError) as error:
        raise Invalid(f"The time stamp does not verify: {error}", "time_stamp") from None
    return read.tst_info.gen_time


def verify(
    verifier: VerifierBuilder, response: TimeStampResponse, content: bytes, roots: Sequence[x509.Certificate]
) -> None:
    """VerificationError or ValueError where `response` is no stamp of `content` under one of `roots`."""
    for root in roots:
        verifier = verifier.add_root_certificate(root)
    verifier.build().verify(response, hashlib.sha256(content).digest())
