"""Save a version of a portfolio's result codes, or return to an earlier one: row and event together."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.results.events import ResultCodesSaved
from app.casework.results.file import read_codes, shipped_text
from app.casework.results.models import ResultCodeVersion
from app.casework.results.queries import text_of, versions_of
from app.core.actor import Actor
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import about_portfolio, lock_streams, portfolio_stream, record


def save_codes(
    session: Session,
    portfolio: Portfolio,
    text: str,
    reason: str,
    *,
    based_on: int | None = None,
    reverts_to: int | None = None,
    by: Actor,
    now: datetime,
) -> ResultCodeVersion:
    """Keep a text as the next version; calls are logged by it from now on. BadCodes for a text with faults, Conflict
    for one that changes nothing, or that was written on another version (`based_on`) than the latest."""
    reason = clean_text(reason, "reason", at_most=300, empty="Say why, in a few words.")
    text = text.replace("\r\n", "\n").strip() + "\n"
    read_codes(text)
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    latest = next(iter(versions_of(session, portfolio)), None)
    number = latest.number if latest else 0
    if based_on is not None and based_on != number:
        raise Conflict(f"Version {number} was saved meanwhile. Read it, then make your change to that one.")
    if text == (latest.text if latest else shipped_text()):
        raise Conflict("This is the text that is in use already. Nothing was changed.")
    version = ResultCodeVersion(
        portfolio_id=id_of(portfolio),
        number=number + 1,
        text=text,
        reason=reason,
        reverts_to=reverts_to,
        at=now,
        by=by,
    )
    session.add(version)
    session.flush()
    digest = hashlib.sha256(text.encode()).hexdigest()
    saved = ResultCodesSaved(version.number, digest, reason, reverts_to)
    record(session, about_portfolio(id_of(portfolio), saved), by=by, now=now)
    return version


def revert_codes(
    session: Session, portfolio: Portfolio, number: int, reason: str, *, by: Actor, now: datetime
) -> ResultCodeVersion:
    """Return to an earlier version, or with 0 to the shipped codes: the same text as a new version."""
    text = text_of(session, portfolio, number)
    return save_codes(session, portfolio, text, reason, reverts_to=number, by=by, now=now)
