"""A case file as the bundle wants it: everything on record about a case, its figures all of one business day."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.customers.postal import postal_lines
from app.book.delinquency.history import AccountOn, as_known
from app.book.ledger.balances import bookkeeping
from app.book.ledger.models import Account, Customer, Entry, Statement, Waiver
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.days import first_open_day
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import (
    CollectionsCase,
    case_reference,
)
from app.casework.documents.service import standing_documents
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import impersonal_holds
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.support_needs.sight import sight_outside
from app.core.clock import local_date, local_instant
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.service import customer_stream
from app.core.timeline.sight import WITHHELD_JSON
from app.core.types import JsonObject, Values
from app.core.vocabulary import HoldKind, Purpose
from app.legal.checklists import case_file as shown
from app.legal.checklists.case_file import CaseFile, Excuse, NotClaimed
from app.legal.checklists.claim import why_not_claimed
from app.legal.checklists.disputed import claimed_sum
from app.legal.checklists.disputes import bars_claim, disputes_of
from app.legal.checklists.items import ChecklistItem
from app.legal.checklists.people import contacts_of, third_parties_of
from app.legal.checklists.rules import completeness
from app.outreach.duties.queries import notices_overdue
from app.outreach.gate.explain import may_sue
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import BY_CHANNEL, Destination, redact_links
from app.policy.composition import packs_for
from app.policy.kinds.hold import HoldRule


def load_case_file(
    session: Session,
    case: CollectionsCase,
    *,
    bundle_id: str,
    supersedes: str | None = None,
    exported_by: str = "",
    excuses: Sequence[Excuse] = (),
    incomplete_reason: str | None = None,
    now: datetime,
) -> CaseFile:
    """Everything on record about a case. Its figures are those of the last closed business day. Entries of later days
    are listed apart."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    customer = session.get_one(Customer, case.customer_id)
    today = local_date(now, portfolio.timezone)
    as_of = figures_day(session, portfolio, today)
    query = select(Account).where(Account.customer_id == customer.id).order_by(col(Account.reference))
    ledgers = [_Ledger(session, portfolio, account) for account in session.scalars(query)]
    shares = [(ledger, ledger.share(as_of)) for ledger in ledgers]
    claimed = [(ledger, share) for ledger, share in shares if not share.why_not]
    disputes = disputes_of(session, id_of(customer))
    return CaseFile(
        case_reference=case_reference(id_of(case)),
        bundle_id=bundle_id,
        as_of=as_of,
        portfolio=_portfolio(portfolio),
        customer=_customer(customer),
        claimed_minor=claimed_sum(
            ((each.account.reference, share.owed) for each, share in claimed), disputes
        ),
        owed_now_minor=_claimed_now(ledgers, today, disputes),
        accounts=tuple(_account(ledger.account, share) for ledger, share in claimed),
        not_claimed=tuple(
            NotClaimed(ledger.account.reference, ledger.account.status.value, share.owed, share.why_not)
            for ledger, share in shares
            if share.why_not
        ),
        entries=tuple(_entry(ledger, row) for ledger, share in claimed for row in share.counted),
        off_book=tuple(_entry(ledger, row) for ledger, share in claimed for row in share.off_book),
        since=tuple(_entry(ledger, row) for ledger, _ in claimed for row in ledger.after(as_of)),
        statements=_statements(session, [ledger.account for ledger, _ in claimed], as_of),
        events=_events(session, customer),
        messages=_messages(session, case),
        plans=_plans(session, case, portfolio),
        holds=_holds(session, customer, portfolio),
        disputes=disputes,
        dispute_bars=bars_claim(packs_for(portfolio, customer)),
        documents=tuple(
            shown.Document(
                each.kind.value, each.name, each.media_type, each.dated_on, content, each.answer_by
            )
            for each, content in standing_documents(session, id_of(customer))
        ),
        contacts=contacts_of(session, customer),
        third_parties=third_parties_of(session, customer),
        supersedes=supersedes,
        exported_by=exported_by,
        excuses=tuple(excuses),
        incomplete_reason=incomplete_reason,
        military_stops=_military_stops(portfolio, customer),
        time_barred=tuple(
            f"{reason.detail} ({reason.citation})"
            for reason in may_sue(session, portfolio, customer, at=now)
            # The checklist itself asks whether a notice was given: it may be an uploaded document.
            if "barred_on" in reason.figures
        ),
        notices_overdue=_notices_overdue(session, customer, today),
    )


def _portfolio(portfolio: Portfolio) -> shown.Portfolio:
    return shown.Portfolio(
        code=portfolio.code,
        creditor=portfolio.creditor,
        currency=portfolio.currency,
        timezone=portfolio.timezone,
        policy_pack=portfolio.pack,
        collector=portfolio.collector,
    )


def _notices_overdue(session: Session, customer: Customer, today: date) -> tuple[str, ...]:
    """Notices without which nothing is enforced, each with the day by which it was to leave and its law."""
    return tuple(
        f"{duty.letter.replace('_', ' ')} was to leave by {duty.due_on} ({duty.citation})"
        for duty in notices_overdue(session, id_of(customer), today)
    )


def figures_day(session: Session, portfolio: Portfolio, today: date) -> date:
    """The day whose end a case file shows: the last closed business day, or yesterday where none was ever closed."""
    open_from = first_open_day(session, id_of(portfolio)) or today
    return min(open_from - timedelta(days=1), today)


CONSOLE_ONLY = "printed to the console, nothing left"


class _Ledger:
    """All entries of one account, and which of them make what the cardholder owes at the end of a day."""

    def __init__(self, session: Session, portfolio: Portfolio, account: Account) -> None:
        self._session, self._portfolio, self.account = session, portfolio, account
        query = select(Entry).where(Entry.account_id == account.id)
        self._entries = session.scalars(query.order_by(col(Entry.effective_on), col(Entry.id))).all()
        self.references = {row.id: row.reference for row in self._entries}
        bookkept = self._bookkeeping()
        self._off_book = {row.id for row in bookkept}
        self.charged_off_on = account.ended_on or min((row.effective_on for row in bookkept), default=None)
        waived = sa.select(col(Waiver.credit_id), col(Waiver.entry_id))
        waived = waived.where(col(Waiver.account_id) == account.id, col(Waiver.credit_id).is_not(None))
        self.forgives = {credit: self.references.get(entry, "") for credit, entry in session.execute(waived)}

    def _bookkeeping(self) -> list[Entry]:
        """Entries that took a charged-off debt off the creditor's book, and those that balance recoveries since: the
        debt is written off, not forgiven."""
        if self.account.status is not AccountStatus.CHARGED_OFF:
            return []
        return bookkeeping(self._session, self.account)

    def share(self, on: date) -> _Share:
        """The account's share of the claim at the end of `on`."""
        until = [row for row in self._entries if row.effective_on <= on]
        counted = [row for row in until if row.id not in self._off_book]
        owed = sum(row.amount_minor for row in counted)
        stands = as_known(self._session, self._portfolio, id_of(self.account), on)
        account, status = self.account, self.account.status
        if status is AccountStatus.CHARGED_OFF and account.ended_on is not None and account.ended_on > on:
            status = AccountStatus.ACTIVE
        gone = self.charged_off_on if status is AccountStatus.CHARGED_OFF else None
        if gone is not None and gone > on:
            gone = None
        why_not = why_not_claimed(status, stands.past_due, owed)
        return _Share(
            counted, [row for row in until if row.id in self._off_book], owed, stands, why_not, gone
        )

    def after(self, on: date) -> list[Entry]:
        """Entries that are effective after that day and change the debt."""
        return [row for row in self._entries if row.effective_on > on and row.id not in self._off_book]


@dataclass(frozen=True, slots=True)
class _Share:
    counted: list[Entry]
    off_book: list[Entry]
    owed: int
    stands: AccountOn
    why_not: str
    """Reason why the account is no part of the claim; '' = it is."""
    charged_off_on: date | None


def _claimed_now(ledgers: Sequence[_Ledger], today: date, disputes: Sequence[shown.Dispute]) -> int:
    """The claim with everything of today."""
    shares = [(ledger, ledger.share(today)) for ledger in ledgers]
    owed = ((ledger.account.reference, share.owed) for ledger, share in shares if not share.why_not)
    return claimed_sum(owed, disputes)


def _military_stops(portfolio: Portfolio, customer: Customer) -> bool:
    """True if a pack of the customer's place holds anything back for people in military service."""
    pack = packs_for(portfolio, customer)
    return any(isinstance(rule, HoldRule) and HoldKind.MILITARY in rule.holds for rule in pack.rules)


def _customer(customer: Customer) -> shown.Customer:
    lines = postal_lines(
        "",
        customer.address_line1,
        customer.address_line2,
        customer.city,
        customer.region,
        customer.postcode,
        customer.country,
    )
    return shown.Customer(
        customer_ref=customer.reference,
        name=customer.full_name,
        address_lines=tuple(lines),
        country=customer.country,
        language=customer.language,
        email=customer.email,
        mobile=customer.mobile,
    )


def _entry(ledger: _Ledger, row: Entry) -> shown.Entry:
    return shown.Entry(
        reference=row.reference,
        account_ref=ledger.account.reference,
        kind=row.kind.value,
        effective_on=row.effective_on,
        posted_on=row.posted_on,
        amount_minor=row.amount_minor,
        source=row.source,
        description=row.description,
        reverses=ledger.references.get(row.reverses_id, "") if row.reverses_id else "",
        forgives=ledger.forgives.get(row.id, ""),
    )


def _account(account: Account, share: _Share) -> shown.Account:
    return shown.Account(
        account_ref=account.reference,
        last4=account.card_last4,
        product=account.product,
        limit_minor=account.credit_limit_minor,
        apr=f"{account.apr_millionths / 10_000:.2f}",
        opened_on=account.opened_on,
        status=account.status.value,
        balance_minor=share.owed,
        past_due_minor=min(share.stands.past_due, share.owed),
        days_past_due=share.stands.days_past_due,
        oldest_due_on=share.stands.oldest_due_on,
        charged_off_on=share.charged_off_on,
    )


def _statements(session: Session, accounts: Sequence[Account], as_of: date) -> tuple[shown.Statement, ...]:
    names = {account.id: account.reference for account in accounts}
    query = select(Statement).where(col(Statement.account_id).in_(names), col(Statement.closing_on) <= as_of)
    query = query.order_by(col(Statement.closing_on))
    return tuple(
        shown.Statement(
            statement_ref=row.reference,
            account_ref=names[row.account_id],
            closing_on=row.closing_on,
            due_on=row.due_on,
            balance_minor=row.balance_minor,
            minimum_due_minor=row.minimum_due_minor,
        )
        for row in session.scalars(query)
    )


def _events(session: Session, customer: Customer) -> tuple[shown.Event, ...]:
    """The customer's whole stream: a chain with a link left out could not be verified. What is only for those who work
    the case is withheld; its hash stays."""
    sight = sight_outside(session, id_of(customer))
    query = select(Event).where(Event.stream == customer_stream(id_of(customer))).order_by(col(Event.seq))
    return tuple(
        shown.Event(
            stream=row.stream,
            seq=row.seq,
            kind=row.kind,
            at=row.at,
            by=row.by,
            data_json=row.data if sight.sees(row.kind, row.data) else WITHHELD_JSON,
            prev_hash=row.prev_hash,
            hash=row.hash,
        )
        for row in session.scalars(query)
    )


def _messages(session: Session, case: CollectionsCase) -> tuple[shown.Message, ...]:
    sight = sight_outside(session, case.customer_id)
    query = (
        select(OutboxMessage)
        .where(
            OutboxMessage.customer_id == case.customer_id, OutboxMessage.destination != Destination.LEGAL_DESK
        )
        .order_by(col(OutboxMessage.id))
    )
    return tuple(
        shown.Message(
            key=row.reference,
            channel=BY_CHANNEL[row.destination].value,
            to=sight.cover(row.address),
            subject=row.subject,
            text=redact_links(row.text),
            html=redact_links(row.html),
            enclosed=redact_links(row.enclosed),
            exact_sha256={
                name: hashlib.sha256(text.encode()).hexdigest()
                for name, text in (("text", row.text), ("html", row.html), ("enclosed", row.enclosed))
                if text
            },
            letter=row.letter,
            letter_version=row.template_version,
            language=row.language,
            # A message printed to the console proves nothing: it is told, and it is not called sent.
            sent_at=None if row.console_only else row.sent_at,
            status=CONSOLE_ONLY if row.console_only else row.status.value,
            provider_ref="" if row.console_only else row.provider_ref,
            clearance=_json(row.clearance),
            recipient=row.recipient,
            answer_by=row.answer_by,
            asks=row.purpose not in (Purpose.CONFIRMATION, Purpose.REPRESENTATIVE),
        )
        for row in session.scalars(query)
    )


def _plans(session: Session, case: CollectionsCase, portfolio: Portfolio) -> tuple[shown.Plan, ...]:
    plans = session.scalars(select(Plan).where(Plan.case_id == case.id).order_by(col(Plan.id))).all()
    parts = instalments_of(session, [id_of(plan) for plan in plans])
    return tuple(
        shown.Plan(
            reference=f"P-{plan.id:06d}",
            kind=plan.kind.value,
            status=plan.status.value,
            offered_at=plan.offered_at,
            # Of the acceptance only the day is known: it was not before the offer.
            accepted_at=max(plan.offered_at, local_instant(plan.accepted_on, 0, 0, portfolio.timezone))
            if plan.accepted_on
            else None,
            total_minor=plan.total_minor,
            by=plan.offered_by,
            instalments=tuple(shown.Instalment(p.n, p.due_on, p.amount) for p in parts[id_of(plan)]),
            note=plan.why,
        )
        for plan in plans
    )


def _holds(session: Session, customer: Customer, portfolio: Portfolio) -> tuple[shown.Hold, ...]:
    query = select(CaseHold).where(CaseHold.customer_id == customer.id).order_by(col(CaseHold.id))
    return tuple(
        shown.Hold(
            kind=row.kind.value,
            started_at=row.started_at,
            until=None if row.for_good else local_instant(row.until, 0, 0, portfolio.timezone),
            ended_at=row.ended_at,
            by=row.by,
            reason=row.reason,
        )
        for row in impersonal_holds(session.scalars(query).all())
    )


def _json(text: str) -> Values:
    loaded: JsonObject = json.loads(text or "{}")
    return loaded


def checklist_of(session: Session, case: CollectionsCase, *, now: datetime) -> tuple[ChecklistItem, ...]:
    """The checklist of a bundle that is built at this moment."""
    return completeness(load_case_file(session, case, bundle_id=case_reference(id_of(case)), now=now))
