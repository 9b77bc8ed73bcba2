"""The lawyers report what became of a case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.contacts.rules import DeskStep
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.text import clean_text
from app.core.timeline.service import lock_customers, record
from app.legal.matters.events import LegalReported
from app.legal.matters.models import LegalReport
from app.legal.matters.queries import reports_of_referral
from app.legal.matters.rules import REPORT_LABELS, ReportKind, Told, refusal
from app.legal.referrals.models import WITH_LEGAL, Referral
from app.legal.referrals.service import open_referral
from app.outreach.strategy.tasks import add_task


@dataclass(frozen=True, slots=True)
class Report:
    """What the lawyers say. `court` and `court_reference` may be left out where an earlier report has them."""

    kind: ReportKind
    on: date
    court: str = ""
    court_reference: str = ""
    amount_minor: int | None = None
    """What a judgment awards; of no other report."""
    note: str = ""


def referral_of(session: Session, case: CollectionsCase) -> Referral | None:
    """The open referral of a case, approved or not."""
    return open_referral(session, id_of(case))


def referral_with_legal(session: Session, case: CollectionsCase) -> Referral:
    """The referral of a case that the legal team has. Conflict where it has it not."""
    referral = referral_of(session, case)
    if referral is None or referral.status not in WITH_LEGAL:
        raise Conflict(f"The legal team does not have case {case.reference}.")
    return referral


def report_matter(
    session: Session, case: CollectionsCase, report: Report, *, by: Actor, now: datetime
) -> LegalReport:
    """Put a report on record. A closed matter gives the owner of the case the work to look at what is left. Invalid
    names the field; Conflict where the legal team does not have the case."""
    lock_customers(session, [case.customer_id])
    referral = referral_with_legal(session, case)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    earlier = reports_of_referral(session, id_of(referral))
    court = clean_text(report.court, "court", at_most=120, one_line=True, required=False)
    number = clean_text(report.court_reference, "court_reference", at_most=80, one_line=True, required=False)
    court = court or next((each.court for each in reversed(earlier) if each.court), "")
    number = number or next((each.court_reference for each in reversed(earlier) if each.court_reference), "")
    note = clean_text(report.note, "note", at_most=500, required=False)
    assert referral.decided_at is not None
    refused = refusal(
        Told(report.kind, report.on),
        (Told(each.kind, each.on_date) for each in earlier),
        court=court,
        with_lawyers_since=local_date(referral.decided_at, portfolio.timezone),
        today=local_date(now, portfolio.timezone),
    )
    if refused is not None:
        raise Invalid(refused.why, refused.field)
    if report.amount_minor is not None and (
        report.kind is not ReportKind.JUDGMENT or report.amount_minor <= 0
    ):
        raise Invalid("Only a judgment awards an amount. Leave it out where nothing is awarded.", "amount")
    if report.kind is ReportKind.CLOSED and not note:
        raise Invalid("Say how the matter ended.", "note")
    row = LegalReport(
        portfolio_id=case.portfolio_id,
        customer_id=case.customer_id,
        case_id=id_of(case),
        referral_id=id_of(referral),
        kind=report.kind,
        on_date=report.on,
        court=court,
        court_reference=number,
        amount_minor=report.amount_minor,
        note=note,
        by=by,
        at=now,
    )
    session.add(row)
    session.flush()
    told = LegalReported(id_of(referral), row.kind, row.on_date, court, number, row.amount_minor, note)
    record(session, about_case(case, told), by=by, now=now)
    if row.kind is ReportKind.CLOSED:
        text = f"{REPORT_LABELS[row.kind]}: {note} Look at what is left, and take the case back or close it."
        today = local_date(now, portfolio.timezone)
        add_task(session, case, DeskStep.LEGAL_CLOSED, text, today, by=by, now=now)
    return row
