"""verify.py, which lies in each bundle: it finds what our own program finds, with Python alone."""

from __future__ import annotations

import io
import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.money import exponent
from app.core.timeline.sight import WITHHELD_JSON
from app.legal.bundle import bag as fmt
from app.legal.bundle.build import SCRIPT, build, public_key_pem, verify
from app.legal.bundle.proof import checklist
from app.legal.bundle.proof import verify as script
from app.legal.checklists.items import NEVER_EXCUSED
from tests.legal.builders import KEY, OTHER_KEY, account, case_file, chain, entry, no_page, portfolio
from tests.legal.bundle.test_bundle import contents, packed, resealed

PUBLIC = KEY.public_key()
RAW = PUBLIC.public_bytes_raw()


@pytest.fixture(scope="module")
def sealed() -> bytes:
    events = chain(
        "customer:1", ("case.opened", "=me", {"a": "b\r\n"}), ("x", "'@", {}), ("y", "user:a", {"k": 1})
    )
    return build(case_file(events=events), KEY, no_page)


def unpack(bundle: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        archive.extractall(folder)
    return folder / case_file().bundle_id


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", folder / "verify.py", *arguments]
    return subprocess.run(command, cwd="/", capture_output=True, text=True)


def test_a_stranger_needs_python_alone(sealed: bytes, tmp_path: Path) -> None:
    folder = unpack(sealed, tmp_path)
    found = run(folder)
    assert (found.returncode, found.stderr) == (0, "")
    assert "whose owner this does not prove" in found.stdout
    (tmp_path / "key.pem").write_text(public_key_pem(PUBLIC))
    assert "the key that you gave" in run(folder, "--key", str(tmp_path / "key.pem")).stdout
    (tmp_path / "other.pem").write_text(public_key_pem(OTHER_KEY))
    other = run(folder, "--key", str(tmp_path / "other.pem"))
    assert (other.returncode, other.stdout.count("signature.json: signed by key")) == (1, 1)
    assert run(folder, "--what").returncode == 2
    assert not list(folder.rglob("__pycache__")), "it leaves nothing behind that a second run would find"


def test_it_finds_what_our_own_program_finds(sealed: bytes, tmp_path: Path) -> None:
    """Each file flipped, removed and swapped with another; a file added: both name the same file."""
    files = contents(sealed)
    chosen = random.Random(3)
    paths = sorted(files)
    changes: list[tuple[str, Mapping[str, bytes]]] = [("data/more.txt", {**files, "data/more.txt": b"x"})]
    changes.append(("more.txt", {**files, "more.txt": b"x"}))
    for path in paths:
        flipped = bytearray(files[path])
        flipped[chosen.randrange(len(flipped))] ^= 1 << chosen.randrange(8)
        changes.append((path, {**files, path: bytes(flipped)}))
        changes.append((path, {name: content for name, content in files.items() if name != path}))
        other = chosen.choice([name for name in paths if files[name] != files[path]])
        changes.append((path, {**files, path: files[other], other: files[path]}))
    for number, (path, changed) in enumerate(changes):
        ours = {problem.file for problem in verify(packed(changed), PUBLIC).problems}
        folder = tmp_path / str(number)
        for name, content in changed.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        theirs = {file for file, _ in script.check(str(folder), RAW)}
        assert path in ours, path
        assert path in theirs, path
        shutil.rmtree(folder)


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    return lambda content: b"".join(change(content.splitlines(keepends=True)))


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("data/timeline.csv", lines(lambda rows: [rows[0], rows[2], rows[1], *rows[3:]])),
        ("data/timeline.csv", lambda content: content.replace(b"user:a", b"user:b")),
        ("data/ledger.csv", lambda content: content.replace(b"450.50,1449.50", b"440.50,1439.50")),
        ("data/ledger.csv", lambda content: content.replace(b"paid,-250.00,0.00", b"paid,-249.00,0.00")),
        (
            "data/case.json",
            lambda content: content.replace(b'"interest": "25.00"', b'"interest": "24.00"', 1),
        ),
        ("data/checklist.json", lambda content: content.replace(b'"ok": true', b'"ok": false', 1)),
    ],
)
def test_a_forger_with_the_key_is_found_by_both(
    sealed: bytes, tmp_path: Path, path: str, change: Callable[[bytes], bytes]
) -> None:
    """Records that contradict each other are named, though every hash and the seal were made anew."""
    files = contents(sealed)
    assert change(files[path]) != files[path]
    forged = resealed(files, **{path.removeprefix("data/").replace(".", "__"): change(files[path])})
    assert path in {problem.file for problem in verify(forged, PUBLIC).problems}
    assert path in {file for file, _ in script.check(str(unpack(forged, tmp_path)), RAW)}


def test_an_event_that_is_withheld_leaves_the_chain_whole(tmp_path: Path) -> None:
    events = list(case_file().events)
    events[1] = replace(events[1], data_json=WITHHELD_JSON)
    bundle = build(case_file(events=tuple(events)), KEY, no_page)
    assert verify(bundle, PUBLIC).problems == ()
    assert script.check(str(unpack(bundle, tmp_path)), RAW) == []


def test_a_manifest_signed_again_with_another_key_is_named(sealed: bytes, tmp_path: Path) -> None:
    files = contents(sealed)
    signed = OTHER_KEY.sign(files[fmt.TAG_MANIFEST])
    forged = {**files, fmt.SIGNATURE: fmt.signature_bytes(OTHER_KEY.public_key(), signed)}
    assert [problem.file for problem in verify(packed(forged), PUBLIC).problems] == [fmt.SIGNATURE]
    assert [file for file, _ in script.check(str(unpack(packed(forged), tmp_path)), RAW)] == [fmt.SIGNATURE]


def test_it_verifies_signatures_as_the_library_does() -> None:
    chosen = random.Random(5)
    for n in range(12):
        message = chosen.randbytes(n * 7)
        signature = KEY.sign(message)
        assert script.is_signed(RAW, message, signature)
        for bad in (bytes(64), signature[:-1], signature[:32] + (b"\xff" * 32), signature[::-1]):
            assert not script.is_signed(RAW, message, bad)
        assert not script.is_signed(RAW, message + b"x", signature)
        assert not script.is_signed(OTHER_KEY.public_key().public_bytes_raw(), message, signature)


def test_every_currency_and_an_excused_gap(tmp_path: Path) -> None:
    assert exponent("JPY") == 0
    case = case_file(
        portfolio=portfolio(currency="JPY", timezone="Asia/Tokyo"),
        accounts=(replace(account(balance_minor=70), charged_off_on=None),),
        entries=(entry("1", "purchase", case_file().as_of, 70),),
        claimed_minor=70,
        documents=(),
        incomplete_reason="on paper",
    )
    folder = unpack(build(case, KEY, no_page), tmp_path)
    assert run(folder).returncode == 0
    told = json.loads((folder / "data" / "checklist.json").read_text())
    assert any(item["excuse"] for item in told)


def test_what_is_in_the_bundle_is_this_very_file_and_knows_the_same_stops(sealed: bytes) -> None:
    assert contents(sealed)["verify.py"] == SCRIPT.read_bytes() == Path(script.__file__).read_bytes()
    assert set(script.NEVER_EXCUSED) == checklist.NEVER_EXCUSED == NEVER_EXCUSED
    assert set(script.TAGS) == set(fmt.TAG_FILES)
    assert script.PARTS == fmt.CLAIM_PARTS
