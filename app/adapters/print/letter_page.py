"""A letter as `letters/_base/letter.typ` lays it out: its data, its PDF and its pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zxingcpp
from babel import Locale

from app.adapters.print.typesetting import CannotTypeset, picture_pages, typeset
from app.core.errors import Invalid
from app.outreach.letters.locales import format_date, known_language, locale_for
from app.outreach.outbox.dispatch import Dispatch

if TYPE_CHECKING:
    from typst import PDFStandard

STANDARDS: tuple[PDFStandard, ...] = ("a-2a", "ua-1")
"""PDF/A-2a (ISO 19005-2, with structure) and PDF/UA-1 (ISO 14289-1): kept for ever, and read aloud."""
MAX_ADDRESS_LINES = 7
"""Address lines that fit the window of the envelope."""
MAX_LINK = 250
"""Characters; a longer link makes a code too fine for a telephone."""
_COUNTRY = re.compile(r"[A-Z]{2}")


def letter_template(letters_dir: Path) -> Path:
    """The page in the folder of letters."""
    return letters_dir / "_base" / "letter.typ"


def typeset_letter(template: Path, dispatch: Dispatch) -> bytes:
    """The letter as tagged PDF/A, dated by its business date: the same letter is the same bytes. Raises
    CannotTypeset."""
    data = {"letters": [page_data(dispatch, template.parent)]}
    return typeset(template, data, document_date=dispatch.business_date, standards=STANDARDS)


def picture_letter(template: Path, dispatch: Dispatch, *, ppi: int = 96) -> list[bytes]:
    """The letter's pages as PNG. Raises CannotTypeset."""
    return picture_pages(template, {"letters": [page_data(dispatch, template.parent)]}, ppi=ppi)


class LetterPaper:
    """Shows letters as they would be printed."""

    def __init__(self, letters_dir: Path) -> None:
        self._template = letter_template(letters_dir)

    def pdf(self, dispatch: Dispatch) -> bytes:
        """Raises Invalid, as `pictures` does."""
        with _said_plainly():
            return typeset_letter(self._template, dispatch)

    def pictures(self, dispatch: Dispatch) -> list[bytes]:
        with _said_plainly():
            return picture_letter(self._template, dispatch)


@contextmanager
def _said_plainly() -> Iterator[None]:
    try:
        yield
    except CannotTypeset as problem:
        why = (
            "it holds a character that none of the print fonts has"
            if problem.about_text
            else "the page is broken"
        )
        raise Invalid(f"This letter cannot be printed: {why}.") from problem


def page_data(dispatch: Dispatch, base: Path, number: int = 0) -> dict[str, Any]:
    """Data that `letter.typ` lays out; every value is shown as text. `number` is the letter's own in its PDF."""
    language = page_language(base, dispatch.language)
    facts = [("date", _written_on(dispatch, language)), ("reference", dispatch.reference)]
    facts += [(label, str(dispatch.context.get(f"contact_{label}", ""))) for label in ("phone", "email")]
    return {
        "number": number,
        "large": dispatch.large_print,
        "language": language,
        "country": country_of(dispatch),
        "sender": dispatch.sender_name,
        "subject": dispatch.subject or dispatch.letter.replace("_", " "),
        "reference": dispatch.reference,
        "address": [*address_lines(dispatch)[:-1], _last_line(dispatch)],
        "facts": [{"label": label, "value": value} for label, value in facts if value],
        "respond": _respond(str(dispatch.context.get("preferences_url", ""))),
        "codes": _payment_codes(dispatch),
        "parts": parts(dispatch.text),
    }


def _payment_codes(dispatch: Dispatch) -> list[dict[str, str]]:
    """The QR codes by which a banking app makes the payments that the letter asks for, each with its caption."""
    context = dispatch.context
    asked = context.get("payment_codes", ())
    if code := str(context.get("payment_code", "")):
        pairs = (("missing", "amount"), ("due_on", "promise_on"), ("payment_reference", ""))
        caption = [str(context.get(name) or context.get(otherwise, "")) for name, otherwise in pairs]
        asked = [{"code": code, "caption": caption}]
    return [
        {"picture": qr_drawing(each["code"]), "caption": "\n".join(filter(None, each["caption"]))}
        for each in asked
    ]


def _written_on(dispatch: Dispatch, language: str) -> str:
    """The day that the letter's words call today."""
    said = str(dispatch.context.get("today", ""))
    return said or format_date(dispatch.business_date, locale_for(language, country_of(dispatch)))


@lru_cache(maxsize=1000)
def page_language(base: Path, wanted: str) -> str:
    """The language the fixed words of the page are in: the letter's own where we have them."""
    language = known_language(wanted)
    return language if (base / language / "page.toml").exists() else "en"


def address_lines(dispatch: Dispatch) -> list[str]:
    """Name and postal lines as printed in the window; `to` may or may not have the name."""
    lines = [line.strip() for line in dispatch.to.split("\n") if line.strip()]
    name = dispatch.recipient_name.strip()
    return lines if not name or name in lines else [name, *lines]


def address_problem(dispatch: Dispatch) -> str:
    """Reason why this letter does not fit a window envelope; '' = it fits."""
    count = len(address_lines(dispatch))
    if count < 2:
        return "no complete postal address"
    if count > MAX_ADDRESS_LINES:
        return f"postal address has more than {MAX_ADDRESS_LINES} lines"
    return ""


def country_of(dispatch: Dispatch) -> str:
    """ISO 3166 code of the addressee's country, '' if the address does not end with one."""
    last = dispatch.to.rstrip().rpartition("\n")[2].strip()
    return last if _COUNTRY.fullmatch(last) else ""


def _last_line(dispatch: Dispatch) -> str:
    """The country by its name, in capitals, as the Universal Postal Union asks."""
    code = country_of(dispatch)
    names = _countries()
    return names[code].upper() if code in names else address_lines(dispatch)[-1]


@lru_cache
def _countries() -> dict[str, str]:
    return dict(Locale.parse("en").territories)


# ----------------------------------------------------------------------------------------------------- the words


def parts(text: str) -> list[dict[str, Any]]:
    """Read a rendered post.txt: headings, paragraphs, lists, rules, tables and the slip that a reader fills in and
    sends back.

    Parts are separated by blank lines: `# ` and `## ` start headings, `---` is a rule, `- - -` the line to cut along,
    lines that all start with `- ` are a list, with `[ ] ` boxes to tick, with `__ ` lines to sign on; lines starting
    with `|` are the rows of a table (the first one its header, `|=` the total; an empty last column is there to be
    written into), a paragraph after `! ` is bold, anything else is a plain one. What stands after `= = =` begins on a
    page of its own.
    """
    return [_part(chunk) for chunk in re.split(r"\n\s*\n", text.strip()) if chunk.strip()]


def _part(chunk: str) -> dict[str, Any]:
    for level, mark in ((1, "# "), (2, "## ")):
        if chunk.startswith(mark):
            return {"kind": "heading", "level": level, "text": chunk.removeprefix(mark).strip()}
    if chunk.strip() == "---":
        return {"kind": "rule"}
    if chunk.strip() == "- - -":
        return {"kind": "cut"}
    if chunk.strip() == "= = =":
        return {"kind": "page"}
    if chunk.startswith("! "):
        return {"kind": "bold", "text": chunk.removeprefix("! ").strip()}
    lines = chunk.strip().splitlines()
    if chunk.startswith("|"):
        return {"kind": "table", "rows": _rows(lines)}
    for kind, mark in (("list", "- "), ("boxes", "[ ] "), ("sign", "__ ")):
        if all(line.startswith(mark) for line in lines):
            return {"kind": kind, "items": [line.removeprefix(mark).strip() for line in lines]}
    return {"kind": "paragraph", "text": chunk.strip()}


def _rows(lines: list[str]) -> list[dict[str, Any]]:
    cells = [
        [cell.strip() for cell in line.removeprefix("|=").removeprefix("|").removesuffix("|").split("|")]
        for line in lines
    ]
    width = max(len(row) for row in cells)
    return [
        {"total": line.startswith("|="), "cells": row + [""] * (width - len(row))}
        for line, row in zip(lines, cells, strict=True)
    ]


# ------------------------------------------------------------------------------------------------------- QR code


def _respond(url: str) -> dict[str, str] | None:
    """The link as a QR code (ISO/IEC 18004, error correction M: 15 % may be lost to a fold or a stain)."""
    if not url.startswith(("https://", "http://")) or len(url) > MAX_LINK or not url.isascii():
        return None
    return {"url": url, "picture": qr_drawing(url)}


def qr_drawing(text: str) -> str:
    """A QR code as SVG. Latin text is written in ISO 8859-1, which its readers take for granted."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    picture: Any = code.to_image(scale=1, add_quiet_zones=False)
    modules = bytes(picture)
    size = math.isqrt(len(modules))
    bars = "".join(
        f"M{bar.start()} {y}h{bar.end() - bar.start()}v1h-{bar.end() - bar.start()}z"
        for y in range(size)
        for bar in re.finditer(b"\0+", modules[y * size : (y + 1) * size])
    )
    # Crisp edges: without them a viewer draws hairlines between the rows.
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size}" height="{size}">'
        f'<path shape-rendering="crispEdges" d="{bars}"/></svg>'
    )
