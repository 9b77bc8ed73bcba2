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

from app.cases.models import CaseHold, CollectionsCase, case_reference
from app.cases.rules import CaseStatus
from app.cases.service import case_event, clean_text
from app.clock import local_date, local_instant
from app.compliance.service import may_sue
from app.db import table_of, upsert
from app.delinquency.models import AccountState
from app.delinquency.rules import days_past_due
from app.errors import Conflict, Forbidden
from app.ledger.models import Account, Customer, Entry, Portfolio, Statement
from app.legal import rules
from app.legal.bundle import Typeset, build
from app.legal.models import Bundle, Referral, ReferralStatus
from app.legal.rules import CaseFile, Receipt, completeness
from app.outreach.delivery import Call, Foreseen, Postpone, Withhold
from app.outreach.models import OutboxMessage
from app.outreach.rules import (
    Accepted,
    Destination,
    Misconfigured,
    OutboxStatus,
    Outcome,
    TryLater,
    Undeliverable,
)
from app.outreach.situations import gather_case_facts
from app.plans.models import Plan
from app.plans.rules import LIVE
from app.plans.service import instalments_of
from app.strategy.rules import Situation, legal_due
from app.strategy.service import Ladders, ladders
from app.timeline.models import Event
from app.timeline.rules import Kind, Purpose
from app.timeline.service import Heads, customer_stream, record, record_many


@dataclass(frozen=True)
class Seal:
    """What a bundle is made with: the signing key and the typesetter."""

    key: Ed25519PrivateKey
    typeset: Typeset


# --- referral -------------------------------------------------------------------------------------------------


def nominate_cases(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Nominate what the strategy's legal step reaches: late enough, large enough, something owed at all, no hold, no
    live plan, not referred before. A nomination moves nothing by itself: a person has to approve it."""
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
            case.c.past_due_minor >= portfolio.legal_min_minor,
            case.c.balance_minor > 0,
            ~sa.exists().where(hold.c.customer_id == case.c.customer_id, hold.c.ended_at.is_(None)),
            ~sa.exists().where(plan.c.case_id == case.c.id, plan.c.status.in_(LIVE)),
            ~sa.exists().where(referral.c.case_id == case.c.id),
        )
        .order_by(case.c.id)
    )
    events = []
    for row in _reached(session, portfolio, live, session.connection().execute(query).all(), on):
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
    record_many(session, events, by="system", now=now)
    return len(events)


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


def nominate(session: Session, case: CollectionsCase, reason: str, *, by: str, now: datetime) -> Referral:
    """A person nominates a case; somebody else has to approve it."""
    reason = clean_text(reason, "reason", at_most=500)
    if case.status is not CaseStatus.OPEN:
        raise Conflict("this case is closed")
    if open_referral(session, case.id or 0):
        raise Conflict("this case is with the legal team already, or nominated for it")
    referral = Referral(
        portfolio_id=case.portfolio_id,
        case_id=case.id or 0,
        reason=reason,
        nominated_by=by,
        nominated_at=now,
    )
    session.add(referral)
    session.flush()
    record(session, case_event(Kind.REFERRAL_NOMINATED, case, {"reason": referral.reason}), by=by, now=now)
    return referral


def decide(session: Session, referral: Referral, *, approve: bool, by: str, now: datetime) -> None:
    """Approve or decline a nomination. Forbidden to the person who made it: a referral needs two people."""
    if referral.status is not ReferralStatus.NOMINATED:
        raise Conflict(f"this referral is {referral.status.value} already")
    if referral.nominated_by == by:
        raise Forbidden("a referral needs two people: you nominated it, somebody else decides")
    case = session.get_one(CollectionsCase, referral.case_id)
    if approve and case.status is not CaseStatus.OPEN:
        raise Conflict("this case was closed since it was nominated; decline the referral")
    referral.status = ReferralStatus.APPROVED if approve else ReferralStatus.DECLINED
    referral.decided_by, referral.decided_at = by, now
    kind = Kind.REFERRAL_APPROVED if approve else Kind.REFERRAL_DECLINED
    record(session, case_event(kind, case, {"referral": referral.id}), by=by, now=now)


def open_referral(session: Session, case_id: int) -> Referral | None:
    query = select(Referral).where(Referral.case_id == case_id, Referral.status != ReferralStatus.DECLINED)
    return session.scalar(query)


# --- the bundle -----------------------------------------------------------------------------------------------


def build_bundle(
    session: Session,
    case: CollectionsCase,
    seal: Seal,
    *,
    incomplete_reason: str = "",
    by: str,
    now: datetime,
) -> Bundle:
    """Seal the case file as it stands and keep it. Conflict where something is missing and no reason was given.
    An earlier bundle of the case is superseded, never overwritten."""
    earlier = latest_bundle(session, case.id or 0)
    number = 1 if earlier is None else int(earlier.reference.rsplit("-", 1)[1]) + 1
    file = load_case_file(
        session,
        case,
        bundle_id=f"{case_reference(case.id or 0)}-{number:02d}",
        supersedes=earlier.reference if earlier else None,
        exported_by=by,
        incomplete_reason=incomplete_reason.strip() or None,
        now=now,
    )
    content = build(file, seal.key, seal.typeset)
    bundle = Bundle(
        reference=file.bundle_id,
        case_id=case.id or 0,
        as_of=file.as_of,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        content=content,
        complete=all(item.ok for item in completeness(file)),
        incomplete_reason=file.incomplete_reason or "",
        supersedes=file.supersedes or "",
        built_by=by,
        built_at=now,
    )
    session.add(bundle)
    session.flush()
    data = {"bundle": bundle.reference, "sha256": bundle.sha256, "complete": bundle.complete}
    record(session, case_event(Kind.BUNDLE_BUILT, case, data), by=by, now=now)
    return bundle


def hand_over(session: Session, case: CollectionsCase, bundle: Bundle, *, now: datetime) -> None:
    """Queue the delivery of a bundle to the legal desk; asking again changes nothing."""
    referral = open_referral(session, case.id or 0)
    if referral is None or referral.status is ReferralStatus.NOMINATED:
        raise Conflict("the referral of this case has not been approved")
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
    }
    empty = ("letter", "template_version", "language", "address", "subject", "text", "html", "enclosed")
    row |= dict.fromkeys((*empty, "claimed_by", "attempt_id", "provider_ref", "error"), "")
    row |= {"context": "{}", "clearance": "{}", "past_due_minor": 0, "attempts": 0}
    session.execute(upsert(session, OutboxMessage).values(**row).on_conflict_do_nothing())


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
        del now
        return [self._call(session, row) for row in rows]

    def _call(self, session: Session, row: OutboxMessage) -> Call | Withhold:
        bundle = session.get(Bundle, row.bundle_id)
        if bundle is None:
            return Withhold("the bundle is gone", {})
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
            record(session, case_event(Kind.BUNDLE_DELIVERED, case, data), by="system", now=now)
        elif row.status in (OutboxStatus.FAILED, OutboxStatus.UNDELIVERED):
            data = {"bundle": bundle.reference, "error": row.error}
            record(session, case_event(Kind.BUNDLE_FAILED, case, data), by="system", now=now)


# --- the case file --------------------------------------------------------------------------------------------


def load_case_file(
    session: Session,
    case: CollectionsCase,
    *,
    bundle_id: str,
    supersedes: str | None = None,
    exported_by: str = "",
    incomplete_reason: str | None = None,
    now: datetime,
) -> CaseFile:
    """Everything on record about a case, as the bundle wants it. The claim is what the ledger says is owed now."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    customer = session.get_one(Customer, case.customer_id)
    as_of = local_date(now, portfolio.timezone)
    accounts = session.scalars(select(Account).where(Account.customer_id == customer.id)).all()
    entries = _entries(session, accounts, as_of)
    return CaseFile(
        case_reference=case_reference(case.id or 0),
        bundle_id=bundle_id,
        as_of=as_of,
        portfolio=rules.Portfolio(
            code=portfolio.code,
            creditor=portfolio.creditor,
            currency=portfolio.currency,
            timezone=portfolio.timezone,
            policy_pack=portfolio.pack,
            collector=portfolio.collector,
        ),
        customer=_customer(customer),
        claimed_minor=rules.ledger_sum(entries),
        accounts=_accounts(session, accounts, entries, as_of),
        entries=entries,
        statements=_statements(session, accounts),
        events=_events(session, customer),
        messages=_messages(session, case),
        plans=_plans(session, case, portfolio),
        holds=_holds(session, customer, portfolio),
        supersedes=supersedes,
        exported_by=exported_by,
        incomplete_reason=incomplete_reason,
        time_barred=tuple(
            f"{reason.detail} ({reason.citation})"
            for reason in may_sue(session, portfolio, customer, at=now)
            # Whether a notice was given the checklist asks by itself: it may be an uploaded document.
            if "barred_on" in reason.figures
        ),
    )


def _customer(customer: Customer) -> rules.Customer:
    place = " ".join(filter(None, (customer.postcode, customer.city)))
    lines = (customer.address_line1, customer.address_line2, place, customer.region)
    return rules.Customer(
        customer_ref=customer.reference,
        name=customer.full_name,
        address_lines=tuple(line for line in lines if line),
        country=customer.country,
        language=customer.language,
        email=customer.email,
        mobile=customer.mobile,
    )


def _entries(session: Session, accounts: Sequence[Account], as_of: date) -> tuple[rules.Entry, ...]:
    names = {account.id: account.reference for account in accounts}
    rows = session.scalars(
        select(Entry)
        .where(col(Entry.account_id).in_(names), col(Entry.effective_on) <= as_of)
        .order_by(col(Entry.account_id), col(Entry.effective_on), col(Entry.id))
    ).all()
    references = {row.id: row.reference for row in rows}
    return tuple(
        rules.Entry(
            reference=row.reference,
            account_ref=names[row.account_id],
            kind=row.kind.value,
            effective_on=row.effective_on,
            posted_on=row.posted_on,
            amount_minor=row.amount_minor,
            source=row.source,
            description=row.description,
            reverses=references.get(row.reverses_id, "") if row.reverses_id else "",
        )
        for row in rows
    )


def _accounts(
    session: Session, accounts: Sequence[Account], entries: Sequence[rules.Entry], as_of: date
) -> tuple[rules.Account, ...]:
    ids = [account.id for account in accounts]
    states = {
        state.account_id: state
        for state in session.scalars(select(AccountState).where(col(AccountState.account_id).in_(ids)))
    }
    found = []
    for account in accounts:
        state = states.get(account.id or 0)
        oldest = state.oldest_due_on if state else None
        found.append(
            rules.Account(
                account_ref=account.reference,
                last4=account.card_last4,
                product=account.product,
                limit_minor=account.credit_limit_minor,
                apr=f"{account.apr_millionths / 10_000:.2f}",
                opened_on=account.opened_on,
                status=account.status.value,
                balance_minor=rules.ledger_sum(entries, account.reference),
                past_due_minor=state.past_due_minor if state else 0,
                days_past_due=days_past_due(oldest, as_of),
                oldest_due_on=oldest,
            )
        )
    return tuple(found)


def _statements(session: Session, accounts: Sequence[Account]) -> tuple[rules.Statement, ...]:
    names = {account.id: account.reference for account in accounts}
    query = select(Statement).where(col(Statement.account_id).in_(names)).order_by(col(Statement.closing_on))
    return tuple(
        rules.Statement(
            statement_ref=row.reference,
            account_ref=names[row.account_id],
            closing_on=row.closing_on,
            due_on=row.due_on,
            balance_minor=row.balance_minor,
            minimum_due_minor=row.minimum_due_minor,
        )
        for row in session.scalars(query)
    )


def _events(session: Session, customer: Customer) -> tuple[rules.Event, ...]:
    """The customer's whole stream: a chain with a link left out could not be verified."""
    query = select(Event).where(Event.stream == customer_stream(customer.id or 0)).order_by(col(Event.seq))
    return tuple(
        rules.Event(
            stream=row.stream,
            seq=row.seq,
            kind=row.kind.value,
            at=row.at,
            by=row.by,
            data_json=row.data,
            prev_hash=row.prev_hash,
            hash=row.hash,
        )
        for row in session.scalars(query)
    )


def _messages(session: Session, case: CollectionsCase) -> tuple[rules.Message, ...]:
    query = (
        select(OutboxMessage)
        .where(
            OutboxMessage.customer_id == case.customer_id, OutboxMessage.destination != Destination.LEGAL_DESK
        )
        .order_by(col(OutboxMessage.id))
    )
    return tuple(
        rules.Message(
            key=row.key,
            channel=row.destination.value,
            to=row.address,
            subject=row.subject,
            text=row.text,
            html=row.html,
            enclosed=row.enclosed,
            letter=row.letter,
            letter_version=row.template_version,
            language=row.language,
            sent_at=row.sent_at,
            status=row.status.value,
            provider_ref=row.provider_ref,
            clearance=_json(row.clearance),
        )
        for row in session.scalars(query)
    )


def _plans(session: Session, case: CollectionsCase, portfolio: Portfolio) -> tuple[rules.Plan, ...]:
    plans = session.scalars(select(Plan).where(Plan.case_id == case.id).order_by(col(Plan.id))).all()
    parts = instalments_of(session, [plan.id or 0 for plan in plans])
    return tuple(
        rules.Plan(
            reference=f"P-{plan.id:06d}",
            kind=plan.kind.value,
            status=plan.status.value,
            offered_at=plan.offered_at,
            accepted_at=local_instant(plan.accepted_on, 0, 0, portfolio.timezone)
            if plan.accepted_on
            else None,
            total_minor=plan.total_minor,
            by=plan.offered_by,
            instalments=tuple(rules.Instalment(p.n, p.due_on, p.amount) for p in parts[plan.id or 0]),
            note=plan.why,
        )
        for plan in plans
    )


def _holds(session: Session, customer: Customer, portfolio: Portfolio) -> tuple[rules.Hold, ...]:
    query = select(CaseHold).where(CaseHold.customer_id == customer.id).order_by(col(CaseHold.id))
    return tuple(
        rules.Hold(
            kind=row.kind.value,
            started_at=row.started_at,
            until=local_instant(row.until, 0, 0, portfolio.timezone),
            ended_at=row.ended_at,
            by=row.by,
            reason=row.reason,
        )
        for row in session.scalars(query)
    )


def _json(text: str) -> Mapping[str, Any]:
    loaded: dict[str, Any] = json.loads(text or "{}")
    return loaded
