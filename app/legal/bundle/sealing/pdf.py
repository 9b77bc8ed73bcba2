"""The seal in the PDF that its readers show: PAdES B-B (ETSI EN 319 142-1), added behind the document's bytes.

The document stays PDF/A: a signature is an incremental update, and what the typesetter wrote is not touched. The
claimed time of signing is the start of the day of the figures, like all dates in the archive, so that the same case
gives the same bytes; the time at which the bundle existed is proved by its time stamp.
"""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, date, datetime, time

from asn1crypto import x509 as asn1
from pyhanko.pdf_utils.generic import ArrayObject, ByteStringObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko_certvalidator.registry import SimpleCertificateStore

from app.legal.bundle.sealing.certificate import Certificate, der

FIELD = "Seal"


def seal_pdf(document: bytes, certificate: Certificate, *, creditor: str, bundle_id: str, on: date) -> bytes:
    """The document with its seal. The same document, certificate and day give the same bytes."""
    told = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        name=creditor,
        reason=f"Case file {bundle_id}",
    )
    sealed = io.BytesIO()
    signer = _Dated(told, signer=_Signer(certificate), at=_claimed(certificate, on))
    signer.sign_pdf(_Repeatable(io.BytesIO(document)), output=sealed)
    return sealed.getvalue()


def _claimed(certificate: Certificate, on: date) -> datetime:
    """A certificate that was issued after the day of the figures cannot have signed on it."""
    return max(datetime.combine(on, time(), UTC), certificate.own.not_valid_before_utc)


class _Signer(Signer):
    def __init__(self, certificate: Certificate) -> None:
        own, *issuers = (asn1.Certificate.load(der(each)) for each in certificate.chain)
        known = SimpleCertificateStore.from_certs(issuers)  # type: ignore[no-untyped-call]
        super().__init__(signing_cert=own, cert_registry=known, prefer_pss=False)
        self._certificate = certificate

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        del dry_run
        assert digest_algorithm == "sha256"
        return self._certificate.sign(data)


class _Dated(PdfSigner):
    def __init__(self, told: PdfSignatureMetadata, *, signer: Signer, at: datetime) -> None:
        super().__init__(told, signer=signer)
        self._at = at

    def init_signing_session(
        self, pdf_out: BasePdfFileWriter, existing_fields_only: bool = False
    ) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self._at
        return session


class _Repeatable(IncrementalPdfFileWriter):
    """Writes no time and nothing random: the file's second id follows from its bytes, its metadata stay."""

    @classmethod
    def _handle_id(cls, prev: PdfFileReader) -> ArrayObject:
        ids: ArrayObject = super()._handle_id(prev)  # type: ignore[no-untyped-call]
        prev.stream.seek(0)
        ids[1] = ByteStringObject(hashlib.sha256(prev.stream.read()).digest()[:16])
        return ids

    def _update_meta(self) -> None:
        """Leave date and producer as the typesetter wrote them."""
