"""A reference receiver of case bundles: small enough to read, strict enough to use. docs/bundle.md has the protocol.

On disk, under `store`:
    files/ab/abcd...        contents by SHA-256
    bundles/<id>/           bundle.zip (the very archive that was built), manifest.json, receipt.json
    incoming/               what is being received; may be emptied while the desk is not running

A bundle's folder appears whole, by one rename, with its receipt in it: no receipt without a verified bundle, none
lost by a crash. Logs name bundles and digests, never people.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from http_message_signatures import (
    ContentDigest,
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from app.core.clock import Clock, SystemClock
from app.core.errors import Conflict, DeskError, Invalid
from app.core.timeline.rules import instant_text
from app.core.types import JsonObject
from app.legal.bundle import bag as fmt
from app.legal.bundle.bag import BUNDLE_ID
from app.legal.bundle.proof.opened import Problem
from app.legal.bundle.receipt import Receipt
from app.legal.bundle.verification import verify

log = logging.getLogger("legal_desk")

MAX_FILE_BYTES = 256 << 20
MAX_BUNDLE_BYTES = 1 << 30
MAX_MANIFEST_BYTES = 8 << 20
SIGNATURE_AGE = timedelta(minutes=5)
"""Oldest valid signature of a request; replays within it change nothing, every request is idempotent."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    path: str = Field(pattern=rf"^{fmt.PATH.pattern}$", max_length=400)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0, le=MAX_FILE_BYTES)


class _Manifest(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    bundle_id: str
    case_reference: str
    supersedes: str | None
    files: list[_File] = Field(min_length=1, max_length=20_000)


class _Unauthorized(DeskError):
    status = 401


class _TooLarge(DeskError):
    status = 413


class _Rejected(DeskError):
    """A bag that is here and does not verify, or of which some is not here."""

    status = 422

    def __init__(self, message: str, problems: Sequence[Problem]) -> None:
        super().__init__(message)
        self.problems = problems


def create_legal_desk(
    store: Path,
    public_keys: Iterable[Ed25519PublicKey | str],
    *,
    clock: Clock | None = None,
    public_url: str | None = None,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> FastAPI:
    """The receiver as an ASGI app. `public_keys` (keys or their PEM) may sign both requests and bundles.

    `public_url` is the address senders use, where a proxy in front of the desk hides it; the signatures cover it.
    """
    loaded = [fmt.load_public_key(key) if isinstance(key, str) else key for key in public_keys]
    keys = {fmt.key_id(key): key for key in loaded}
    shelf = _Shelf(store, keys, clock or SystemClock())
    gate = _Gate(keys, public_url)
    app = FastAPI(title="Legal desk", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(DeskError, _problem)

    @app.head("/files/{digest}")
    async def has_file(digest: str, request: Request) -> Response:
        gate.check(request)
        return Response(status_code=200 if shelf.file(_digest(digest)).exists() else 404)

    @app.put("/files/{digest}")
    async def put_file(digest: str, request: Request) -> Response:
        gate.check(request, sha256=_digest(digest))
        if shelf.file(digest).exists():
            return Response(status_code=200)
        await shelf.receive(request, digest, max_file_bytes)
        return Response(status_code=201)

    @app.put("/bundles/{bundle_id}")
    async def put_bundle(bundle_id: str, request: Request) -> JSONResponse:
        gate.check(request)
        manifest = _manifest(bundle_id, await _small_body(request))
        receipt, new = await run_in_threadpool(shelf.accept, manifest)
        return JSONResponse(asdict(receipt), status_code=201 if new else 200)

    @app.get("/bundles")
    def list_bundles() -> JsonObject:
        """Receipts only, newest first: no case data, so that it may be looked at while setting up."""
        return {"bundles": [asdict(receipt) for receipt in shelf.receipts()]}

    return app


@dataclass(frozen=True)
class _Message:
    """A request in the words of the signature library."""

    method: str
    url: str
    headers: Any


class _Gate:
    """Lets in only requests signed by a known key, over method, address and body digest (RFC 9421)."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey], public_url: str | None) -> None:
        self._public_url = public_url.rstrip("/") if public_url else None
        resolver = MappingKeyResolver(public_keys=dict(keys), private_keys={})
        self._verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=resolver)

    def check(self, request: Request, sha256: str | None = None) -> None:
        """Unauthorized unless signed; Invalid if the signed digest is not `sha256`. Reads no body."""
        url = f"{self._public_url}{request.url.path}" if self._public_url else str(request.url)
        try:
            self._verifier.verify(
                _Message(request.method, url, request.headers),
                max_age=SIGNATURE_AGE,
                require_components=("@method", "@target-uri", "content-digest"),
            )
        except (InvalidSignature, HTTPMessageSignaturesException, KeyError) as error:
            log.warning("request refused: %s %s: %s", request.method, request.url.path, type(error).__name__)
            raise _Unauthorized("the request is not signed by a key this desk knows") from None
        if sha256 is not None and request.headers["content-digest"] != _content_digest(sha256):
            raise Invalid("Content-Digest is not the SHA-256 in the address", "content-digest")


def _content_digest(sha256: str) -> str:
    """The one spelling of Content-Digest (RFC 9530) this protocol uses."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


class _Shelf:
    """Store of the files and bundles that the legal desk keeps."""

    def __init__(self, store: Path, keys: Mapping[str, Ed25519PublicKey], clock: Clock) -> None:
        self._files, self._bundles, self._incoming = store / "files", store / "bundles", store / "incoming"
        self._keys = keys
        self._clock = clock
        for folder in (self._files, self._bundles, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)

    def file(self, digest: str) -> Path:
        return self._files / digest[:2] / digest

    async def receive(self, request: Request, digest: str, limit: int) -> None:
        """Stream the body to disk; it gets its name only when it is whole and its digest is right."""
        descriptor, name = tempfile.mkstemp(dir=self._incoming)
        received, size = hashlib.sha256(), 0
        try:
            with os.fdopen(descriptor, "wb") as sink:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > limit:
                        raise _TooLarge(f"a file may have at most {limit} bytes")
                    received.update(chunk)
                    sink.write(chunk)
                sink.flush()
                os.fsync(sink.fileno())
            if received.hexdigest() != digest:
                raise Invalid("the content is not what its digest says", "content-digest")
            self.file(digest).parent.mkdir(exist_ok=True)
            os.replace(name, self.file(digest))
        finally:
            Path(name).unlink(missing_ok=True)

    def accept(self, manifest: _Manifest) -> tuple[Receipt, bool]:
        """Return the receipt, and whether it is a new one. Conflict if this id is taken by other content."""
        if (self._bundles / manifest.bundle_id).exists():
            return self._known(manifest), False
        folder = Path(tempfile.mkdtemp(dir=self._incoming))
        try:
            receipt = self._assemble(manifest, folder)
            _sync_folder(folder)
            try:
                os.rename(folder, self._bundles / manifest.bundle_id)
            except OSError:
                # Another delivery of it was faster; that one stands.
                return self._known(manifest), False
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        _sync_folder(self._bundles)
        log.info("bundle %s accepted, %d files", receipt.bundle_id, receipt.files)
        return receipt, True

    def receipts(self) -> list[Receipt]:
        found = [Receipt(**json.loads(path.read_bytes())) for path in self._bundles.glob("*/receipt.json")]
        return sorted(found, key=lambda receipt: receipt.received_at, reverse=True)

    def _known(self, manifest: _Manifest) -> Receipt:
        folder = self._bundles / manifest.bundle_id
        if (folder / "manifest.json").read_bytes() != _canonical(manifest):
            raise Conflict(
                "this desk holds another bundle of that id; a bundle is superseded, never replaced"
            )
        return Receipt(**json.loads((folder / "receipt.json").read_bytes()))

    def _assemble(self, manifest: _Manifest, folder: Path) -> Receipt:
        """Put the archive together as it was built, verify it, write the receipt beside it."""
        files = {f.path: self.file(f.sha256) for f in manifest.files}
        missing = [
            Problem(f.path, "has not been sent, or not with this size")
            for f in manifest.files
            if not files[f.path].exists() or files[f.path].stat().st_size != f.size
        ]
        if missing or len(files) != len(manifest.files):
            raise _Rejected("the manifest does not describe files this desk has", missing)
        archive = folder / "bundle.zip"
        with archive.open("wb") as sink:
            fmt.write_archive(sink, manifest.bundle_id, _bagging_date(files), files)
            sink.flush()
            os.fsync(sink.fileno())
        self._verify(manifest, archive, files)
        receipt = Receipt(
            receipt_id=f"R-{uuid.uuid4().hex[:20]}",
            bundle_id=manifest.bundle_id,
            received_at=instant_text(self._clock.now()),
            files=len(files),
            sha256_of_tagmanifest=next(f.sha256 for f in manifest.files if f.path == fmt.TAG_MANIFEST),
        )
        _write(folder / "manifest.json", _canonical(manifest))
        _write(folder / "receipt.json", fmt.json_bytes(asdict(receipt)))
        return receipt

    def _verify(self, manifest: _Manifest, archive: Path, files: Mapping[str, Path]) -> None:
        result = verify(archive, self._keys.get(_signing_key(files)))
        problems = list(result.problems)
        if result.key_id not in self._keys:
            problems.append(Problem(fmt.SIGNATURE, "signed by a key this desk does not know"))
        said = (" ".join(manifest.case_reference.split()), manifest.supersedes or "")
        if said != tuple(result.bag_info.get(f, "") for f in ("Internal-Sender-Identifier", "Supersedes")):
            problems.append(
                Problem("bag-info.txt", "case reference or superseded bundle is not the manifest's")
            )
        if problems:
            log.warning("bundle %s refused, %d problems", manifest.bundle_id, len(problems))
            raise _Rejected("the bundle does not verify", problems)


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise Invalid("a file's address is its SHA-256 in lower-case hex", "sha256")
    return text


async def _small_body(request: Request) -> bytes:
    """The manifest's bytes, checked against the signed Content-Digest."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_MANIFEST_BYTES:
            raise _TooLarge(f"a manifest may have at most {MAX_MANIFEST_BYTES} bytes")
    try:
        ContentDigest.verify(request.headers["content-digest"], bytes(body))
    except InvalidSignature:
        raise Invalid("the content is not what its digest says", "content-digest") from None
    return bytes(body)


def _manifest(bundle_id: str, body: bytes) -> _Manifest:
    try:
        manifest = _Manifest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(f"the manifest is malformed at {first['loc']}: {first['type']}") from None
    if manifest.bundle_id != bundle_id or not BUNDLE_ID.fullmatch(bundle_id):
        raise Invalid("the manifest's bundle id is not the one in the address", "bundle_id")
    if sum(f.size for f in manifest.files) > MAX_BUNDLE_BYTES:
        raise _TooLarge(f"a bundle may have at most {MAX_BUNDLE_BYTES} bytes")
    return manifest


def _canonical(manifest: _Manifest) -> bytes:
    """Return the bytes of a manifest: the same content gives the same bytes, in any order of its files."""
    data = manifest.model_dump()
    data["files"].sort(key=lambda f: f["path"])
    return fmt.json_bytes(data)


def _bagging_date(files: Mapping[str, Path]) -> date:
    """Return the date from bag-info.txt. Verification reports a missing one, so any date will do in its place."""
    try:
        with files["bag-info.txt"].open(encoding="utf-8", errors="replace") as lines:
            given = [line[14:].strip() for line in lines if line.startswith("Bagging-Date: ")]
        return date.fromisoformat(given[0])
    except (KeyError, IndexError, ValueError):
        return date(1980, 1, 1)


def _signing_key(files: Mapping[str, Path]) -> str:
    try:
        with files[fmt.SIGNATURE].open("rb") as handle:
            return str(json.loads(handle.read(10_000))["key_id"])
    except (KeyError, ValueError, TypeError):
        return ""


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _problem(_request: Request, error: Exception) -> JSONResponse:
    """RFC 9457."""
    assert isinstance(error, DeskError)
    body: JsonObject = {
        "type": "about:blank",
        "title": type(error).__name__.lstrip("_"),
        "status": error.status,
        "detail": error.message,
    }
    if isinstance(error, _Rejected):
        body["problems"] = [asdict(problem) for problem in error.problems]
    return JSONResponse(body, status_code=error.status, media_type="application/problem+json")
