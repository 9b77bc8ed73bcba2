"""The bundle format: names, columns, how a cell is protected, how the archive is laid out.

docs/bundle.md tells it in prose. Shared by `bundle` (writes) and `verification` (reads), so the two cannot drift apart.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from app.core.errors import Invalid
from app.core.timeline.rules import instant_text

BUNDLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A bundle id is also a folder name and part of a URL."""

FORMAT = "arrears-desk-case-bundle/2"
FIRST_FORMAT = "arrears-desk-case-bundle/1"
"""Bundles sealed before the claim was split into parts; they verify as they always did."""
BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
SIGNATURE = "signature.json"
SCRIPT = "verify.py"
"""Checks the bundle with Python alone; not in bundles of the first format."""
CERTIFICATE = "certificate.pem"
"""The certificates of the seal for programs that know no Ed25519, its own first; only where one is set up."""
CMS_SEAL = f"{TAG_MANIFEST}.p7s"
TAG_FILES = ("bag-info.txt", "bagit.txt", MANIFEST, SCRIPT)
"""Files that the tag manifest lists, with the certificate if there is one. It cannot list itself, nor the seals."""


def tag_files(of_format: str, *, certified: bool) -> set[str]:
    own = {path for path in TAG_FILES if of_format != FIRST_FORMAT or path != SCRIPT}
    return own | ({CERTIFICATE} if certified else set())


def seal_files(*, certified: bool) -> set[str]:
    """The tag manifest and what is signed over it."""
    return {TAG_MANIFEST, SIGNATURE} | ({CMS_SEAL} if certified else set())


LEDGER_COLUMNS = (
    "account_ref", "effective_on", "posted_on", "reference", "kind", "amount", "running_balance", "currency",
    "description", "source", "reverses",
)  # fmt: skip
CLAIM_PARTS = ("principal", "interest", "penalty", "fees", "costs")
CLAIM_COLUMNS = (*LEDGER_COLUMNS, "claim_line", *CLAIM_PARTS)
"""Columns of ledger.csv: what each entry changes in each part of the claim."""
STATEMENT_COLUMNS = (
    "account_ref", "statement_ref", "closing_on", "due_on", "balance", "minimum_due", "currency",
)  # fmt: skip
TIMELINE_COLUMNS = ("stream", "seq", "kind", "at", "by", "data_json", "prev_hash", "hash")

PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}(/[A-Za-z0-9][A-Za-z0-9._-]{0,120}){0,5}")
"""Paths in a bag: plain ASCII, no hidden files, no '..', nothing a file system or shell could read another way."""

_MODE = 0o100644


def json_bytes(value: object) -> bytes:
    """One spelling per value, still readable by a person; dates as ISO text, instants in UTC."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=_plain) + "\n").encode()


def _plain(value: object) -> str:
    return instant_text(value) if isinstance(value, datetime) else str(value)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def manifest_bytes(digests: Mapping[str, str]) -> bytes:
    """A manifest that `sha256sum -c` reads: digest, two spaces, path; sorted."""
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode()


# keys and signature


def load_private_key(pem_or_path: str) -> Ed25519PrivateKey:
    """An Ed25519 private key from PEM text (PKCS 8, unencrypted) or from a file with it. Invalid says what is wrong."""
    try:
        key = load_pem_private_key(_pem(pem_or_path), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        # Never the text itself: it may be the key.
        raise Invalid(f"The bundle key cannot be read ({type(error).__name__}).", "bundle_key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid("The bundle key is not an Ed25519 key. Make one as .env.example says.", "bundle_key")
    return key


def load_public_key(pem_or_path: str) -> Ed25519PublicKey:
    """An Ed25519 public key from PEM text or from a file with it. Invalid says what is wrong."""
    try:
        key = load_pem_public_key(_pem(pem_or_path))
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise Invalid(f"The public key cannot be read ({type(error).__name__}).", "public_key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise Invalid("The public key is not an Ed25519 key. Ask the sender for theirs.", "public_key")
    return key


def load_sender_key(pem: str) -> Ed25519PublicKey:
    """The public key of a sender, also from the private one, which the installation has."""
    if "PRIVATE KEY" in pem[:100]:
        return load_private_key(pem).public_key()
    return load_public_key(pem)


def _pem(pem_or_path: str) -> bytes:
    text = pem_or_path.strip()
    return text.encode() if text.startswith("-----BEGIN") else Path(text).read_bytes()


def public_key_pem(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(key: Ed25519PublicKey) -> str:
    """First 16 hex digits of the SHA-256 of the raw 32-byte public key."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw))[:16]


def signature_bytes(public_key: Ed25519PublicKey, signature: bytes) -> bytes:
    """The content of signature.json; every byte of it follows from the key and the signature."""
    return json_bytes(
        {
            "algorithm": "Ed25519",
            "key_id": key_id(public_key),
            "public_key": public_key_pem(public_key),
            "signature": base64.b64encode(signature).decode(),
            "signed_file": TAG_MANIFEST,
        }
    )


# the archive


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive: its path in the bag, its size in bytes and its CRC-32."""

    path: str
    size: int
    crc: int


def layout(bundle_id: str, as_of: date, members: Iterable[Member]) -> Iterator[bytes | Member]:
    """The archive's bytes in order, a Member standing for that file's content.

    Written out by hand because it must still come out the same in ten years: nothing is compressed, and no
    version of a zip library or of zlib has a say. The bag lies in a folder named after it (RFC 8493, section 4),
    each file is dated midnight of `as_of` and has mode 0644. Format: APPNOTE.TXT 4.3, without zip64.
    """
    day = (as_of.year - 1980) << 9 | as_of.month << 5 | as_of.day
    directory = bytearray()
    offset = count = 0
    for member in sorted(members, key=lambda m: m.path):
        name = f"{bundle_id}/{member.path}".encode("ascii")
        common = struct.pack(
            "<HHHHHIIIHH", 20, 0, 0, 0, day, member.crc, member.size, member.size, len(name), 0
        )
        head = b"PK\x03\x04" + common + name
        yield head
        yield member
        directory += b"PK\x01\x02" + struct.pack("<H", 3 << 8 | 20) + common
        directory += struct.pack("<HHHII", 0, 0, 0, _MODE << 16, offset) + name
        offset += len(head) + member.size
        count += 1
    yield bytes(directory)
    yield b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), offset, 0)


def write_archive(sink: BinaryIO, bundle_id: str, as_of: date, files: Mapping[str, bytes | Path]) -> None:
    """Write the archive; content comes from memory or, streamed, from disk."""
    members = [_measure(path, content) for path, content in files.items()]
    for part in layout(bundle_id, as_of, members):
        if isinstance(part, Member):
            for chunk in _chunks(files[part.path]):
                sink.write(chunk)
        else:
            sink.write(part)


def _measure(path: str, content: bytes | Path) -> Member:
    size = crc = 0
    for chunk in _chunks(content):
        size += len(chunk)
        crc = zlib.crc32(chunk, crc)
    return Member(path, size, crc)


def _chunks(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            yield chunk
