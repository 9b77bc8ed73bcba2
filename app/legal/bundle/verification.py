"""Verify a bundle with nothing but the file and a public key. Made for input that may be tampered with.

Every byte is accounted for: the contents by the manifests, the manifests by the signature, and the archive
around them by rebuilding its layout. On top of that the records are recomputed: hash chain, running balances, claim.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.legal.bundle import bag as fmt
from app.legal.bundle.bag import BUNDLE_ID
from app.legal.bundle.proof.opened import Bag, Findings, Problem
from app.legal.bundle.proof.records import check_records

MAX_ARCHIVE_BYTES = 1 << 30
MAX_FILES = 20_000

_MANIFEST_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


@dataclass(frozen=True, slots=True)
class Verification:
    """`ok` = nothing is wrong. `signer` names the signer of the bundle: without a key to hold against it, unknown."""

    ok: bool
    problems: tuple[Problem, ...]
    key_id: str
    bag_info: Mapping[str, str]
    signer: str
    files: int = 0


def verify(data: bytes | Path, public_key: Ed25519PublicKey | None) -> Verification:
    """Check a bundle against `public_key`, or against the key inside it when None ('signed by unknown key').

    Never raises, for any input.
    """
    found = Findings()
    try:
        size = len(data) if isinstance(data, bytes) else data.stat().st_size
        if size > MAX_ARCHIVE_BYTES:
            found.add("", f"larger than {MAX_ARCHIVE_BYTES} bytes")
        else:
            with io.BytesIO(data) if isinstance(data, bytes) else data.open("rb") as handle:
                _verify_handle(handle, size, public_key, found)
    except Exception as error:  # hostile input finds errors no list of exceptions foresees
        found.add("", f"not a readable bundle ({type(error).__name__})")
    return Verification(
        ok=not found.problems,
        problems=tuple(found.problems),
        key_id=found.key_id,
        bag_info=found.bag_info,
        signer=found.signer,
        files=found.files,
    )


def _verify_handle(handle: BinaryIO, size: int, key: Ed25519PublicKey | None, found: Findings) -> None:
    try:
        archive = zipfile.ZipFile(handle)
    except Exception as error:
        found.add("", f"not a zip archive ({type(error).__name__})")
        return
    with archive:
        bag = _open_bag(archive, found)
        if bag is None:
            return
        _hash_members(bag, found)
        found.files = len(bag.digests)
        payload = {path for path in bag.members if path.startswith("data/")}
        _check_manifest(bag, fmt.MANIFEST, payload, found)
        as_of = _check_bag_info(bag, payload, found)
        certified = fmt.CERTIFICATE in bag.members
        tags = fmt.tag_files(found.bag_info.get("Bag-Software-Agent", ""), certified=certified)
        _check_manifest(bag, fmt.TAG_MANIFEST, tags, found)
        for path in sorted(bag.members.keys() - payload - tags - fmt.seal_files(certified=certified)):
            found.add(path, "does not belong in the bag")
        _check_signature(bag, key, found)
        if certified:
            _check_certified_seal(bag, found)
        check_records(bag, found)
    if as_of is not None:
        _check_layout(handle, size, bag, as_of, found)


def _open_bag(archive: zipfile.ZipFile, found: Findings) -> Bag | None:
    """The bag, if its directory is safe to go on with: few enough files, bounded size, sane and unique names."""
    infos = archive.infolist()
    if not infos or len(infos) > MAX_FILES:
        found.add("", f"{len(infos)} files; between 1 and {MAX_FILES} are accepted")
        return None
    if sum(info.file_size for info in infos) > MAX_ARCHIVE_BYTES:
        found.add("", f"unpacks to more than {MAX_ARCHIVE_BYTES} bytes")
        return None
    bag = Bag(archive, base=infos[0].filename.partition("/")[0])
    if not BUNDLE_ID.fullmatch(bag.base):
        found.add("", "the bag is not in a folder named after its bundle id")
        return None
    seen: set[str] = set()
    for info in infos:
        base, _, path = info.filename.partition("/")
        shown = path[:200] or info.filename[:200]
        if base != bag.base or not fmt.PATH.fullmatch(path):
            found.add(shown, "unsafe or misplaced path")
        elif path.casefold() in seen:
            found.add(shown, "is in the archive twice")
        elif info.compress_type != zipfile.ZIP_STORED or info.flag_bits:
            found.add(shown, "is compressed or encrypted; a bundle's files are stored as they are")
        else:
            bag.members[path] = fmt.Member(path, info.file_size, info.CRC)
        seen.add(path.casefold())
    return bag


def _hash_members(bag: Bag, found: Findings) -> None:
    for path, member in bag.members.items():
        digest, size = hashlib.sha256(), 0
        try:
            with bag.archive.open(f"{bag.base}/{path}") as content:
                while chunk := content.read(1 << 20):
                    digest.update(chunk)
                    size += len(chunk)
        except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error):
            found.add(path, "is damaged: its checksum in the archive does not match")
            continue
        if size != member.size:
            found.add(path, "is cut short")
            continue
        bag.digests[path] = digest.hexdigest()


def _check_manifest(bag: Bag, manifest: str, expected: set[str], found: Findings) -> None:
    if manifest not in bag.members:
        found.add(manifest, "is missing")
        return
    listed: dict[str, str] = {}
    for line in bag.read(manifest).decode("utf-8", "replace").splitlines():
        match = _MANIFEST_LINE.fullmatch(line)
        if not match or match[2] in listed:
            found.add(manifest, "has a line that is malformed or doubled")
            continue
        listed[match[2]] = match[1]
    for path in sorted(listed.keys() | expected):
        if path not in bag.members:
            found.add(path[:200], "is missing")
        elif path not in listed:
            found.add(path, f"is not listed in {manifest}")
        elif path in bag.digests and bag.digests[path] != listed[path]:
            found.add(path, f"was changed: its SHA-256 is not the one in {manifest}")
        elif path not in expected:
            found.add(path, f"does not belong in {manifest}")


def _check_signature(bag: Bag, public_key: Ed25519PublicKey | None, found: Findings) -> None:
    if fmt.SIGNATURE not in bag.members:
        found.add(fmt.SIGNATURE, "is missing")
        return
    try:
        claims = json.loads(bag.read(fmt.SIGNATURE))
        signature = base64.b64decode(claims["signature"], validate=True)
        inside = load_pem_public_key(claims["public_key"].encode())
        if not isinstance(inside, Ed25519PublicKey):
            raise ValueError("not an Ed25519 key")
    except Exception:
        found.add(fmt.SIGNATURE, "is not a signature of this format")
        return
    found.key_id = fmt.key_id(inside)
    if fmt.signature_bytes(inside, signature) != bag.read(fmt.SIGNATURE):
        found.add(fmt.SIGNATURE, "was changed: it is not what follows from its own key and signature")
    if public_key is not None and fmt.key_id(public_key) != found.key_id:
        found.add(fmt.SIGNATURE, f"signed by key {found.key_id}, not by key {fmt.key_id(public_key)}")
        found.signer = f"signed by another key ({found.key_id})"
        return
    try:
        (public_key or inside).verify(signature, bag.read(fmt.TAG_MANIFEST))
    except InvalidSignature:
        found.add(fmt.SIGNATURE, f"the signature does not fit {fmt.TAG_MANIFEST}")
        found.add(fmt.TAG_MANIFEST, "is not what the signature was made over")
        found.signer = "bad signature"
        return
    found.signer = f"signed by {'known' if public_key else 'unknown'} key {found.key_id}"


def _check_certified_seal(bag: Bag, found: Findings) -> None:
    from app.legal.bundle.sealing import cms

    if fmt.CMS_SEAL not in bag.members:
        found.add(fmt.CMS_SEAL, "is missing")
    elif why := cms.fault(bag.read(fmt.CMS_SEAL), bag.read(fmt.TAG_MANIFEST), bag.read(fmt.CERTIFICATE)):
        found.add(fmt.CMS_SEAL, why)


def _check_bag_info(bag: Bag, payload: set[str], found: Findings) -> date | None:
    """Its date, which the archive's layout needs; None when there is none to be had."""
    if bag.read("bagit.txt") != fmt.BAGIT_TXT:
        found.add("bagit.txt", "is not the declaration of a BagIt 1.0 bag")
    for line in bag.read("bag-info.txt").decode("utf-8", "replace").splitlines():
        label, separator, value = line.partition(": ")
        if separator:
            found.bag_info[label] = value
        else:
            found.add("bag-info.txt", "has a malformed line")
    info = found.bag_info
    if info.get("External-Identifier") != bag.base:
        found.add("bag-info.txt", "External-Identifier is not the bag's folder")
    octets = sum(bag.members[path].size for path in payload)
    if info.get("Payload-Oxum") != f"{octets}.{len(payload)}":
        found.add("bag-info.txt", "Payload-Oxum is not the size and number of the files")
    try:
        return date.fromisoformat(info.get("Bagging-Date", ""))
    except ValueError:
        found.add("bag-info.txt", "Bagging-Date is not a date")
        return None


def _check_layout(handle: BinaryIO, size: int, bag: Bag, as_of: date, found: Findings) -> None:
    """Each byte outside the files' contents: headers, directory, order, dates, and nothing before or after."""
    position = 0
    for part in fmt.layout(bag.base, as_of, bag.members.values()):
        if isinstance(part, fmt.Member):
            position += part.size
            continue
        handle.seek(position)
        if handle.read(len(part)) != part:
            found.add("", f"the archive's own structure was changed near byte {position}")
            return
        position += len(part)
    if position != size:
        found.add("", f"{size - position} bytes do not belong to the archive")
