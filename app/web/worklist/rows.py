"""A row of the worklist's table, in the reader's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from babel import Locale

from app.web.lookups import bucket_tone
from app.web.rendering import Tone
from app.web.timeline import PageReader
from app.web.worklist.why import Why, callable_words, last_contact, why
from app.worklist.rows import Row
from app.worklist.rules import CALLED_FOR


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it is shown."""

    case_id: int
    why: Why
    reference: str
    name: str
    language: str
    ending: str
    """Last four digits of the first card, and how many more there are."""
    past_due: str
    days: int
    bucket: str
    tone: Tone
    contact: str
    callable: str
    verdict: str
    reason: str
    """Why a call is not allowed now."""
    owner: str
    is_blocked: bool
    """A call is the row's work, and none is allowed now: the row goes to the bottom of a queue."""


def line_of(row: Row, now: datetime, locale: Locale) -> Line:
    reader = PageReader(locale, row.book.currency, row.book.timezone)
    more = f" +{len(row.endings) - 1}" if len(row.endings) > 1 else ""
    return Line(
        case_id=row.item.case_id,
        why=why(row, now, reader),
        reference=row.reference,
        name=row.name,
        language=row.language,
        ending=f"{row.endings[0]}{more}" if row.endings else "",
        past_due=reader.money(row.past_due),
        days=row.days,
        bucket=row.bucket,
        tone=bucket_tone(row.days),
        contact=last_contact(row.contact, row.book.today, reader),
        callable=callable_words(row.callable, row.book.today, reader),
        verdict=row.callable.verdict,
        reason=reader.plain(row.callable.why),
        owner=row.owner,
        is_blocked=row.item.section in CALLED_FOR and row.callable.verdict != "yes",
    )
