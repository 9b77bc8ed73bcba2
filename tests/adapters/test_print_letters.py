"""Printed letters: what is in the PDF, and that a key is never printed twice whatever happens."""

from __future__ import annotations

import csv
import hashlib
import io
import multiprocessing
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from app.adapters.print.letter_page import letter_template, page_data, parts, picture_letter, typeset_letter
from app.adapters.print.letters import MANIFEST, PrintLetterSender, file_name
from app.adapters.print.typesetting import CannotTypeset, count_pages, typeset
from app.book.portfolios.rules import CollectorKind
from app.core.vocabulary import Channel
from app.outreach.letters.rendering import render
from app.outreach.letters.samples import sample_context, sample_dispatch
from app.outreach.outbox.dispatch import Accepted, Dispatch, Misconfigured, TryLater, Undeliverable
from tests import builders
from tests.adapters.dispatches import a_dispatch
from tests.paths import ROOT

LETTERS = ROOT / "letters"
DAY = date(2026, 11, 14)
TEXT = """# A payment has not reached us

Dear Alex Rivera,

| Account | Past due |
| Gold Visa, card ending 4321 | $120.00 |
|= Total past due | $120.00 |

Kind regards
First Harbor Bank

---

This is an attempt to collect a debt."""
TEMPLATE = letter_template(LETTERS)
LINK = {"preferences_url": "https://desk.example.com/u/123456.post.AbCdEfGhIjKlMnOpQrStUvWx"}
CHINESE = "# 信用卡款項尚未入帳通知\n\n王小明 您好：\n\n逾期金額共 NT$1,200。"


def manifest_rows(print_dir: Path, business_date: date) -> list[dict[str, str]]:
    """Read the day's manifest as dicts by column; empty if nothing was printed that day."""
    path = print_dir / business_date.isoformat() / MANIFEST
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def a_letter(**changes: Any) -> Dispatch:
    return a_dispatch(
        Channel.POST, **{"text": TEXT, "context": {"contact_phone": "+1 212 555 0100"}, **changes}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "print"


@pytest.fixture
def sender(folder: Path) -> PrintLetterSender:
    return PrintLetterSender(folder, LETTERS)


def printed(folder: Path, outcome: object) -> bytes:
    assert isinstance(outcome, Accepted), outcome
    return (folder / outcome.provider_ref).read_bytes()


def words_of(pdf: bytes) -> str:
    """The text of all pages, read through each font's ToUnicode map: what copying from the page would give."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return "".join(_words_on(page) for page in document.pages)


def _words_on(page: pikepdf.Page) -> str:
    maps = {name: _to_unicode(font) for name, font in page.Resources.Font.items()}
    text, current = "", {}
    for operands, operator in pikepdf.parse_content_stream(page):
        if str(operator) == "Tf":
            current = maps[str(operands[0])]
        for piece in (
            [operands[0]] if str(operator) == "Tj" else list(operands[0]) if str(operator) == "TJ" else []
        ):
            if isinstance(piece, pikepdf.String):
                codes = bytes(piece)
                text += "".join(current.get(codes[i : i + 2], "?") for i in range(0, len(codes), 2))
    return text


def _to_unicode(font: pikepdf.Object) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for operands, operator in pikepdf.parse_content_stream(font.ToUnicode):
        if str(operator) == "endbfchar":
            pairs = [bytes(operand) for operand in operands]
            found |= {code: to.decode("utf-16-be") for code, to in zip(pairs[::2], pairs[1::2], strict=True)}
    return found


# ------------------------------------------------------------------------------------------------------ the page


def test_pdf_a_with_every_font_inside(sender: PrintLetterSender, folder: Path) -> None:
    pdf = printed(folder, sender.send(a_letter(language="zh", text=CHINESE, recipient_name="王小明")))
    with pikepdf.open(io.BytesIO(pdf)) as document:
        with document.open_metadata() as metadata:
            assert metadata.pdfa_status == "2A"
        fonts = [font for page in document.pages for font in page.Resources.Font.values()]
        names = {str(font.BaseFont) for font in fonts}
        for font in fonts:
            descriptor = font.DescendantFonts[0].FontDescriptor
            assert "/FontFile2" in descriptor or "/FontFile3" in descriptor
    assert any("CJK" in name for name in names)


def test_the_words_are_on_the_page(sender: PrintLetterSender, folder: Path) -> None:
    english = words_of(printed(folder, sender.send(a_letter(key="en"))))
    for words in (
        "AlexRivera",
        "14ElmStreet",
        "Springfield,IL62701",
        "$120.00",
        "14November2026",
        "C-000041",
    ):
        assert words in english.replace(" ", "")
    assert "+12125550100" in english.replace(" ", "")

    chinese = words_of(printed(folder, sender.send(a_letter(key="zh", language="zh", text=CHINESE))))
    for words in ("王小明", "信用卡款項尚未入帳通知", "NT$1,200", "案件編號"):
        assert words in chinese.replace(" ", "")


@pytest.mark.parametrize(
    ("language", "currency"), [("en", "USD"), ("id", "IDR"), ("nb", "NOK"), ("nl", "EUR"), ("zh", "TWD")]
)
def test_every_word_of_a_letter_can_be_copied_from_its_pdf(language: str, currency: str) -> None:
    letter = builders.catalog().letters["final_notice"]
    link = LINK["preferences_url"]
    context = sample_context(language, CollectorKind.THIRD_PARTY, link, currency=currency, today=DAY)
    words = render(letter, Channel.POST, language, context)
    dispatch = sample_dispatch(letter.name, language, context, words.subject, words.text, today=DAY)
    pdf = typeset_letter(TEMPLATE, dispatch)
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.check_pdf_syntax() == []
    pages = pypdfium2.PdfDocument(pdf)
    found = squeezed("".join(page.get_textpage().get_text_bounded() for page in pages))
    said = [squeezed(piece) for line in words.text.splitlines() for piece in line.split("|")]
    assert len(said) > 20
    assert [piece for piece in said if piece not in found] == []


def squeezed(text: str) -> str:
    """Without blanks, marks of headings and totals, and hyphens, at which a line may end."""
    return re.sub(r"[\s\u2010\u00ad\ufffe\x02-]|^(#+|=)", "", text)


def test_it_says_what_it_is_to_a_screen_reader(sender: PrintLetterSender, folder: Path) -> None:
    pdf = printed(folder, sender.send(a_letter(language="zh", text=CHINESE, context=LINK)))
    with pikepdf.open(io.BytesIO(pdf)) as document:
        with document.open_metadata() as metadata:
            assert metadata["pdfuaid:part"] == "1"
            assert "王小明" not in str(metadata)
        assert document.Root.Lang == "zh-TW"
        assert document.Root.MarkInfo.Marked
        assert document.Root.ViewerPreferences.DisplayDocTitle
        assert document.docinfo.Title == "A payment has not reached us"
        kinds = [str(node.S) for node in _structure(document.Root.StructTreeRoot)]
        [code] = [node for node in _structure(document.Root.StructTreeRoot) if node.S == "/Figure"]
        assert LINK["preferences_url"] in str(code.Alt)
    assert "/H1" in kinds


def _structure(node: pikepdf.Object) -> Iterator[pikepdf.Object]:
    children = node.get("/K", [])
    for child in children if isinstance(children, pikepdf.Array) else [children]:
        if isinstance(child, pikepdf.Dictionary) and "/S" in child:
            yield child
            yield from _structure(child)


@pytest.mark.parametrize(
    ("country", "paper", "window"),
    [
        ("DE", (210, 297), (20, 45, 90, 45)),
        ("TW", (210, 297), (20, 45, 90, 45)),
        # 110 mm high envelope, sheet of 99 mm at its bottom or at its top: what both show.
        ("GB", (210, 297), (20, 57, 90, 24)),
        ("NO", (210, 297), (15, 40, 95, 25.5)),
        ("NL", (210, 297), (15, 40, 95, 25.5)),
        # The sheet lies at the bottom of the envelope; its last lines still show when it slides up.
        ("US", (215.9, 279.4), (22.2, 51.8, 114, 28.6)),
    ],
)
def test_the_address_stands_in_the_window_of_the_country(
    country: str, paper: tuple[float, float], window: tuple[float, float, float, float]
) -> None:
    letter = a_letter(to=f"14 Elm Street\n62701 Springfield\n{country}", context=LINK)
    pdf = pypdfium2.PdfDocument(typeset_letter(TEMPLATE, letter))
    page = pdf[0]
    assert tuple(round(side / 72 * 25.4, 1) for side in page.get_size()) == paper
    left, top, width, height = window
    box = [mm / 25.4 * 72 for mm in (left, paper[1] - top - height, left + width, paper[1] - top)]
    shown = page.get_textpage().get_text_bounded(*box).split()
    name = {"US": "UNITED", "TW": "TAIWAN", "DE": "GERMANY", "NO": "NORWAY", "NL": "NETHERLANDS"}.get(country)
    for word in ("Alex", "Rivera", "14", "Elm", "Street", "Springfield", name or "UNITED"):
        assert word in shown
    assert "Account" not in shown


def _millimetres(page: pypdfium2.PdfPage) -> Iterator[tuple[str, float, float, float, float]]:
    """(what, left, top, right, bottom) of each printed character and each drawing of the page."""
    height = page.get_height()

    def told(left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        mm = 25.4 / 72
        return left * mm, (height - top) * mm, right * mm, (height - bottom) * mm

    text = page.get_textpage()
    for n in range(text.count_chars()):
        character = text.get_text_range(n, 1)
        if character.strip():
            yield character, *told(*text.get_charbox(n))
    for drawn in page.get_objects(max_depth=6):
        if drawn.type != pypdfium2.raw.FPDF_PAGEOBJ_TEXT:
            yield "drawing", *told(*drawn.get_bounds())


@pytest.mark.parametrize("country", ["US", "CA"])
@pytest.mark.parametrize(
    "agency", ["Meridian", "The Northern and Southern Meridian Recovery Company of Springfield"]
)
def test_an_american_envelope_shows_the_address_alone(country: str, agency: str) -> None:
    """Wherever the folded sheet lies in a #10 envelope, its window sees 22 to 136 mm by 52 to 92 mm of it: a code or a
    heading there is on the outside of the envelope (15 USC 1692f(8))."""
    lines = f"14 Elm Street\nApartment 3\nBuilding 4\nIndustrial Park\n62701 Springfield\n{country}"
    context = {
        **LINK,
        "contact_phone": "+1 212 555 0100",
        "contact_email": "disputes-and-questions@meridian.example",
    }
    letter = a_letter(to=lines, context=context, sender_name=agency, reference="C-000041")
    page = pypdfium2.PdfDocument(typeset_letter(TEMPLATE, letter))[0]
    seen = [
        (what, left, top)
        for what, left, top, right, bottom in _millimetres(page)
        if right > 22 and left < 136 and bottom > 52 and top < 92
    ]
    assert "".join(what for what, _, _ in seen) == "".join(
        ["AlexRivera", "14ElmStreet", "Apartment3", "Building4", "IndustrialPark", "62701Springfield"]
        + ["UNITEDSTATES" if country == "US" else "CANADA"]
    )
    assert all(left >= 24.9 for _, left, _ in seen)
    everything = "".join(what for what, *_ in _millimetres(page))
    for said in ("Ourreference", "C-000041", "meridian.example", "Scan"):
        assert said in everything


def test_a_telephone_reads_the_code(tmp_path: Path) -> None:
    [picture] = picture_letter(TEMPLATE, a_letter(context=LINK), ppi=150)
    [code] = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    assert code.text == LINK["preferences_url"]


@pytest.mark.parametrize("link", ["", "javascript:alert(1)", "https://desk.example/" + "x" * 300])
def test_no_code_without_a_link_that_a_telephone_can_open(link: str) -> None:
    assert page_data(a_letter(context={"preferences_url": link}), TEMPLATE.parent)["respond"] is None


def test_same_letter_same_bytes(tmp_path: Path) -> None:
    first = PrintLetterSender(tmp_path / "1", LETTERS).send(a_letter())
    second = PrintLetterSender(tmp_path / "2", LETTERS).send(a_letter(attempt_id="another"))
    assert first == second
    assert printed(tmp_path / "1", first) == printed(tmp_path / "2", second)


def test_values_are_text_and_never_markup(sender: PrintLetterSender, folder: Path) -> None:
    nasty = '#panic("x") *bold* $ x $ @ref <label> #read("/etc/passwd") "quote" \\'
    words = words_of(printed(folder, sender.send(a_letter(recipient_name=nasty))))
    assert nasty.replace(" ", "") in words.replace(" ", "")


def test_a_long_letter_goes_on_numbered_pages(sender: PrintLetterSender, folder: Path) -> None:
    rows = "\n".join(f"| Card ending {n:04} | $1.00 |" for n in range(90))
    outcome = sender.send(a_letter(text=f"# Accounts\n\n| Account | Past due |\n{rows}\n|= Total | $90.00 |"))
    pdf = printed(folder, outcome)
    assert count_pages(pdf) == 3
    assert "Page3of3" in words_of(pdf).replace(" ", "")
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert len(document.pages) == 3
    assert manifest_rows(folder, DAY)[0]["pages"] == "3"


def test_a_page_that_is_just_full_begins_no_other() -> None:
    """Line by line a second page comes to be needed: it is never empty."""
    seen = set()
    for lines in range(1, 12):
        text = "# Full\n\n" + "Line\n\n" * 20 + "\n".join(["Line"] * lines)
        pages = [
            page.get_textpage().get_text_range()
            for page in pypdfium2.PdfDocument(typeset_letter(TEMPLATE, a_letter(text=text)))
        ]
        assert all("Line" in page for page in pages), lines
        seen.add(len(pages))
    assert seen == {1, 2}


def test_parts_of_a_text() -> None:
    assert parts(
        "# Head\n\nDear A,\nB\n\n## More\n\n- one\n- two\n\n| a | b |\n| 1 |\n|= t | 2 |\n\n---\n\nend"
        "\n\n- - -\n\n[ ] yes\n[ ] no"
    ) == [
        {"kind": "heading", "level": 1, "text": "Head"},
        {"kind": "paragraph", "text": "Dear A,\nB"},
        {"kind": "heading", "level": 2, "text": "More"},
        {"kind": "list", "items": ["one", "two"]},
        {
            "kind": "table",
            "rows": [
                {"total": False, "cells": ["a", "b"]},
                {"total": False, "cells": ["1", ""]},
                {"total": True, "cells": ["t", "2"]},
            ],
        },
        {"kind": "rule"},
        {"kind": "paragraph", "text": "end"},
        {"kind": "cut"},
        {"kind": "boxes", "items": ["yes", "no"]},
    ]


def test_a_language_without_page_words_falls_back() -> None:
    assert page_data(a_letter(language="../../etc"), LETTERS / "_base")["language"] == "en"


# -------------------------------------------------------------------------------------------------- never twice


def test_the_manifest_names_each_letter_once(sender: PrintLetterSender, folder: Path) -> None:
    outcome = sender.send(a_letter())
    again = sender.send(a_letter(attempt_id="attempt-2"))
    assert again == outcome
    [row] = manifest_rows(folder, DAY)
    pdf = printed(folder, outcome)
    assert row == {
        "key": a_letter().key,
        "file": file_name(a_letter().key),
        "language": "en",
        "address_lines": "3",
        "pages": "1",
        "sha256": hashlib.sha256(pdf).hexdigest(),
    }


def test_keys_that_read_the_same_have_files_of_their_own(sender: PrintLetterSender, folder: Path) -> None:
    refs = {sender.send(a_letter(key=key)) for key in ("1:a:b", "1:a-b", "../1/a/b", "1:A:b")}
    assert len(refs) == 4
    assert {path.parent for path in folder.rglob("*.pdf")} == {folder / "2026-11-14"}


def test_a_letter_taken_away_for_printing_is_not_made_again(sender: PrintLetterSender, folder: Path) -> None:
    outcome = sender.send(a_letter())
    assert isinstance(outcome, Accepted)
    (folder / outcome.provider_ref).unlink()
    assert sender.send(a_letter()) == outcome
    assert not (folder / outcome.provider_ref).exists()
    assert len(manifest_rows(folder, DAY)) == 1


@pytest.mark.parametrize("left", ["no manifest", "half a header", "half a row"])
def test_a_crash_between_file_and_manifest_is_completed(
    sender: PrintLetterSender, folder: Path, left: str
) -> None:
    outcome = sender.send(a_letter())
    manifest = folder / "2026-11-14" / MANIFEST
    whole = manifest.read_bytes()
    if left == "no manifest":
        manifest.unlink()
    else:
        manifest.write_bytes(whole[:7] if left == "half a header" else whole[:-20])

    assert sender.send(a_letter()) == outcome
    assert manifest.read_bytes() == whole


def _send_from_another_process(folder: Path, key: str) -> object:
    return PrintLetterSender(folder, LETTERS).send(a_letter(key=key))


@pytest.mark.parametrize("pool", ["threads", "processes"])
def test_writers_at_the_same_time(folder: Path, pool: str) -> None:
    keys = [f"{n}:first_reminder:1:post" for n in range(8)] * 3
    with (
        ThreadPoolExecutor(4)
        if pool == "threads"
        else ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn"))
    ) as executor:
        outcomes = list(executor.map(_send_from_another_process, [folder] * len(keys), keys))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert sorted(row["key"] for row in manifest_rows(folder, DAY)) == sorted(set(keys))
    assert len(list(folder.rglob("*.pdf"))) == 8
    assert not list(folder.rglob("*.part"))


# ------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("to", ["", "\n \n", "\n".join(str(n) for n in range(9))])
def test_an_address_that_fits_no_envelope(sender: PrintLetterSender, folder: Path, to: str) -> None:
    assert isinstance(sender.send(a_letter(to=to)), Undeliverable)
    assert not folder.exists()


def test_a_character_no_font_has_is_never_a_box_on_paper(sender: PrintLetterSender, folder: Path) -> None:
    outcome = sender.send(a_letter(recipient_name="สมชาย"))
    assert isinstance(outcome, Undeliverable)
    assert "ส" not in outcome.reason
    assert manifest_rows(folder, DAY) == []


def test_a_broken_template_stops_the_channel(tmp_path: Path) -> None:
    (tmp_path / "letters" / "_base").mkdir(parents=True)
    (tmp_path / "letters" / "_base" / "letter.typ").write_text("#let x =")
    assert isinstance(
        PrintLetterSender(tmp_path / "print", tmp_path / "letters").send(a_letter()), Misconfigured
    )


def test_a_print_folder_that_is_a_file_stops_the_channel(tmp_path: Path) -> None:
    (tmp_path / "print").write_text("")
    assert isinstance(PrintLetterSender(tmp_path / "print", LETTERS).send(a_letter()), Misconfigured)


def test_a_full_disk_is_tried_later_and_leaves_nothing_half(
    sender: PrintLetterSender, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("app.adapters.print.letters.os.fsync", full)
    assert isinstance(sender.send(a_letter()), TryLater)
    assert not list(folder.rglob("*.pdf"))
    assert not list(folder.rglob("*.part"))
    monkeypatch.undo()
    assert isinstance(sender.send(a_letter()), Accepted)


def test_a_template_reads_nothing_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "in").mkdir()
    template = tmp_path / "in" / "t.typ"
    template.write_text('#read("../secret.txt")')
    with pytest.raises(CannotTypeset) as refused:
        typeset(template, {}, document_date=DAY)
    assert not refused.value.about_text
