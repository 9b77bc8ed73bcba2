"""Referrals: nominate a case for the legal team, decide, seal its bundle, hand it over, take it back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sqlmodel import Session, col, select

from app.actions.plans.printed import PrintPorts, agreement_pdf
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import about_case, add_note
from app.casework.contacts.rules import DeskStep
from app.casework.plans.restoration.service import restore_after_legal
from app.casework.plans.tracking.assessment import take_up_after_legal
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, NotFound
from app.core.ids import id_of
from app.core.timeline.service import lock_customers, record
from app.legal.bundle import service as bundles
from app.legal.bundle.events import BundleDownloaded, BundleExported
from app.legal.bundle.models import Bundle
from app.legal.bundle.service import Seal
from app.legal.courts.catalog import format_named
from app.legal.courts.formats import Finding, Settings, export, findings
from app.legal.courts.source import open_source
from app.legal.handover import service as handover
from app.legal.referrals import service
from app.legal.referrals.models import ENDED, Referral, ReferralStatus
from app.legal.referrals.service import nominate
from app.outreach.outbox.models import OutboxMessage
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import add_task, finish_task

NO_KEY = (
    "No key is set to sign bundles with. Set DESK_BUNDLE_KEY (see .env.example) and start the desk again."
)
NO_DESK = "No legal desk is configured. Set DESK_LEGAL_URL (see .env.example), or download the bundle."


class SealPorts(PrintPorts, Protocol):
    """The means of sealing a bundle: the key, and the printer of the agreements in it."""

    @property
    def seal(self) -> Seal | None: ...


def locked_referral(session: Session, referral_id: int) -> Referral:
    """Return the referral, locked after its customer: of two people who decide at once, the second is refused."""
    owner = (
        select(CollectionsCase.customer_id)
        .join(Referral, col(Referral.case_id) == CollectionsCase.id)
        .where(Referral.id == referral_id)
    )
    customer_id = session.scalar(owner)
    if customer_id is None:
        raise NotFound(f"There is no referral {referral_id}. Choose one from the list.")
    lock_customers(session, [customer_id])
    return session.scalars(select(Referral).where(Referral.id == referral_id).with_for_update()).one()


def decide_referral(
    session: Session, referral_id: int, *, approve: bool, reason: str, by: Actor, now: datetime
) -> Referral:
    """Approve a nomination, or decline it with a reason. Forbidden to the person who made it."""
    referral = locked_referral(session, referral_id)
    service.decide(session, referral, approve=approve, reason=reason, by=by, now=now)
    return referral


def return_case(
    session: Session, referral_id: int, reason: str, *, is_recall: bool, by: Actor, now: datetime
) -> Referral:
    """Take a case back from the legal team, who give it back or from whom a manager recalls it (`is_recall`).

    Everything that rested goes on: reminders and calls by the strategy, from the day that is open; agreements can be
    made and changed. A settlement whose first payment was made meanwhile is accepted as of today, and a broken
    agreement that was paid in time runs on. The owner has a task that says why. A bundle that was not delivered yet
    stays here.
    """
    referral = locked_referral(session, referral_id)
    case = service.return_case(session, referral, reason, is_recall=is_recall, by=by, now=now)
    if case.status is not CaseStatus.OPEN:
        return referral
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    case.next_contact_on = business_date(session, portfolio, now)
    restored = restore_after_legal(session, id_of(case), case.next_contact_on, now=now)
    paid = take_up_after_legal(session, id_of(case), today, now=now)
    for task in session.scalars(
        select(StrategyTask).where(
            StrategyTask.case_id == case.id,
            col(StrategyTask.step).in_((DeskStep.PAID_WITH_LEGAL, DeskStep.IN_TIME_WITH_LEGAL)),
            col(StrategyTask.done_at).is_(None),
        )
    ):
        finish_task(session, task, case.customer_id, by=by, now=now)
    how = (
        "A manager recalled the case from the legal team" if is_recall else "The legal team returned the case"
    )
    more = "".join(f" {plan.reference}, which was paid in time, runs on." for plan in restored)
    more += f" Settlement {paid.reference}, which was paid meanwhile, is accepted." if paid else ""
    text = f"{how}.{more} {' '.join(referral.return_reason.split())}"
    add_task(session, case, DeskStep.BACK_FROM_LEGAL, text, today, by=by, now=now)
    return referral


def seal_bundle(
    session: Session,
    case: CollectionsCase,
    ports: SealPorts,
    excuses: Mapping[str, str],
    *,
    by: Actor,
    now: datetime,
) -> Bundle:
    """Seal the case file as of the last closed business day; `excuses` are reasons by the id of a missing item.
    Conflict without a key, and where the case's referral was declined, or the case came back."""
    if ports.seal is None:
        raise Conflict(NO_KEY)
    ended = _ended(session, id_of(case))
    if ended is not None:
        raise Conflict(f"This referral was {ended.value}. Nominate the case again first.")
    return bundles.build_bundle(
        session, case, ports.seal, excuses=excuses,
        print_agreement=lambda plan: agreement_pdf(session, plan, ports), by=by, now=now,
    )  # fmt: skip


def hand_over(session: Session, bundle: Bundle, *, has_desk: bool, by: Actor, now: datetime) -> bool:
    """Queue the newest bundle of a case for the legal desk; False where it is queued already. Conflict where no desk is
    configured, a later bundle supersedes it, or the referral is not approved."""
    if not has_desk:
        raise Conflict(NO_DESK)
    case = session.get_one(CollectionsCase, bundle.case_id)
    lock_customers(session, [case.customer_id])
    latest = bundles.latest_bundle(session, bundle.case_id)
    if latest is None or latest.id != bundle.id:
        raise Conflict("A later bundle supersedes this one. Hand that one over.")
    if session.scalar(select(OutboxMessage.id).where(OutboxMessage.bundle_id == bundle.id)) is not None:
        return False
    handover.hand_over(session, case, bundle, now=now)
    add_note(session, case, f"Bundle {bundle.reference} handed over to the legal desk.", by=by, now=now)
    return True


def fetch_bundle(session: Session, bundle: Bundle, *, by: Actor, now: datetime) -> bytes:
    """The archive, byte for byte as it was sealed. Every download is on record."""
    case = session.get_one(CollectionsCase, bundle.case_id)
    downloaded = BundleDownloaded(bundle.reference, bundle.sha256)
    record(session, about_case(case, downloaded), by=by, now=now)
    return bundle.content


def check_export(bundle: Bundle, form: str, settings: Settings) -> list[Finding]:
    """What a format of a court or attorney cannot carry of this bundle, before anything is exported. NotFound for an
    unknown format."""
    return findings(format_named(form), open_source(bundle.content), settings)


def export_bundle(
    session: Session, bundle: Bundle, form: str, settings: Settings, *, by: Actor, now: datetime
) -> bytes:
    """The file for a court or attorney, made from the newest bundle of an approved referral. Conflict where the law
    forbids the suit at this moment, less is owed than the bundle says, or the format cannot carry the case: nobody can
    excuse any of it. Every export is on record."""
    made = format_named(form)
    case = session.get_one(CollectionsCase, bundle.case_id)
    lock_customers(session, [case.customer_id])
    latest = bundles.latest_bundle(session, bundle.case_id)
    if latest is None or latest.id != bundle.id:
        raise Conflict("A later bundle supersedes this one. Export that one.")
    if why_not := handover.obstacle(session, case, bundle, now=now):
        raise Conflict(why_not)
    content = export(made, open_source(bundle.content), settings)
    exported = BundleExported(bundle.reference, made.code, hashlib.sha256(content).hexdigest())
    record(session, about_case(case, exported), by=by, now=now)
    return content


def _ended(session: Session, case_id: int) -> ReferralStatus | None:
    """The status of the case's last referral where that one is over."""
    last = select(Referral.status).where(Referral.case_id == case_id).order_by(col(Referral.id).desc())
    status = session.scalar(last.limit(1))
    return next((each for each in ENDED if each == status), None)


__all__ = [
    "NO_DESK",
    "NO_KEY",
    "check_export",
    "decide_referral",
    "export_bundle",
    "fetch_bundle",
    "hand_over",
    "locked_referral",
    "nominate",
    "return_case",
    "seal_bundle",
]
