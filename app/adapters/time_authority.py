"""A time-stamp authority over HTTP (RFC 3161, section 3.4)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from app.legal.timestamps.service import NoStamp, Stamp
from app.legal.timestamps.verification import load_roots, verify

TIMEOUT_SECONDS = 15.0
LARGEST_ANSWER = 64 * 1024
"""Bytes; a stamp with its certificates has some five thousand."""


class HttpTimeAuthority:
    """Asks one authority. Follows no redirect. Only a stamp that verifies up to a trusted root is taken."""

    def __init__(self, url: str, roots: Path, *, timeout: float = TIMEOUT_SECONDS) -> None:
        """`roots`: PEM file with the certificates that are trusted. Invalid where it cannot be read."""
        self.name = (urlsplit(url).hostname or url)[:200]
        self._url, self._timeout = url, timeout
        self._roots = load_roots(roots)

    def stamp(self, content: bytes) -> Stamp:
        request = (
            TimestampRequestBuilder()
            .data(content)
            .hash_algorithm(HashAlgorithm.SHA256)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        answer = self._ask(request.as_bytes())
        try:
            response = decode_timestamp_response(answer)
            if response.status not in (0, 1):
                words = "; ".join(response.status_string)[:200]
                raise NoStamp(f"{self.name} refused to stamp (status {response.status}). {words}".strip())
            verifier = VerifierBuilder.from_request(request)
            verify(verifier, response, content, self._roots)
        except (ValueError, VerificationError) as error:
            raise NoStamp(f"The stamp of {self.name} does not verify: {error}"[:300]) from None
        return Stamp(response.tst_info.gen_time, answer)

    def _ask(self, request: bytes) -> bytes:
        headers = {"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"}
        try:
            with (
                httpx2.Client(timeout=self._timeout, follow_redirects=False, trust_env=False) as client,
                client.stream("POST", self._url, content=request, headers=headers) as answer,
            ):
                if answer.status_code != 200:
                    raise NoStamp(f"{self.name} answers HTTP {answer.status_code}.")
                read = b""
                for chunk in answer.iter_bytes():
                    read += chunk
                    if len(read) > LARGEST_ANSWER:
                        raise NoStamp(f"{self.name} answers more than {LARGEST_ANSWER} bytes.")
                return read
        except httpx2.HTTPError as error:
            raise NoStamp(f"{self.name} could not be reached ({type(error).__name__}).") from None
