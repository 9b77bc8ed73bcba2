"""The print batch: order, marks, manifest, and that a batch is there whole or not at all."""

from __future__ import annotations

import csv
import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest

from app.adapters.print.batch import AT_ONCE, MANIFEST, PDF, PrintPress, sheet_marks
from app.core.vocabulary import Channel
from app.outreach.outbox.dispatch import Misconfigured
from app.outreach.outbox.printing import Piece, PressDown
from tests.adapters.dispatches import a_dispatch
from tests.paths import ROOT

LETTERS = ROOT / "letters"
DAY = date(2026, 11, 14)
BATCH = "2026-11-14/batch-000007"
LONG = "# Accounts\n\n| Account | Past due |\n" + "\n".join(f"| Card {n:04} | $1.00 |" for n in range(50))


def a_piece(n: int, country: str = "GB", postcode: str = "", **changes: Any) -> Piece:
    postcode = postcode or f"AB{n:02}"
    values = {
        "key": f"{n}:reminder:1:post",
        "recipient_name": f"Person {n}",
        "to": f"{n} Elm Street\n{postcode} Town\n{country}",
        "text": f"# Letter {n}\n\nDear person {n},",
    }
    return Piece(a_dispatch(Channel.POST, **{**values, **changes}), country, postcode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "print"


@pytest.fixture
def press(folder: Path) -> PrintPress:
    return PrintPress(folder, LETTERS)


def manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / BATCH / MANIFEST).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def texts(pdf: Path) -> list[str]:
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)]


def test_letters_lie_in_print_order_and_the_manifest_says_where(press: PrintPress, folder: Path) -> None:
    pieces = [
        a_piece(1, "NO", "0150"),
        a_piece(2, "GB", "EH1", text=LONG),
        a_piece(3, "GB", "EH1"),
        a_piece(4, "GB", "BN1", language="zh", text="# 通知\n\n您好"),
    ]
    made = press.make(BATCH, pieces, day=DAY)
    assert press.publish(BATCH)

    rows = manifest(folder)
    assert [(row["piece"], row["key"][0], row["first_page"], row["last_page"]) for row in rows] == [
        ("1", "4", "1", "1"),
        ("2", "3", "2", "2"),
        ("3", "2", "3", "4"),
        ("4", "1", "5", "5"),
    ]
    assert press.manifest(BATCH) == {row["key"]: int(row["piece"]) for row in rows}
    pdf = folder / BATCH / PDF
    assert (made.letters, made.pages, made.refused) == (4, 5, {})
    assert (
        {row["batch_sha256"] for row in rows}
        == {made.sha256}
        == {hashlib.sha256(pdf.read_bytes()).hexdigest()}
    )
    pages = texts(pdf)
    for row in rows:
        name = f"Person {row['key'][0]}"
        assert name in pages[int(row["first_page"]) - 1]
    assert "Page 2 of 2" in pages[3]
    with pikepdf.open(pdf) as document:
        assert document.check_pdf_syntax() == []


def test_many_letters_are_typeset_in_sets_and_number_their_own_pages(press: PrintPress, folder: Path) -> None:
    pieces = [a_piece(n, text=LONG if n % 10 == 0 else "# Letter\n\nDear") for n in range(2 * AT_ONCE + 5)]
    made = press.make(BATCH, pieces, day=DAY)
    press.publish(BATCH)
    assert made.pages == 2 * AT_ONCE + 5 + 3
    assert sum("Page 1 of 1" in page for page in texts(folder / BATCH / PDF)) == 2 * AT_ONCE + 5 - 3


def test_same_letters_same_bytes_and_another_word_another_digest(tmp_path: Path) -> None:
    seen = []
    for n, words in enumerate(("# A\n\nOne", "# A\n\nOne", "# A\n\nTwo")):
        press = PrintPress(tmp_path / str(n), LETTERS)
        made = press.make(BATCH, [a_piece(1, text=words), a_piece(2)], day=DAY)
        press.publish(BATCH)
        seen.append((made.sha256, [row["sha256"] for row in manifest(tmp_path / str(n))]))
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[2][0]
    assert seen[0][1][0] != seen[2][1][0]
    assert seen[0][1][1] == seen[2][1][1]


def test_the_inserter_reads_where_a_piece_begins_and_ends(press: PrintPress, folder: Path) -> None:
    press.make(BATCH, [a_piece(1), a_piece(2, text=LONG)], day=DAY)
    press.publish(BATCH)
    scale = 4
    seen = []
    for page in pypdfium2.PdfDocument(folder / BATCH / PDF):
        picture = page.render(scale=scale).to_pil().convert("L")
        dots = scale * 72 / 25.4
        seen.append(
            tuple(
                picture.getpixel((round(13.5 * dots), round((120.25 + place * 25.4 / 6) * dots))) < 128
                for place in range(8)
            )
        )
    assert seen == [
        sheet_marks(1, first=True, last=True),
        sheet_marks(2, first=True, last=False),
        sheet_marks(2, first=False, last=True),
    ]


def test_the_marks() -> None:
    assert sheet_marks(5, first=True, last=False) == (True, True, False, True, False, True, True, True)
    for number in range(9):
        for first in (True, False):
            for last in (True, False):
                marks = sheet_marks(number, first=first, last=last)
                assert sum(marks[:7]) % 2 == 1
                assert sum(bit << place for place, bit in enumerate(marks[3:6])) == number % 8


def test_what_cannot_be_printed_does_not_stop_the_others(press: PrintPress, folder: Path) -> None:
    pieces = [a_piece(1), a_piece(2, recipient_name="สมชาย"), a_piece(3, to=""), a_piece(4)]
    made = press.make(BATCH, pieces, day=DAY)
    press.publish(BATCH)
    assert set(made.refused) == {"2:reminder:1:post", "3:reminder:1:post"}
    assert list(press.manifest(BATCH)) == ["1:reminder:1:post", "4:reminder:1:post"]
    assert not any("ส" in why for why in made.refused.values())


def test_nothing_is_shown_before_it_is_published(press: PrintPress, folder: Path) -> None:
    press.make(BATCH, [a_piece(1)], day=DAY)
    assert not list(folder.glob("*/batch-*"))
    press.make(BATCH, [a_piece(2)], day=DAY)  # what a dead worker left behind is made anew
    assert press.publish(BATCH)
    assert press.publish(BATCH)
    assert [row["key"] for row in manifest(folder)] == ["2:reminder:1:post"]
    assert not press.publish("2026-11-14/batch-000008")
    press.discard(BATCH)
    assert press.manifest(BATCH)


def test_a_folder_that_cannot_be_written_stops_the_press(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(PressDown) as down:
        PrintPress(folder, LETTERS).make(BATCH, [a_piece(1)], day=DAY)
    assert isinstance(down.value.outcome, Misconfigured)
