"""Push case bundles to the legal desk: each file by its SHA-256, the manifest last. docs/bundle.md has the protocol.

Every step may be repeated: a file that the desk already has is not sent again, and the same bundle gets the same
receipt.
"""

from __future__ import annotations

import io
import json
import socket
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import stamina
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import MappingKeyResolver
from http_message_signatures.algorithms import ED25519
from http_message_signatures.httpx2 import SignatureHooks, SignatureHooksMode, SigningOptions

from app.legal.bundle.bag import TAG_MANIFEST, json_bytes, key_id, sha256
from app.legal.bundle.receipt import Receipt
from app.outreach.outbox.dispatch import Misconfigured, TryLater, Undeliverable

Delivery = Receipt | Undeliverable | TryLater | Misconfigured

_ATTEMPTS = 4
_RETRY_SECONDS = 8.0
_LONGEST_WAIT = 24 * 3600
LARGEST_ANSWER = 64 * 1024
"""Bytes; a receipt has some three hundred."""
SLOWEST = 50_000
"""Bytes a second that a line must take, or the exchange is given up."""


class _Unexpected(Exception):
    """An answer that ends the delivery; carries what to tell the outbox."""

    def __init__(self, outcome: Undeliverable | TryLater | Misconfigured) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class _ServerTrouble(Exception):
    """An answer worth asking again for: 429 or 5xx."""

    def __init__(self, response: _Answer) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A bundle in parts: contents by SHA-256, and the manifest that puts them together."""

    contents: dict[str, bytes]
    manifest: bytes
    tag_manifest_sha256: str


class _Line:
    """The connections of a client, to be cut when an exchange takes too long: a timeout of the library's is for each
    read alone, and a desk that sends a byte a second is read for ever."""

    def __init__(self) -> None:
        self._streams: list[Any] = []

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._streams.append(info["return_value"])

    def cut(self) -> None:
        for stream in self._streams:
            with suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    @contextmanager
    def open_for(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


@dataclass(frozen=True, slots=True)
class _Answer:
    """The desk's answer, at most `LARGEST_ANSWER` bytes of it."""

    status_code: int
    headers: httpx2.Headers
    content: bytes

    def json(self) -> Any:
        """Parse the answer. ValueError unless it is JSON of a reasonable depth."""
        try:
            return json.loads(self.content)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class LegalHttp:
    """The legal desk behind `base_url`. Requests are signed with `key` (RFC 9421), bodies digested (RFC 9530)."""

    def __init__(self, base_url: str, key: Ed25519PrivateKey, *, timeout: float = 30.0) -> None:
        """`timeout` in seconds is for each read and write; a whole exchange may take four of them and what its bytes
        need on a slow line. A malformed `base_url` shows at delivery, not here."""
        self._base = base_url.rstrip("/")
        self._key = key
        self._timeout = timeout

    def deliver(self, bundle_id: str, bundle: bytes) -> Delivery:
        """The desk's receipt, or why there is none. Never raises for what a network or the desk can do.

        Undeliverable = the desk refuses this bundle for good (409, 413, 422). May always be called again.
        """
        try:
            parcel = _unpack(bundle_id, bundle)
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            return Undeliverable(f"not a case bundle: {error}")
        try:
            line = _Line()
            with self._client() as client:
                for digest, content in parcel.contents.items():
                    if not self._has(client, line, digest):
                        self._exchange(client, line, "PUT", f"/files/{digest}", content)
                answer = self._exchange(client, line, "PUT", f"/bundles/{bundle_id}", parcel.manifest)
            return _receipt(answer, bundle_id, parcel)
        except _Unexpected as refused:
            return refused.outcome
        except _ServerTrouble as trouble:
            return TryLater(f"the legal desk answered {trouble}", _retry_after(trouble.response))
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            return Misconfigured(f"the legal desk's address is not usable: {error}")
        except httpx2.HTTPError as error:
            return TryLater(f"the legal desk could not be reached: {type(error).__name__}")

    def _client(self) -> httpx2.Client:
        url = httpx2.URL(self._base)
        if url.scheme not in ("http", "https") or not url.host:
            raise httpx2.InvalidURL(f"not an http(s) address: {self._base[:100]!r}")
        name = key_id(self._key.public_key())
        hooks = SignatureHooks(
            SignatureHooksMode.SIGN_REQUEST,
            sign_options=SigningOptions(
                origin=f"{url.scheme}://{url.netloc.decode('ascii')}",
                signature_algorithm=ED25519,
                key_id=name,
                key_resolver=MappingKeyResolver(private_keys={name: self._key}, public_keys={}),
                covered_component_ids=("@method", "@target-uri"),  # the digest joins them with the body
                label="desk",
            ),
        )
        return httpx2.Client(timeout=self._timeout, event_hooks=hooks.event_hooks, follow_redirects=False)

    def _has(self, client: httpx2.Client, line: _Line, digest: str) -> bool:
        return self._exchange(client, line, "HEAD", f"/files/{digest}", b"").status_code != 404

    def _exchange(self, client: httpx2.Client, line: _Line, method: str, path: str, body: bytes) -> _Answer:
        """One request with its bounded retries. Safe to repeat: every request of the protocol is idempotent."""
        for attempt in stamina.retry_context(
            on=(httpx2.TransportError, _ServerTrouble),
            attempts=_ATTEMPTS,
            timeout=_RETRY_SECONDS,
            wait_initial=0.2,
        ):
            with attempt:
                response = self._ask(client, line, method, path, body)
                if response.status_code == 429 or response.status_code >= 500:
                    raise _ServerTrouble(response)
        if 200 <= response.status_code < 300 or (method, response.status_code) == ("HEAD", 404):
            return response
        raise _Unexpected(_refusal(response))

    def _ask(self, client: httpx2.Client, line: _Line, method: str, path: str, body: bytes) -> _Answer:
        """The answer to one request. _Unexpected for one that is longer than any desk's."""
        with (
            line.open_for(4 * self._timeout + len(body) / SLOWEST),
            client.stream(
                method,
                self._base + path,
                content=body,
                headers={"accept-encoding": "identity"},  # so that nothing is larger than it is
                extensions={"trace": line.trace},
            ) as response,
        ):
            content = b""
            for chunk in response.iter_raw(8192):
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    raise _Unexpected(Misconfigured(TOO_LONG))
            return _Answer(response.status_code, response.headers, content)


def _unpack(bundle_id: str, bundle: bytes) -> _Parcel:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    digests = {path: sha256(content) for path, content in files.items()}
    case = json.loads(files["data/case.json"])
    manifest = {
        "bundle_id": bundle_id,
        "case_reference": case["case_reference"],
        "supersedes": case["supersedes"],
        "files": [
            {"path": path, "sha256": digests[path], "size": len(files[path])} for path in sorted(files)
        ],
    }
    contents = {digests[path]: files[path] for path in sorted(files)}
    return _Parcel(contents, json_bytes(manifest), digests[TAG_MANIFEST])


TOO_LONG = "the answer is longer than any receipt; is this address a legal desk?"


def _receipt(response: _Answer, bundle_id: str, parcel: _Parcel) -> Delivery:
    """Read the receipt, if it is one for exactly this bundle."""
    try:
        body = response.json()
        receipt = Receipt(
            receipt_id=str(body["receipt_id"]),
            bundle_id=body["bundle_id"],
            received_at=str(body["received_at"]),
            files=int(body["files"]),
            sha256_of_tagmanifest=body["sha256_of_tagmanifest"],
            status=body["status"],
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return Misconfigured("the answer is not a receipt; is this address a legal desk?")
    if (receipt.bundle_id, receipt.sha256_of_tagmanifest) != (bundle_id, parcel.tag_manifest_sha256):
        return Misconfigured("the legal desk gave a receipt for something else")
    return receipt


def _refusal(response: _Answer) -> Undeliverable | Misconfigured:
    reason = f"the legal desk answered HTTP {response.status_code}{_detail(response)}"
    return Undeliverable(reason) if response.status_code in (409, 413, 422) else Misconfigured(reason)


def _detail(response: _Answer) -> str:
    """Read the title and detail of a problem+json answer (RFC 9457), shortened; '' for any other answer."""
    try:
        problem: dict[str, Any] = response.json()
        files = "; ".join(f"{p['file']}: {p['what']}" for p in problem.get("problems", []))
        text = f"{problem['detail']} {files}".strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return f": {text[:500]}"


def _retry_after(response: _Answer) -> int:
    """Seconds from Retry-After, if it gives seconds; else the outbox's own default."""
    given = response.headers.get("retry-after", "")
    if not (given.isascii() and given.isdecimal()):
        return TryLater("").after_seconds
    return min(int(given), _LONGEST_WAIT) if len(given) < 10 else _LONGEST_WAIT
