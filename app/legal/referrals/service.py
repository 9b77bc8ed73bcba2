"""From a case that nobody could settle to a sealed bundle on the legal team's desk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session, col, select

from app.book.delinquency.rules import days_past_due
from app.book.ledger.models import Customer, Portfolio
from app.casework.cases.models import (
    CollectionsCase,
    case_reference,
)
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import case_event
from app.casework.holds.models import CaseHold
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE
from app.core.actor import SYSTEM, Actor
from app.core.bulk import among, upsert
from app.core.clock import local_instant
from app.core.db import table_of
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.text import clean_text
from app.core.timeline.rules import Kind
from app.core.timeline.service import Heads, lock_customers, record, record_many
from app.core.vocabulary import Purpose
from app.legal.bundle.build import Typeset, build
from app.legal.bundle.loading import load_case_file
from app.legal.referrals.models import Bundle, Referral, ReferralStatus
from app.legal.referrals.rules import (
    ChecklistItem,
    Excuse,
    Receipt,
    check_exportable,
    completeness,
    gaps,
    refuse_stopped,
    why_incomplete,
)
from app.outreach.delivery.couriers import Call, Foreseen
from app.outreach.delivery.moves import Postpone, Withhold
from app.outreach.gate.explain import suits_barred
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import (
    Accepted,
    Destination,
    Misconfigured,
    OutboxStatus,
    Outcome,
    TryLater,
    Undeliverable,
)
from app.outreach.strategy.facts import gather_case_facts
from app.outreach.strategy.rules import Situation, legal_due
from app.outreach.strategy.service import Ladders, ladders


@dataclass(frozen=True)
class Seal:
    """What a bundle is made with: the signing key and the typesetter."""

    key: Ed25519PrivateKey
    typeset: Typeset


# --- referral -------------------------------------------------------------------------------------------------


def nominate_cases(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Nominate what the strategy's legal step reaches: late enough, enough past due and owed, written to before, no
    hold, no live plan, not referred before, and nothing in the law of their place that forbids a suit. A nomination
    moves nothing by itself: a person has to approve it."""
    live = ladders(session, portfolio)
    legal_day = live.legal_day
    if legal_day is None:
        return 0
    case, hold = table_of(CollectionsCase), table_of(CaseHold)
    plan, referral = table_of(Plan), table_of(Referral)
    query = (
        sa.select(case)
        .where(
            case.c.portfolio_id == portfolio.id,
            case.c.status == CaseStatus.OPEN,
            case.c.oldest_due_on <= on - timedelta(days=max(legal_day, portfolio.legal_after_days)),
            # What is owed of it: an account on which nothing is owed counts neither here nor above.
            case.c.past_due_minor >= max(1, portfolio.legal_min_minor),
            case.c.balance_minor > 0,
            ~sa.exists().where(hold.c.customer_id == case.c.customer_id, hold.c.ended_at.is_(None)),
            ~sa.exists().where(plan.c.case_id == case.c.id, plan.c.status.in_(LIVE)),
            ~sa.exists().where(referral.c.case_id == case.c.id),
            _written_to(portfolio, on),
        )
        .order_by(case.c.id)
    )
    events = []
    reached = _reached(session, portfolio, live, session.connection().execute(query).all(), on)
    for row in _lawful(session, portfolio, reached, now=now):
        late = days_past_due(row.oldest_due_on, on)
        reason = f"{late} days past due"
        session.add(
            Referral(
                portfolio_id=row.portfolio_id,
                case_id=row.id,
                reason=reason,
                nominated_by="system",
                nominated_at=now,
            )
        )
        stub = CollectionsCase(id=row.id, customer_id=row.customer_id, portfolio_id=0, opened_on=on)
        events.append(case_event(Kind.REFERRAL_NOMINATED, stub, {"reason": reason}))
    session.flush()
    record_many(session, events, by=SYSTEM, now=now)
    return len(events)


def _written_to(portfolio: Portfolio, on: date) -> sa.ColumnElement[bool]:
    """A letter about what is past due now really left, and they had the portfolio's days to answer it."""
    case, message = table_of(CollectionsCase), table_of(OutboxMessage)
    answered_by = local_instant(
        on - timedelta(days=portfolio.legal_letter_days - 1), 0, 0, portfolio.timezone
    )
    return sa.exists().where(
        message.c.case_id == case.c.id,
        message.c.destination != Destination.LEGAL_DESK,
        message.c.status.in_((OutboxStatus.SENT, OutboxStatus.DELIVERED)),
        message.c.purpose != Purpose.CONFIRMATION,
        message.c.simulated.is_(False),
        message.c.business_date > case.c.oldest_due_on,  # what was paid since it spoke of is another debt
        message.c.sent_at < answered_by,
    )


def _lawful(session: Session, portfolio: Portfolio, rows: Sequence[Any], *, now: datetime) -> list[Any]:
    """Those whose debt a court may be given: notices given and their periods over, not time-barred."""
    if not rows:
        return []
    query = select(Customer).where(among(session, table_of(Customer).c.id, [row.customer_id for row in rows]))
    barred = suits_barred(session, portfolio, session.scalars(query).all(), at=now)
    return [row for row in rows if row.customer_id not in barred]


def _reached(
    session: Session, portfolio: Portfolio, live: Ladders, rows: Sequence[Any], on: date
) -> list[Any]:
    """Those of these cases whose own ladder has its legal step by now."""
    facts = gather_case_facts(session, portfolio, live, [row.id for row in rows], on=on)
    return [
        row
        for row in rows
        if legal_due(
            live.of(row.customer_id, facts[row.id]).ladder,
            Situation(days_past_due(row.oldest_due_on, on), row.step_day, False, facts=facts[row.id]),
            on,
        )
    ]


def nominate(session: Session, case: CollectionsCase, reason: str, *, by: Actor, now: datetime) -> Referral:
    """A person nominates a case; somebody else has to approve it."""
    reason = clean_text(reason, "reason", at_most=500)
    if case.status is not CaseStatus.OPEN:
        raise Conflict("this case is closed")
    if open_referral(session, id_of(case)):
        raise Conflict("this case is with the legal team already, or nominated for it")
    referral = Referral(
        portfolio_id=case.portfolio_id,
        case_id=id_of(case),
        reason=reason,
        nominated_by=by,
        nominated_at=now,
    )
    session.add(referral)
    session.flush()
    record(session, case_event(Kind.REFERRAL_NOMINATED, case, {"reason": referral.reason}), by=by, now=now)
    return referral


def decide(
    session: Session, referral: Referral, *, approve: bool, reason: str = "", by: Actor, now: datetime
) -> None:
    """Approve a nomination, or decline it with a reason. Forbidden to the person who made it: a referral needs two
    people. Conflict where something forbids legal action, whatever anybody's reason."""
    case = session.get_one(CollectionsCase, referral.case_id)
    lock_customers(session, [case.customer_id])
    if referral.status is not ReferralStatus.NOMINATED:
        raise Conflict(f"this referral is {referral.status.value} already")
    if referral.nominated_by == by:
        raise Forbidden("a referral needs two people: you nominated it, somebody else decides")
    if approve and case.status is not CaseStatus.OPEN:
        raise Conflict("this case was closed since it was nominated; decline the referral")
    if approve:
        refuse_stopped(checklist_of(session, case, now=now), "Approval of this referral")
        case.with_legal_since = now
    elif not reason.strip():
        raise Invalid("Say why the referral is declined.", "reason")
    referral.decision_reason = clean_text(reason, "reason", required=not approve, at_most=500)
    referral.status = ReferralStatus.APPROVED if approve else ReferralStatus.DECLINED
    referral.decided_by, referral.decided_at = by, now
    kind = Kind.REFERRAL_APPROVED if approve else Kind.REFERRAL_DECLINED
    data: dict[str, Any] = {"referral": referral.id}
    if referral.decision_reason:
        data["reason"] = referral.decision_reason
    record(session, case_event(kind, case, data), by=by, now=now)


def checklist_of(session: Session, case: CollectionsCase, *, now: datetime) -> tuple[ChecklistItem, ...]:
    """What a bundle built at this moment would have, and lack."""
    return completeness(load_case_file(session, case, bundle_id=case_reference(id_of(case)), now=now))


def open_referral(session: Session, case_id: int) -> Referral | None:
    query = select(Referral).where(Referral.case_id == case_id, Referral.status != ReferralStatus.DECLINED)
    return session.scalar(query)


# --- the bundle -----------------------------------------------------------------------------------------------


def build_bundle(
    session: Session,
    case: CollectionsCase,
    seal: Seal,
    *,
    excuses: Mapping[str, str] | None = None,
    incomplete_reason: str = "",
    by: Actor,
    now: datetime,
) -> Bundle:
    """Seal the case file as it stood at the end of the last closed business day, and keep it.

    `excuses` are reasons by the id of the item that is missing. `incomplete_reason` is one reason for whatever else is
    missing: the desk's doors take it only for a single gap (`single_excuse`). Conflict where something forbids legal
    action, and where something is missing without a reason. An earlier bundle of the case is superseded, never
    overwritten.
    """
    lock_customers(session, [case.customer_id])
    earlier = latest_bundle(session, id_of(case))
    number = 1 if earlier is None else int(earlier.reference.rsplit("-", 1)[1]) + 1
    given = [
        Excuse(item, clean_text(why, "excuses", at_most=500), by) for item, why in (excuses or {}).items()
    ]
    file = load_case_file(
        session,
        case,
        bundle_id=f"{case_reference(id_of(case))}-{number:02d}",
        supersedes=earlier.reference if earlier else None,
        exported_by=by,
        excuses=given,
        incomplete_reason=incomplete_reason.strip() or None,
        now=now,
    )
    content = build(file, seal.key, seal.typeset)
    checklist = check_exportable(file)
    told = [
        {"item": item.id, "title": item.title, "reason": item.excuse, "by": item.excused_by}
        for item in checklist
        if item.excuse
    ]
    bundle = Bundle(
        reference=file.bundle_id,
        case_id=id_of(case),
        as_of=file.as_of,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        content=content,
        complete=all(item.ok for item in checklist),
        incomplete_reason=why_incomplete(checklist)[:500],
        excuses=json.dumps(told, ensure_ascii=False),
        owed_minor=file.owed_now_minor,
        supersedes=file.supersedes or "",
        built_by=by,
        built_at=now,
    )
    session.add(bundle)
    session.flush()
    data = {"bundle": bundle.reference, "sha256": bundle.sha256, "complete": bundle.complete}
    if told:
        data["excused"] = {each["item"]: each["reason"] for each in told}
    record(session, case_event(Kind.BUNDLE_BUILT, case, data), by=by, now=now)
    return bundle


def single_excuse(items: Sequence[ChecklistItem], reason: str) -> dict[str, str]:
    """One reason, given by who does not name the item: only where exactly one gap can be meant. Conflict otherwise."""
    missing = gaps(items)
    if not reason.strip() or not missing:
        return {}
    if len(missing) > 1:
        named = "; ".join(f"{item.id} ({item.title})" for item in missing)
        raise Conflict(f"{len(missing)} items are missing; give a reason for each of them by name: {named}.")
    return {missing[0].id: reason}


def hand_over(session: Session, case: CollectionsCase, bundle: Bundle, *, now: datetime) -> None:
    """Queue the delivery of a bundle to the legal desk; asking again changes nothing. Conflict while the referral is
    not approved, and where something forbids legal action."""
    lock_customers(session, [case.customer_id])
    if why_not := obstacle(session, case, bundle, now=now):
        raise Conflict(why_not)
    row = {
        "key": f"bundle:{bundle.reference}",
        "destination": Destination.LEGAL_DESK,
        "portfolio_id": case.portfolio_id,
        "customer_id": case.customer_id,
        "case_id": case.id,
        "bundle_id": bundle.id,
        "purpose": Purpose.NOTICE,
        "business_date": bundle.as_of,
        "status": OutboxStatus.QUEUED,
        "not_before": now,
        "created_at": now,
        "simulated": False,
    }
    empty = ("letter", "template_version", "language", "address", "subject", "text", "html", "enclosed")
    row |= dict.fromkeys((*empty, "claimed_by", "attempt_id", "provider_ref", "error"), "")
    row |= {"context": "{}", "clearance": "{}", "past_due_minor": 0, "attempts": 0}
    session.execute(upsert(session, OutboxMessage).values(**row).on_conflict_do_nothing())


def obstacle(session: Session, case: CollectionsCase, bundle: Bundle, *, now: datetime) -> str:
    """Why this bundle may not go to the legal desk at this moment, '' = it may. Asked under the customer's lock, when
    it is handed over and again when it is delivered."""
    referral = open_referral(session, id_of(case))
    if referral is None or referral.status is ReferralStatus.NOMINATED:
        return "the referral of this case has not been approved"
    file = load_case_file(session, case, bundle_id=bundle.reference, now=now)
    try:
        refuse_stopped(completeness(file), f"Delivery of bundle {bundle.reference}")
    except Conflict as stopped:
        return str(stopped)
    if bundle.owed_minor is not None and file.claimed_now_minor < bundle.owed_minor:
        currency = file.portfolio.currency
        return (
            f"{to_decimal_string(bundle.owed_minor, currency)} {currency} was owed when {bundle.reference} was built, "
            f"{to_decimal_string(file.claimed_now_minor, currency)} {currency} is owed now. Build the bundle again."
        )
    return ""


def latest_bundle(session: Session, case_id: int) -> Bundle | None:
    query = select(Bundle).where(Bundle.case_id == case_id).order_by(col(Bundle.id).desc()).limit(1)
    return session.scalar(query)


@dataclass(frozen=True, slots=True)
class Delivered(Accepted):
    """The legal desk accepted a bundle; its receipt says so."""

    receipt: Receipt


def _as_outcome(answer: Receipt | Undeliverable | TryLater | Misconfigured) -> Outcome:
    return Delivered(answer.receipt_id, answer) if isinstance(answer, Receipt) else answer


class LegalDesk(Protocol):
    """The legal team's endpoint."""

    def deliver(
        self, bundle_id: str, bundle: bytes
    ) -> Receipt | Undeliverable | TryLater | Misconfigured: ...


@dataclass(frozen=True)
class BundleCourier:
    """Serves the destination `legal_desk` of the outbox; the receiver recognises a repetition."""

    desk: LegalDesk
    repeatable: bool = True
    in_flight: int = 1
    pace: None = None
    lines: tuple[str, ...] = ("",)

    def line(self, row: OutboxMessage) -> str:
        del row
        return ""

    def foresee(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[Foreseen | None]:
        del session, now
        return [None] * len(rows)

    def prepare(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[Call | Withhold | Postpone]:
        return [self._call(session, row, now=now) for row in rows]

    def _call(self, session: Session, row: OutboxMessage, *, now: datetime) -> Call | Withhold:
        bundle = session.get(Bundle, row.bundle_id)
        if bundle is None:
            return Withhold("the bundle is gone", {})
        case = session.get_one(CollectionsCase, row.case_id)
        if why_not := obstacle(session, case, bundle, now=now):
            return Withhold(why_not[:480], {"bundle": bundle.reference})
        reference, content = bundle.reference, bundle.content
        return lambda: _as_outcome(self.desk.deliver(reference, content))

    async def hang_up(self) -> None:
        """Nothing is kept open."""

    def settled(
        self,
        session: Session,
        settled: Sequence[tuple[OutboxMessage, Outcome]],
        heads: Heads,
        *,
        now: datetime,
    ) -> None:
        del heads
        for row, outcome in settled:
            self._settled(session, row, outcome, now=now)

    def _settled(self, session: Session, row: OutboxMessage, outcome: Outcome, *, now: datetime) -> None:
        case = session.get_one(CollectionsCase, row.case_id)
        bundle = session.get_one(Bundle, row.bundle_id)
        if isinstance(outcome, Delivered):
            bundle.receipt = json.dumps(asdict(outcome.receipt), sort_keys=True)
            referral = open_referral(session, row.case_id)
            if referral is not None and referral.status is ReferralStatus.APPROVED:
                referral.status, referral.delivered_at = ReferralStatus.DELIVERED, now
            data = {"bundle": bundle.reference, "receipt": outcome.receipt.receipt_id}
            record(session, case_event(Kind.BUNDLE_DELIVERED, case, data), by=SYSTEM, now=now)
        elif row.status in (OutboxStatus.FAILED, OutboxStatus.UNDELIVERED):
            data = {"bundle": bundle.reference, "error": row.error}
            record(session, case_event(Kind.BUNDLE_FAILED, case, data), by=SYSTEM, now=now)
