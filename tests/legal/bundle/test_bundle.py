"""Bundles: sealed the same way every time, verifiable by a stranger, and no change goes unnoticed."""

from __future__ import annotations

import base64
import csv
import io
import json
import random
import re
import shutil
import struct
import subprocess
import sys
import unicodedata
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import bagit
import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from app.adapters.print.typesetting import typeset
from app.core.errors import Conflict, Invalid
from app.core.kit.csv_cells import unprotect
from app.legal.bundle import bag as fmt
from app.legal.bundle.build import build, key_id, load_private_key, load_public_key, public_key_pem, verify
from app.legal.bundle.case_json import CaseJson, case_schema
from app.legal.bundle.page import _NOT_PRINTABLE, page_data
from app.legal.checklists.case_file import CaseFile, Event
from app.legal.checklists.rules import completeness
from tests.legal.builders import (
    KEY,
    NOON,
    OTHER_KEY,
    account,
    case_file,
    chain,
    customer,
    entry,
    message,
    no_page,
    portfolio,
)
from tests.paths import ROOT

PUBLIC = KEY.public_key()
BASE = case_file().bundle_id
HOSTILE = '#eval("1+1") *bold* $x^2$ \\ <script>alert(1)</script> =cmd|"/C calc"!A1 \u202e😀'


@pytest.fixture(scope="module")
def bundle() -> bytes:
    return build(case_file(), KEY, no_page)


def contents(bundle: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def packed(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    fmt.write_archive(sink, BASE, case_file().as_of, files)
    return sink.getvalue()


def resealed(files: Mapping[str, bytes], **changes: bytes) -> bytes:
    """What a forger with the key would make: the files changed, every manifest and the signature done again."""
    payload = {p: c for p, c in files.items() if p.startswith("data/")} | {
        f"data/{name.replace('__', '.')}": content for name, content in changes.items()
    }
    octets = sum(map(len, payload.values()))
    info = files["bag-info.txt"].decode().splitlines()
    info = [f"Payload-Oxum: {octets}.{len(payload)}" if li.startswith("Payload-Oxum") else li for li in info]
    tags = {
        "bagit.txt": files["bagit.txt"],
        "bag-info.txt": ("\n".join(info) + "\n").encode(),
        fmt.MANIFEST: fmt.manifest_bytes({p: fmt.sha256(c) for p, c in payload.items()}),
        **({fmt.SCRIPT: files[fmt.SCRIPT]} if fmt.SCRIPT in files else {}),
    }
    tag_manifest = fmt.manifest_bytes({p: fmt.sha256(c) for p, c in tags.items()})
    signature = fmt.signature_bytes(PUBLIC, KEY.sign(tag_manifest))
    return packed({**payload, **tags, fmt.TAG_MANIFEST: tag_manifest, fmt.SIGNATURE: signature})


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


# ------------------------------------------------------------------------------------------------- building


def test_what_is_in_a_bundle(bundle: bytes) -> None:
    assert sorted(contents(bundle)) == [
        "bag-info.txt",
        "bagit.txt",
        "data/case-file.pdf",
        "data/case.json",
        "data/checklist.json",
        "data/contacts/0001-email/clearance.json",
        "data/contacts/0001-email/message.html",
        "data/contacts/0001-email/message.txt",
        "data/contacts/0001-email/meta.json",
        "data/contacts/0002-email/clearance.json",
        "data/contacts/0002-email/message.html",
        "data/contacts/0002-email/message.txt",
        "data/contacts/0002-email/meta.json",
        "data/disputes.json",
        "data/documents/0001-Kredietovereenkomst-2021.pdf",
        "data/documents/index.json",
        "data/ledger.csv",
        "data/plans.json",
        "data/statements.csv",
        "data/timeline.csv",
        "manifest-sha256.txt",
        "signature.json",
        "tagmanifest-sha256.txt",
        "verify.py",
    ]


def test_the_published_schema_is_that_of_the_case_json_that_is_built(bundle: bytes) -> None:
    published = json.loads((ROOT / "docs" / "schemas" / "case-2.json").read_text())
    assert published == case_schema(), "python -m app.legal.bundle.case_json > docs/schemas/case-2.json"
    told = json.loads(contents(bundle)["data/case.json"])
    CaseJson.model_validate(told)
    for changed in ({"more": 1}, {"as_of": "today"}, {"claim": {**told["claim"], "amount": 1234.5}}):
        with pytest.raises(ValidationError):
            CaseJson.model_validate({**told, **changed})


def test_a_bundle_of_the_first_format_verifies_still() -> None:
    """Sealed before the claim had parts: no columns for them, and a claim of one line."""
    files = contents(build(case_file(), KEY, no_page))
    told = json.loads(files["data/case.json"])
    told["format"] = fmt.FIRST_FORMAT
    told["claim"] = {key: told["claim"][key] for key in ("amount", "currency")}
    lines = [
        row[: len(fmt.LEDGER_COLUMNS)] for row in csv.reader(io.StringIO(files["data/ledger.csv"].decode()))
    ]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    first = files["bag-info.txt"].replace(fmt.FORMAT.encode(), fmt.FIRST_FORMAT.encode())
    old = {**files, "bag-info.txt": first}
    del old[fmt.SCRIPT]
    changes = {"case__json": fmt.json_bytes(told), "ledger__csv": text.getvalue().encode()}
    assert verify(resealed(old, **changes), PUBLIC).ok
    assert names(resealed(files, **changes)) == {"data/case.json"}, "bag and case are of one format"


def test_the_same_case_gives_the_same_bytes_in_whatever_order_it_was_loaded() -> None:
    case = case_file()
    shuffled = replace(
        case,
        entries=case.entries[::-1],
        statements=case.statements[::-1],
        events=case.events[::-1],
        messages=case.messages[::-1],
    )
    assert build(case, KEY, typeset) == build(shuffled, KEY, typeset)


def test_any_change_of_the_case_gives_other_bytes(bundle: bytes) -> None:
    assert build(case_file(customer=customer(mobile="")), KEY, no_page) != bundle


def test_every_entry_is_there_with_its_running_balance(bundle: bytes) -> None:
    ledger = rows(contents(bundle)["data/ledger.csv"])
    assert [(r["reference"], r["amount"], r["running_balance"]) for r in ledger] == [
        ("T-1", "999.00", "999.00"),
        ("T-2", "450.50", "1449.50"),
        ("P-1", "-250.00", "1199.50"),
        ("I-1", "25.00", "1224.50"),
        ("F-1", "10.00", "1234.50"),
    ]


def test_running_balances_start_anew_with_each_account_and_follow_the_currency() -> None:
    case = case_file(
        portfolio=portfolio(currency="JPY", timezone="Asia/Tokyo"),
        accounts=(account(account_ref="B", balance_minor=70), account(account_ref="A", balance_minor=50)),
        entries=(
            entry("1", "purchase", date(2026, 1, 1), 70, account_ref="B"),
            entry("2", "purchase", date(2026, 1, 2), 50, account_ref="A"),
        ),
        claimed_minor=120,
        incomplete_reason="statements follow",
    )
    ledger = rows(contents(build(case, KEY, no_page))["data/ledger.csv"])
    assert [(r["account_ref"], r["running_balance"]) for r in ledger] == [("A", "50"), ("B", "70")]


def test_messages_are_kept_exactly_as_sent() -> None:
    text = 'Best mevrouw,\r\n\t"=1+1" 您好 😀\n'
    files = contents(build(case_file(messages=(message(1, text=text, html=""),)), KEY, no_page))
    assert files["data/contacts/0001-email/message.txt"] == text.encode()
    assert "data/contacts/0001-email/message.html" not in files
    assert json.loads(files["data/contacts/0001-email/meta.json"])["sent_at"] == "2026-06-02T12:00:00.000000Z"


def test_no_documents_is_said_not_left_open() -> None:
    case = case_file(documents=(), incomplete_reason="on paper in the branch")
    files = contents(build(case, KEY, no_page))
    assert "No document" in files["data/documents/README.txt"].decode()
    assert "Incomplete-Reason: on paper in the branch" in files["bag-info.txt"].decode()


def test_an_uploads_name_cannot_lead_out_of_the_bag() -> None:
    (document,) = case_file().documents
    names = ("../../etc/passwd", "合同.pdf", "a\\b:c\x00.pdf", ".hidden", "x" * 300)
    case = case_file(documents=tuple(replace(document, name=name) for name in names))
    bundle = build(case, KEY, no_page)
    assert verify(bundle, PUBLIC).ok
    index = json.loads(contents(bundle)["data/documents/index.json"])
    assert {item["name"] for item in index} == set(names)


def test_text_that_a_spreadsheet_would_run_is_disarmed() -> None:
    case = case_file()
    bad = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "＝1", "'s Gravenhage")
    entries = tuple(
        entry(f"N-{n}", "fee", date(2026, 4, 2), 0, description=text) for n, text in enumerate(bad)
    )
    bundle = build(replace(case, entries=(*case.entries, *entries)), KEY, no_page)
    cells = [
        r["description"] for r in rows(contents(bundle)["data/ledger.csv"]) if r["reference"].startswith("N-")
    ]
    assert cells == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t'=1", "''=1", "'＝1", "'s Gravenhage"]
    assert [unprotect(cell) for cell in cells] == list(bad)


def test_hostile_text_everywhere_stays_text() -> None:
    case = case_file(
        customer=customer(name=HOSTILE, address_lines=(HOSTILE,), email=HOSTILE),
        portfolio=portfolio(creditor=f"Bank\nExternal-Identifier: other\n{HOSTILE}"),
        events=chain("customer:1", ("case.note_added", "=cmd()", {"note": HOSTILE, "=k": "\r\n"})),
        messages=(message(1, text=HOSTILE, html=HOSTILE, to=HOSTILE, subject=HOSTILE),),
    )
    bundle = build(case, KEY, typeset)
    result = verify(bundle, PUBLIC)
    assert result.ok
    assert result.bag_info["External-Identifier"] == BASE
    assert json.loads(contents(bundle)["data/case.json"])["customer"]["name"] == HOSTILE


# --------------------------------------------------------------------------------------------------- the page


def page_text(bundle: bytes, tmp_path: Path) -> str:
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler-utils) is not installed")
    pdf = tmp_path / "case-file.pdf"
    pdf.write_bytes(contents(bundle)["data/case-file.pdf"])
    done = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True)
    return done.stdout.decode()


def test_the_page_shows_claim_parties_and_ledger(tmp_path: Path) -> None:
    text = page_text(build(case_file(), KEY, typeset), tmp_path)
    for expected in (
        "Case file",
        f"Bundle {BASE}",
        "Amount claimed at the end of 26 June 2026",
        "1,234.50 EUR",
        "Noordzee Bank N.V.",
        "Maria de Vries",
        "Fietsenwinkel Amstel",
        "Page 1 of",
    ):
        assert expected in text
    assert "incomplete" not in text


def test_the_page_says_when_the_file_is_incomplete_and_who_answers_for_it(tmp_path: Path) -> None:
    case = case_file(documents=(), incomplete_reason="the branch looks for it")
    text = page_text(build(case, KEY, typeset), tmp_path)
    assert "This case file is incomplete." in text
    assert "(lars)" in text
    assert "the branch looks for it" in text


def test_chinese_and_hostile_names_on_the_page(tmp_path: Path) -> None:
    name = "王小明 欧阳娜娜"
    case = case_file(customer=customer(name=name, address_lines=('#strong[x] $y$ *z* `r` \\ <b> "',)))
    text = page_text(build(case, KEY, typeset), tmp_path)
    assert name in text
    assert '#strong[x] $y$ *z* `r` \\ <b> "' in text


def test_what_cannot_be_printed_or_seen_is_shown_by_its_code_point() -> None:
    case = case_file(customer=customer(name="A\u202eB 😀 \x07 العربية"))
    data = page_data(case, completeness(case))
    shown = dict(data["cardholder"])["Name"]
    assert shown.startswith("A[U+202E]B [U+1F600] [U+0007] [U+0627]")


def test_every_script_the_page_lets_through_has_its_glyphs() -> None:
    every = (chr(n) for n in range(0x20, 0x10000) if not 0xD800 <= n < 0xE000)
    let_through = [c for c in every if unicodedata.category(c) != "Cn" and not _NOT_PRINTABLE.match(c)]
    assert len(let_through) > 30_000
    assert typeset_text(" ".join(let_through)).startswith(b"%PDF")


def typeset_text(text: str) -> bytes:
    case = case_file(messages=(message(1, text=text),))
    return contents(build(case, KEY, typeset))["data/case-file.pdf"]


def test_the_page_is_pdf_a(tmp_path: Path) -> None:
    pdf = contents(build(case_file(), KEY, typeset))["data/case-file.pdf"]
    with pikepdf.open(io.BytesIO(pdf)) as document, document.open_metadata() as metadata:
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "B")


# ------------------------------------------------------------------------------------------- refusing to build


def test_an_incomplete_case_is_refused_by_name() -> None:
    with pytest.raises(Conflict, match=r"document\.agreement"):
        build(case_file(documents=()), KEY, no_page)


def test_a_claim_the_ledger_does_not_bear_out_is_refused() -> None:
    with pytest.raises(Conflict, match="sums to"):
        build(case_file(claimed_minor=1, incomplete_reason="x"), KEY, no_page)


def test_a_broken_chain_is_not_handed_out() -> None:
    events = list(case_file().events)
    events[1] = replace(events[1], data_json='{"channel":"sms"}')
    with pytest.raises(Conflict, match=r"timeline\.csv"):
        build(case_file(events=tuple(events)), KEY, no_page)


# -------------------------------------------------------------------------------------------------- verifying


def test_a_bundle_verifies_with_the_file_and_the_key_alone(bundle: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"{BASE}.zip"
    file.write_bytes(bundle)
    for given in (bundle, file):
        result = verify(given, PUBLIC)
        assert result.ok
        assert result.problems == ()
        assert result.key_id == key_id(PUBLIC)
        assert result.signer == f"signed by known key {key_id(PUBLIC)}"
        assert result.bag_info["Internal-Sender-Identifier"] == "CASE-9"


def test_without_a_key_it_says_that_the_key_is_unknown(bundle: bytes) -> None:
    result = verify(bundle, None)
    assert result.ok
    assert result.signer.startswith("signed by unknown key")


def test_another_key_is_named(bundle: bytes) -> None:
    result = verify(bundle, OTHER_KEY.public_key())
    assert not result.ok
    assert [p.file for p in result.problems] == ["signature.json"]
    assert key_id(PUBLIC) in result.problems[0].what


def test_a_change_in_any_file_is_found_and_the_file_named(bundle: bytes) -> None:
    files = contents(bundle)
    for path, content in files.items():
        changed = bytearray(content)
        changed[len(changed) // 2] ^= 1
        result = verify(packed({**files, path: bytes(changed)}), PUBLIC)
        assert not result.ok
        assert path in {p.file for p in result.problems}, path


def test_a_missing_file_is_named(bundle: bytes) -> None:
    files = contents(bundle)
    for path in files:
        result = verify(packed({p: c for p, c in files.items() if p != path}), PUBLIC)
        assert not result.ok
        assert path in {p.file for p in result.problems}, path


@pytest.mark.parametrize("path", ["data/extra.txt", "extra.txt", "data/contacts/0001-email/more.txt"])
def test_an_added_file_is_named(bundle: bytes, path: str) -> None:
    result = verify(packed({**contents(bundle), path: b"x"}), PUBLIC)
    assert path in {p.file for p in result.problems}


def test_one_flipped_bit_anywhere_is_found(bundle: bytes) -> None:
    chosen = random.Random(7)
    directory = bundle.rindex(b"PK\x05\x06")
    offsets = {0, 1, len(bundle) - 1, directory, *chosen.sample(range(len(bundle)), 400)}
    # The archive's own directory holds no content, so it is where a change would most easily go unseen.
    start = struct.unpack("<I", bundle[directory + 16 : directory + 20])[0]
    offsets |= set(range(start, len(bundle), 9))
    for offset in sorted(offsets):
        flipped = bytearray(bundle)
        flipped[offset] ^= 1 << chosen.randrange(8)
        assert not verify(bytes(flipped), PUBLIC).ok, offset


def test_bytes_before_or_after_the_archive_are_found(bundle: bytes) -> None:
    assert not verify(bundle + b"\0", PUBLIC).ok
    assert not verify(b"#!/bin/sh\n" + bundle, PUBLIC).ok


def test_a_forged_record_fails_even_with_every_seal_renewed(bundle: bytes) -> None:
    files = contents(bundle)
    assert verify(resealed(files), PUBLIC).ok
    ledger = files["data/ledger.csv"].replace(b"999.00,999.00", b"899.00,899.00", 1)
    assert "data/ledger.csv" in names(resealed(files, ledger__csv=ledger))
    timeline = files["data/timeline.csv"].replace(b"right_party", b"wrong_party")
    assert names(resealed(files, timeline__csv=timeline)) == {"data/timeline.csv"}
    claim = files["data/case.json"].replace(b'"amount": "1234.50"', b'"amount": "2234.50"', 1)
    assert "data/ledger.csv" in names(resealed(files, case__json=claim))
    for path, other in (
        (("parts", "interest"), "26.00"),
        (("accounts", 0, "claimed", "principal"), "1.00"),
        (("accounts", 0, "lines", 1, "amounts", "principal"), "0.00"),
        (("accounts", 0, "charged_off_on"), "2026-03-01"),
    ):
        told = json.loads(files["data/case.json"])
        at = told["claim"]
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = other
        assert names(resealed(files, case__json=fmt.json_bytes(told))) == {"data/case.json"}, path
    ledger = files["data/ledger.csv"].replace(b"paid,-250.00,0.00", b"paid,-249.00,-1.00")
    assert names(resealed(files, ledger__csv=ledger)) == {"data/case.json"}


def test_an_event_left_out_breaks_the_chain(bundle: bytes) -> None:
    files = contents(bundle)
    lines = files["data/timeline.csv"].splitlines(keepends=True)
    for gone in (1, 2):
        shortened = b"".join(line for n, line in enumerate(lines) if n != gone)
        assert names(resealed(files, timeline__csv=shortened)) == {"data/timeline.csv"}


def names(bundle: bytes) -> set[str]:
    result = verify(bundle, PUBLIC)
    assert not result.ok
    return {p.file for p in result.problems}


def zipped(*entries: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return sink.getvalue()


def deep_json() -> bytes:
    return b"[" * 100_000


HOSTILE_INPUTS: dict[str, Callable[[], bytes]] = {
    "nothing": bytes,
    "not a zip": lambda: b"hello" * 100,
    "no entries": lambda: zipped(),
    "traversal": lambda: zipped((f"{BASE}/bagit.txt", b""), (f"{BASE}/../../etc/passwd", b"x")),
    "absolute": lambda: zipped(("/etc/passwd", b"x")),
    "backslash": lambda: zipped((f"{BASE}/data\\x", b"x")),
    "another folder": lambda: zipped((f"{BASE}/bagit.txt", b""), ("other/bagit.txt", b"")),
    "no folder": lambda: zipped(("bagit.txt", b"")),
    "bomb": lambda: zipped((f"{BASE}/data/a", b"\0" * (64 << 20)), compression=zipfile.ZIP_DEFLATED),
    "too many": lambda: zipped(*((f"{BASE}/data/{n}", b"") for n in range(20_001))),
    "deep json": lambda: zipped((f"{BASE}/data/case.json", deep_json()), (f"{BASE}/signature.json", deep_json())),
    "binary records": lambda: zipped(
        *((f"{BASE}/{path}", bytes(range(256)) * 9)
          for path in ("data/case.json", "data/ledger.csv", "data/timeline.csv", "signature.json", "bag-info.txt",
                       "manifest-sha256.txt", "tagmanifest-sha256.txt", "bagit.txt"))
    ),
    "wrong types": lambda: zipped(
        (f"{BASE}/signature.json", b"[]"), (f"{BASE}/data/case.json", b"7"), (f"{BASE}/data/ledger.csv", b"\n")
    ),
}  # fmt: skip
"""Made when they are asked for: together they take a second, which every worker would spend as it collects."""


@pytest.mark.parametrize("case", HOSTILE_INPUTS)
def test_hostile_input_is_refused_without_an_exception(case: str) -> None:
    made = HOSTILE_INPUTS[case]()
    for key in (PUBLIC, None):
        result = verify(made, key)
        assert not result.ok
        assert result.problems


def test_a_file_that_is_not_there_is_a_problem_not_an_exception(tmp_path: Path) -> None:
    assert not verify(tmp_path / "none.zip", PUBLIC).ok
    assert not verify(tmp_path, PUBLIC).ok


def test_truncated_archives_are_refused(bundle: bytes) -> None:
    for length in range(0, len(bundle), 997):
        assert not verify(bundle[:length], PUBLIC).ok


def test_a_file_in_the_archive_twice_is_named(bundle: bytes) -> None:
    files = [(f"{BASE}/{path}", content) for path, content in contents(bundle).items()]
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = zipped(*files, (f"{BASE}/data/case.json", b"{}"))
    assert ("data/case.json", "is in the archive twice") in {
        (p.file, p.what) for p in verify(twice, PUBLIC).problems
    }


def test_one_giant_declared_size_is_refused_unread(bundle: bytes) -> None:
    forged = bytearray(bundle)
    entry_at = bundle.index(b"PK\x01\x02")
    forged[entry_at + 24 : entry_at + 28] = b"\xff\xff\xff\x7f"
    assert not verify(bytes(forged), PUBLIC).ok


def test_long_notes_verify_and_leave_the_csv_limit_alone() -> None:
    before = csv.field_size_limit()
    events = chain("customer:1", ("case.note_added", "user:anna", {"note": "ä" * 300_000}))
    assert verify(build(case_file(events=events), KEY, no_page), PUBLIC).ok
    assert csv.field_size_limit() == before


def test_events_of_several_streams_verify_each_by_itself() -> None:
    other: tuple[Event, ...] = chain(
        "portfolio:1",
        ("day.closed", "system", {}),
        ("day.closed", "system", {}),
        start=NOON + timedelta(days=1),
    )
    case: CaseFile = case_file(events=(*other, *case_file().events))
    assert verify(build(case, KEY, no_page), PUBLIC).ok


# --------------------------------------------------------------------------- a stranger, with other people's tools


@pytest.fixture
def unpacked(bundle: bytes, tmp_path: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        archive.extractall(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [BASE]
    return tmp_path / BASE


def test_the_bagit_library_accepts_it_and_finds_what_is_changed(unpacked: Path) -> None:
    bagit.Bag(str(unpacked)).validate()
    (unpacked / "data" / "ledger.csv").write_bytes(b"changed")
    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(unpacked)).validate()


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_the_commands_of_the_documentation_work(unpacked: Path) -> None:
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", manifest], cwd=unpacked, check=True)
    signature = json.loads((unpacked / "signature.json").read_text())
    (unpacked / "sig.bin").write_bytes(base64.b64decode(signature["signature"]))
    (unpacked / "key.pem").write_text(signature["public_key"])
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin"]
    command += ["-in", "tagmanifest-sha256.txt", "-sigfile", "sig.bin"]
    done = subprocess.run(command, cwd=unpacked, capture_output=True, check=True)
    assert b"Signature Verified Successfully" in done.stdout


def test_the_programs_of_the_documentation_work(tmp_path: Path) -> None:
    """docs/bundle.md promises that a stranger can recompute chain and sum; run what it prints."""
    page = ROOT / "docs" / "bundle.md"
    programs = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(programs) == 2
    case = case_file(events=chain("customer:1", ("case.note_added", "=me", {"a": "b\r\n"}), ("x", "'@", {})))
    with zipfile.ZipFile(io.BytesIO(build(case, KEY, no_page))) as archive:
        archive.extractall(tmp_path)
    said = [run_program(program, tmp_path / BASE) for program in programs]
    assert said == ["chain holds: 1 stream(s)", "the ledger sums to the claim: 1234.50"]


def run_program(program: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-I", "-c", program], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


def test_the_archive_opens_with_unzip_too(bundle: bytes, tmp_path: Path) -> None:
    if not shutil.which("unzip"):
        pytest.skip("unzip is not installed")
    (tmp_path / "b.zip").write_bytes(bundle)
    subprocess.run(["unzip", "-tqq", tmp_path / "b.zip"], check=True)


# ------------------------------------------------------------------------------------------------------- keys


def pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_keys_come_from_text_or_file(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pem(KEY))
    for given in (pem(KEY), str(file), f"\n{pem(KEY)}\n"):
        assert public_key_pem(load_private_key(given)) == public_key_pem(PUBLIC)
    assert key_id(load_public_key(public_key_pem(KEY))) == key_id(PUBLIC)


@pytest.mark.parametrize(
    "given", ["", "/no/such/file", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "rsa"]
)
def test_what_is_no_ed25519_key_is_refused_without_quoting_it(given: str) -> None:
    text = pem(generate_private_key(65537, 2048)) if given == "rsa" else given
    for load in (load_private_key, load_public_key):
        with pytest.raises(Invalid) as refusal:
            load(text)
        assert "AAAA" not in refusal.value.message
