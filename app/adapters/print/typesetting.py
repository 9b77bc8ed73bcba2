"""Typeset a document as PDF/A with Typst. Data reach the template as JSON only, never as markup.

The fonts come with two packages (Noto Sans, Noto Sans CJK), not from the machine: the same data give the same bytes
anywhere, and a letter never depends on what happens to be installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

PRINT_STANDARDS: tuple[typst.PDFStandard, ...] = ("a-2b",)
"""PDF/A-2b (ISO 19005-2): every font inside, no surprises."""

_PAGES = re.compile(rb"/Count (\d+)")


class CannotTypeset(ValueError):
    """Typst refused. `about_text` is True if the data hold a character that no font of ours can show."""

    def __init__(self, message: str, *, about_text: bool) -> None:
        super().__init__(message)
        self.about_text = about_text


def typeset(
    template: Path,
    data: Mapping[str, Any],
    *,
    document_date: date,
    standards: Sequence[typst.PDFStandard] = PRINT_STANDARDS,
) -> bytes:
    """The PDF of `template` (a .typ file) with `data`, which it reads as `json(bytes(sys.inputs.data))`.

    `data` must be JSON-able. The template may read files in and below its own folder, and nothing else.
    `document_date` becomes the PDF's creation date: same template, data and date, same bytes. Raises CannotTypeset,
    whose message may quote the data and so must not be logged.
    """
    made = _compile(
        template,
        data,
        format="pdf",
        pdf_standards=list(standards),
        timestamp=_midnight(document_date),
    )
    assert isinstance(made, bytes)
    return made


def typeset_many(template: Path, data: Mapping[str, Any], *, document_date: date) -> tuple[bytes, list[int]]:
    """As `typeset`, untagged for the printer, and the values that the template puts at each `<sheets>`: pages a
    letter."""
    try:
        compiler = typst.Compiler(
            str(template),
            root=str(template.parent),
            font_paths=print_fonts(),
            ignore_system_fonts=True,
            sys_inputs=_inputs(data),
        )
        pdf = compiler.compile(
            format="pdf",
            pdf_standards=list(PRINT_STANDARDS),
            pdf_tags=False,
            timestamp=_midnight(document_date),
        )
        sheets = json.loads(compiler.query("<sheets>", field="value"))
    except typst.TypstError as problem:
        raise _refusal(problem) from problem
    assert isinstance(pdf, bytes)
    return pdf, sheets


def picture_pages(template: Path, data: Mapping[str, Any], *, ppi: int) -> list[bytes]:
    """The pages as PNG, `ppi` dots an inch; data and errors as in `typeset`."""
    made = _compile(template, data, format="png", ppi=ppi)
    return [made] if isinstance(made, bytes) else list(made)


def _compile(template: Path, data: Mapping[str, Any], **options: Any) -> bytes | list[bytes]:
    try:
        made: bytes | list[bytes] = typst.compile(
            str(template),
            root=str(template.parent),
            font_paths=print_fonts(),
            ignore_system_fonts=True,
            sys_inputs=_inputs(data),
            **options,
        )
    except typst.TypstError as problem:
        raise _refusal(problem) from problem
    return made


def _inputs(data: Mapping[str, Any]) -> dict[str, str]:
    return {"data": json.dumps(data, ensure_ascii=False, sort_keys=True)}


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), tzinfo=UTC).timestamp())


def _refusal(problem: typst.TypstError) -> CannotTypeset:
    message = str(problem)
    return CannotTypeset(message, about_text="could not be displayed" in message)


def count_pages(pdf: bytes) -> int:
    """Pages of a PDF made by `typeset` (its page tree is one plain, uncompressed node)."""
    found = _PAGES.search(pdf)
    if found is None:
        raise ValueError("not a PDF made by typeset()")
    return int(found.group(1))


@lru_cache
def print_fonts() -> typst.Fonts:
    """Read the fonts, once per process: the CJK collection alone is 19 MB."""
    folders = [str(files("fontpkg_noto_sans") / "files"), str(files("noto_cjk_sans_otc"))]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)
