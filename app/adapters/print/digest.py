"""A digest as tagged PDF/A."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from app.adapters.print.letter_page import STANDARDS
from app.adapters.print.typesetting import typeset
from app.core.settings import ROOT

TEMPLATE: Path = ROOT / "app" / "operations" / "digests" / "digest.typ"


def typeset_digest(data: Mapping[str, object], document_date: date) -> bytes:
    """`data` as `as_pdf_data` gives it. Raises CannotTypeset."""
    return typeset(TEMPLATE, data, document_date=document_date, standards=STANDARDS)
