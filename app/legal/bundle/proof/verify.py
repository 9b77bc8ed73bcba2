"""Check the bundle that this file lies in, with Python 3.9 or later: no packages, no network, no installation.

    python3 verify.py [--key creditor.pem]

It checks the unpacked bundle: nothing is missing, added or changed; the seal is of the key in the bundle (with --key:
of the creditor's own, which you have from the creditor and not from here); the chain of events holds; the ledger sums
to the claim and to each of its parts; the checklist is met or excused. A forger could change this file too. So run a
copy that you trust, or compare the SHA-256 of this one with the published.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import re
import sys
from decimal import Decimal
from typing import Callable, Iterable, Iterator, Mapping, Sequence  # noqa: UP035

SCRIPT = "verify.py"
TAGS = ("bag-info.txt", "bagit.txt", "manifest-sha256.txt", SCRIPT)
TAG_MANIFEST, SIGNATURE = "tagmanifest-sha256.txt", "signature.json"
CERTIFICATE, CMS_SEAL = "certificate.pem", "tagmanifest-sha256.txt.p7s"
WITHHELD = '{"withheld":true}'
PARTS = ("principal", "interest", "penalty", "fees", "costs")
NEVER_EXCUSED = (
    "claim.owed",
    "ledger.claim",
    "dispute.none_open",
    "hold.none_stopping",
    "limitation",
    "notice.owed",
)
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_PROTECTED = re.compile("\\A'(?='*[\\t\\r\\n])|((?:\\A|[;\\t\\r\\n])[ \"]*)'(?='*[" + _SIGNS + "])")

Problems = list[tuple[str, str]]
"""(file, what is wrong with it)"""
Point = tuple[int, int, int, int]
"""On the curve, in extended coordinates."""


def main(arguments: Sequence[str]) -> int:
    """Print what was found; the exit code is 0 if nothing is wrong."""
    folder = os.path.dirname(os.path.abspath(__file__))
    key = None
    if arguments[:1] == ["--key"] and len(arguments) == 2:
        with open(arguments[1], encoding="ascii") as pem:
            key = public_key(pem.read())
    elif arguments:
        sys.stderr.write(__doc__ or "")
        return 2
    csv.field_size_limit(1 << 27)
    problems = check(folder, key)
    for file, what in problems:
        sys.stdout.write(f"{file}: {what}\n")
    if problems:
        sys.stdout.write(f"The bundle is NOT whole: {len(problems)} problem(s).\n")
        return 1
    signer = "the key that you gave" if key else "the key in the bundle, whose owner this does not prove"
    sys.stdout.write(f"The bundle is whole. It is signed by {signer}.\n")
    if os.path.exists(os.path.join(folder, CMS_SEAL)):
        sys.stdout.write(
            f"Not checked here: {CMS_SEAL}, the same seal for certificate tools such as openssl.\n"
        )
    return 0


def check(folder: str, key: bytes | None = None) -> Problems:
    """Every problem as (file, what); `key` are the 32 bytes of a public key."""
    problems: Problems = []
    files: set[str] = set()
    for place, _, names in os.walk(folder):
        for name in names:
            files.add(os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/"))
    payload = {path for path in files if path.startswith("data/")}
    tags, seals = set(TAGS), {TAG_MANIFEST, SIGNATURE}
    if CERTIFICATE in files:
        tags.add(CERTIFICATE)
        seals.add(CMS_SEAL)
        if CMS_SEAL not in files:
            problems.append((CMS_SEAL, "is missing"))
    known = payload | tags | seals
    problems += [(path, "does not belong in the bag") for path in sorted(files - known)]
    check_manifest(folder, "manifest-sha256.txt", payload, files, problems)
    check_manifest(folder, TAG_MANIFEST, tags, files, problems)
    checks: list[tuple[str, Callable[[], None]]] = [
        (SIGNATURE, lambda: check_signature(folder, key, problems)),
        ("bag-info.txt", lambda: check_info(folder, payload, problems)),
        ("data/timeline.csv", lambda: check_timeline(folder, problems)),
        ("data/ledger.csv", lambda: check_claim(folder, problems)),
        ("data/checklist.json", lambda: check_checklist(folder, problems)),
    ]
    for path, run in checks:
        try:
            run()
        except Exception as error:
            why = f"cannot be read as this format ({type(error).__name__})" if path in files else "is missing"
            if (path, why) not in problems:
                problems.append((path, why))
    return problems


def read(folder: str, path: str) -> bytes:
    with open(os.path.join(folder, *path.split("/")), "rb") as file:
        return file.read()


def sha256(folder: str, path: str) -> str:
    digest = hashlib.sha256()
    with open(os.path.join(folder, *path.split("/")), "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def check_manifest(
    folder: str, manifest: str, expected: set[str], files: set[str], problems: Problems
) -> None:
    if manifest not in files:
        problems.append((manifest, "is missing"))
        return
    listed: dict[str, str] = {}
    for line in read(folder, manifest).decode("utf-8", "replace").splitlines():
        match = re.fullmatch(r"([0-9a-f]{64})  (\S+)", line)
        if not match or match[2] in listed:
            problems.append((manifest, "has a line that is malformed or doubled"))
        else:
            listed[match[2]] = match[1]
    for path in sorted(expected | set(listed)):
        if path not in files:
            problems.append((path, "is missing"))
        elif path not in listed:
            problems.append((path, f"is not listed in {manifest}"))
        elif path not in expected:
            problems.append((path, f"does not belong in {manifest}"))
        elif sha256(folder, path) != listed[path]:
            problems.append((path, f"was changed: its SHA-256 is not the one in {manifest}"))


def check_signature(folder: str, key: bytes | None, problems: Problems) -> None:
    claims = json.loads(read(folder, SIGNATURE))
    inside = public_key(claims["public_key"])
    name = hashlib.sha256(inside).hexdigest()[:16]
    pem = (
        f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(SPKI + inside).decode()}\n-----END PUBLIC KEY-----\n"
    )
    wanted = {
        "algorithm": "Ed25519",
        "key_id": name,
        "public_key": pem,
        "signature": claims["signature"],
        "signed_file": TAG_MANIFEST,
    }
    if read(folder, SIGNATURE) != (json.dumps(wanted, indent=2) + "\n").encode():
        problems.append((SIGNATURE, "was changed: it is not what follows from its own key and signature"))
    if key is not None and key != inside:
        given = hashlib.sha256(key).hexdigest()[:16]
        problems.append((SIGNATURE, f"signed by key {name}, not by key {given}"))
        return
    signature = base64.b64decode(claims["signature"], validate=True)
    if not is_signed(inside, read(folder, TAG_MANIFEST), signature):
        problems.append((SIGNATURE, f"the signature does not fit {TAG_MANIFEST}"))
        problems.append((TAG_MANIFEST, "is not what the signature was made over"))


def check_info(folder: str, payload: set[str], problems: Problems) -> None:
    lines = read(folder, "bag-info.txt").decode().splitlines()
    info = dict(line.partition(": ")[::2] for line in lines)
    size = sum(os.path.getsize(os.path.join(folder, *path.split("/"))) for path in payload)
    if info.get("Payload-Oxum") != f"{size}.{len(payload)}":
        problems.append(("bag-info.txt", "Payload-Oxum is not the size and number of the files"))
    case = json.loads(read(folder, "data/case.json"))
    told = (case["bundle_id"], case["as_of"], case["format"])
    if (info.get("External-Identifier"), info.get("Bagging-Date"), info.get("Bag-Software-Agent")) != told:
        problems.append(("data/case.json", "bundle id, date or format is not that of bag-info.txt"))


def rows(folder: str, path: str) -> Iterator[dict[str, str]]:
    """The table's rows as dictionaries, without the apostrophes that keep a spreadsheet from running a cell."""
    with open(os.path.join(folder, *path.split("/")), encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            yield {name: _PROTECTED.sub(lambda found: found[1] or "", cell) for name, cell in row.items()}


def check_timeline(folder: str, problems: Problems) -> None:
    last: dict[str, tuple[int, str]] = {}
    for number, row in enumerate(rows(folder, "data/timeline.csv"), start=2):
        seq, previous = last.get(row["stream"], (0, "0" * 64))
        if (int(row["seq"]), row["prev_hash"]) != (seq + 1, previous):
            where = f"line {number}: does not follow the event before it in stream {row['stream']}"
            problems.append(("data/timeline.csv", where))
        fields = [row[name] for name in ("prev_hash", "stream", "seq", "kind", "at", "by", "data_json")]
        # Of an event that is withheld from the bundle the hash is taken as it is: the next one still builds on it.
        computed = hashlib.sha256("\n".join(fields).encode()).hexdigest()
        if computed != row["hash"] and row["data_json"] != WITHHELD:
            problems.append(("data/timeline.csv", f"line {number}: the hash is not that of the event"))
        last[row["stream"]] = (int(row["seq"]), row["hash"])


def check_claim(folder: str, problems: Problems) -> None:
    """Ledger to claim: running balances, and each line of each account, part by part."""
    claim = json.loads(read(folder, "data/case.json"))["claim"]
    gone = {account["account_ref"]: account["charged_off_on"] for account in claim["accounts"]}
    balances: dict[str, Decimal] = {}
    sums: dict[tuple[str, str, str], list[Decimal]] = {}
    for number, row in enumerate(rows(folder, "data/ledger.csv"), start=2):
        account, amount = row["account_ref"], Decimal(row["amount"])
        balances[account] = balances.get(account, Decimal(0)) + amount
        if Decimal(row["running_balance"]) != balances[account]:
            problems.append(("data/ledger.csv", f"line {number}: the running balance is wrong"))
        parts = [Decimal(row[part]) for part in PARTS]
        if sum(parts) != amount:
            problems.append(("data/ledger.csv", f"line {number}: the parts do not sum to the amount"))
        period = "whole"
        if gone.get(account):
            period = "until_charge_off" if row["effective_on"] <= gone[account] else "since_charge_off"
        key = (account, row["claim_line"], period)
        sums[key] = [one + other for one, other in zip(sums.get(key, [Decimal(0)] * 5), parts)]  # noqa: B905
    disputed = check_disputed(folder, claim, problems)
    everything = [*sums.values(), *(parts for own in disputed.values() for parts in own)]
    if sum(total(everything)) != Decimal(claim["amount"]):
        problems.append(("data/ledger.csv", "does not sum to the amount claimed in case.json"))
    told: dict[tuple[str, str, str], list[Decimal] | None] = {}
    for account in claim["accounts"]:
        for line in account["lines"]:
            told[account["account_ref"], line["line"], line["period"]] = amounts(line["amounts"])
        own = {key: value for key, value in sums.items() if key[0] == account["account_ref"]}
        if amounts(account["claimed"]) != total([*own.values(), *disputed[account["account_ref"]]]):
            problems.append(
                ("data/case.json", f"claim of account {account['account_ref']} is not its ledger")
            )
        until = [value for key, value in own.items() if key[2] == "until_charge_off"]
        if account["at_charge_off"] is not None and amounts(account["at_charge_off"]) != total(until):
            problems.append(
                ("data/case.json", f"charge-off of account {account['account_ref']} is not its ledger")
            )
    zero = [Decimal(0)] * 5
    for key in sorted(sums.keys() | told.keys()):
        if sums.get(key, zero) != told.get(key, zero):
            problems.append(("data/case.json", f"claim: {' '.join(key)} is not what ledger.csv says"))
    if amounts(claim["parts"]) != total(everything) or claim["parts"]["total"] != claim["amount"]:
        problems.append(("data/case.json", "claim: the parts do not sum to it"))


def check_disputed(
    folder: str, claim: Mapping[str, object], problems: Problems
) -> dict[str, list[list[Decimal]]]:
    """By account, what is in dispute and not claimed: it lowers the claim, and its dispute is open."""
    still = {
        each["reference"]
        for each in json.loads(read(folder, "data/disputes.json"))
        if not each["resolved_at"]
    }
    found: dict[str, list[list[Decimal]]] = {}
    for account in claim["accounts"]:  # type: ignore[attr-defined]
        own = found.setdefault(account["account_ref"], [])
        for each in account.get("disputed", []):
            parts = amounts(each["amounts"])
            if parts is None or max(parts) > 0 or each["dispute"] not in still:
                what = f"claim: {each['dispute']} is no sum of an open dispute that lowers it"
                problems.append(("data/case.json", what))
            own.append(parts or [Decimal(0)] * 5)
    return found


def amounts(parts: Mapping[str, str]) -> list[Decimal] | None:
    """The five parts; None where they do not sum to their total, so that they equal nothing."""
    found = [Decimal(parts[part]) for part in PARTS]
    return found if sum(found) == Decimal(parts["total"]) else None


def total(found: Iterable[Sequence[Decimal]]) -> list[Decimal]:
    return [sum(column, Decimal(0)) for column in zip(*found)] or [Decimal(0)] * 5  # noqa: B905


def check_checklist(folder: str, problems: Problems) -> None:
    items = json.loads(read(folder, "data/checklist.json"))
    case = json.loads(read(folder, "data/case.json"))
    for item in items:
        if not item["ok"] and (item["id"] in NEVER_EXCUSED or not (item["excuse"] and item["excused_by"])):
            problems.append(
                ("data/checklist.json", f"{item['id']} is not met, and nobody may excuse or excused it")
            )
    told = [(item["id"], item["excuse"], item["excused_by"]) for item in items if item["excuse"]]
    if told != [(excuse["item"], excuse["reason"], excuse["by"]) for excuse in case["excuses"]]:
        problems.append(("data/checklist.json", "its excuses are not those of case.json"))


# Ed25519 (RFC 8032, section 6): verification only, so that no secret passes through it.

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
SPKI = bytes.fromhex("302a300506032b6570032100")  # an Ed25519 key as PEM files hold it (RFC 8410)


def public_key(pem: str) -> bytes:
    """The 32 bytes of a public key in PEM."""
    der = base64.b64decode("".join(line for line in pem.split("\n") if line and not line.startswith("-----")))
    if len(der) != 44 or der[:12] != SPKI:
        raise ValueError("not an Ed25519 public key")
    return der[12:]


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    if len(signature) != 64:
        return False
    s = int.from_bytes(signature[32:], "little")
    a, r = point(key), point(signature[:32])
    if a is None or r is None or s >= Q:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    h = int.from_bytes(digest, "little") % Q
    left, right = times(s, BASE), plus(r, times(h, a))
    same_x = (left[0] * right[2] - right[0] * left[2]) % P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % P == 0


def point(encoded: bytes) -> Point | None:
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = root_x(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


def root_x(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def plus(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(factor: int, what: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            found = plus(found, what)
        what = plus(what, what)
        factor >>= 1
    return found


_Y = 4 * pow(5, P - 2, P) % P
_X = root_x(_Y, 0) or 0
BASE = (_X, _Y, 1, _X * _Y % P)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
