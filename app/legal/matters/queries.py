"""Reports and questions as pages and programs read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.cases.models import case_reference
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.legal.matters.models import LegalQuestion, LegalReport
from app.legal.matters.rules import ReportKind
from app.legal.referrals.models import ENDED, Referral


class CourtDate(NamedTuple):
    """A hearing of a case that the legal team has."""

    report_id: int
    case: str
    on: date
    court: str
    court_reference: str
    note: str


def reports_of(session: Session, case_id: int) -> Sequence[LegalReport]:
    """All reports about a case, the oldest first."""
    query = select(LegalReport).where(LegalReport.case_id == case_id)
    return session.scalars(query.order_by(col(LegalReport.id))).all()


def reports_of_referral(session: Session, referral_id: int) -> Sequence[LegalReport]:
    query = select(LegalReport).where(LegalReport.referral_id == referral_id)
    return session.scalars(query.order_by(col(LegalReport.id))).all()


def questions_of(session: Session, case_id: int) -> Sequence[LegalQuestion]:
    """All questions about a case, the newest first."""
    query = select(LegalQuestion).where(LegalQuestion.case_id == case_id)
    return session.scalars(query.order_by(col(LegalQuestion.id).desc())).all()


def standing_of(session: Session, referral_ids: Iterable[int]) -> dict[int, LegalReport]:
    """The newest report of each of these referrals; a hearing counts like any other."""
    report = table_of(LegalReport)
    newest = (
        sa.select(sa.func.max(report.c.id))
        .where(among(session, report.c.referral_id, referral_ids))
        .group_by(report.c.referral_id)
    )
    found = session.scalars(select(LegalReport).where(col(LegalReport.id).in_(newest)))
    return {row.referral_id: row for row in found}


def waiting_for_legal(session: Session, referral_ids: Iterable[int]) -> dict[int, int]:
    """Questions of collections that wait for the legal team, by referral."""
    question = table_of(LegalQuestion)
    query = (
        sa.select(question.c.referral_id, sa.func.count())
        .where(
            among(session, question.c.referral_id, referral_ids),
            question.c.to_legal.is_(True),
            question.c.answered_at.is_(None),
        )
        .group_by(question.c.referral_id)
    )
    return {referral_id: n for referral_id, n in session.execute(query)}


def court_dates(session: Session, *, now: datetime) -> list[CourtDate]:
    """Hearings from yesterday on (UTC: it is today somewhere), of cases that the legal team has; the next one first."""
    since = now.date() - timedelta(days=1)
    query = (
        select(LegalReport)
        .join(Referral, col(Referral.id) == LegalReport.referral_id)
        .where(
            LegalReport.kind == ReportKind.HEARING,
            col(LegalReport.on_date) >= since,
            col(Referral.status).not_in(ENDED),
        )
        .order_by(col(LegalReport.on_date), col(LegalReport.id))
    )
    return [
        CourtDate(
            id_of(row), case_reference(row.case_id), row.on_date, row.court, row.court_reference, row.note
        )
        for row in session.scalars(query)
    ]
