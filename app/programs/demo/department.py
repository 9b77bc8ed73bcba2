"""The demo's staff and customers on each day of its weeks; they use the acts that pages use."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import or_
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.corrections import post_by_hand, reverse_entry
from app.actions.agreements import accept_offer, offer, promise
from app.actions.assignment import add_note
from app.actions.documents import add_document
from app.actions.holds import place_hold
from app.actions.preferences import change_consent
from app.actions.referrals import decide_referral, hand_over, seal_bundle
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import (
    CustomerDebt,
    debts_now,
)
from app.casework.cases.models import (
    CallTask,
    CollectionsCase,
)
from app.casework.cases.rules import CaseStatus
from app.casework.cases.service import (
    record_call,
    set_callback,
)
from app.casework.documents.rules import DocumentKind
from app.casework.holds.models import CaseHold
from app.casework.plans.limits import Grantor
from app.casework.plans.queries import live_plan
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms
from app.casework.results.rules import CallResult
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.http.ports import Ports
from app.legal.checklists.items import gaps, stops
from app.legal.checklists.loading import checklist_of
from app.legal.referrals.models import Referral, ReferralStatus
from app.outreach.gate.explain import explain
from app.policy.answers import Clearance

STAFF = (
    ("mei", "Mei Tanaka", Role.AGENT),
    ("jonas", "Jonas Berg", Role.AGENT),
    ("priya", "Priya Rao", Role.AGENT),
    ("grace", "Grace Okafor", Role.MANAGER),
    ("lena", "Lena Vogel", Role.LEGAL),
    ("root", "Robin Adler", Role.ADMIN),
)
EXCUSES = {
    "document.agreement": "The signed agreement is on paper in the branch archive.",
    "statement.coverage": "The bank sends the missing statement on request.",
}
"""Reason of the demo's legal team to let a file go without an item of the checklist."""


@dataclass
class Department:
    """The people of the demo: they call, listen, agree, pause and refer."""

    engine: Engine
    ports: Ports
    portfolio_id: int
    chance: random.Random
    last_day: date
    calls_a_day: int = 4

    def work(self, today: date, now: datetime) -> None:
        with transaction(self.engine) as session:
            portfolio = session.get_one(Portfolio, self.portfolio_id)
            for case in self._call_list(session, now):
                self._call(session, portfolio, case, today, now)
            for case in self._callers(session):
                self._agree(session, portfolio, case, Actor.user(case.owner), today, now)
            self._opt_outs(session, now)
            if self.chance.random() < 0.25:
                self._correct_the_ledger(session, today, now)
            self._refer(session, today, now)

    def _call_list(self, session: Session, now: datetime) -> list[CollectionsCase]:
        """Callbacks that are due, then open call tasks by priority; nobody on hold or with the legal team."""
        asked = select(CallTask.case_id).where(col(CallTask.done_at).is_(None))
        held = select(CaseHold.customer_id).where(col(CaseHold.ended_at).is_(None))
        query = (
            select(CollectionsCase)
            .where(
                or_(col(CollectionsCase.id).in_(asked), col(CollectionsCase.callback_at) <= now),
                CollectionsCase.status == CaseStatus.OPEN,
                col(CollectionsCase.with_legal_since).is_(None),
                col(CollectionsCase.customer_id).not_in(held),
            )
            .order_by(
                col(CollectionsCase.callback_at).is_(None),
                col(CollectionsCase.priority).desc(),
                col(CollectionsCase.id),
            )
            .limit(self.calls_a_day)
        )
        return list(session.scalars(query))

    def _callers(self, session: Session) -> list[CollectionsCase]:
        """Customers who call by themselves and make a promise: three a day."""
        query = select(CollectionsCase).where(
            CollectionsCase.status == CaseStatus.OPEN, col(CollectionsCase.with_legal_since).is_(None)
        )
        cases = session.scalars(query.order_by(col(CollectionsCase.id))).all()
        chosen = self.chance.sample(cases, min(3, len(cases)))
        return [case for case in chosen if case.owner and live_plan(session, id_of(case)) is None]

    def _call(
        self, session: Session, portfolio: Portfolio, case: CollectionsCase, today: date, now: datetime
    ) -> None:
        """One call, if the gate allows it, and its result."""
        customer = session.get_one(Customer, case.customer_id)
        by = Actor.user(case.owner or "mei")
        answer = explain(session, portfolio, customer, Channel.CALL, Purpose.REMINDER, at=now)
        if not isinstance(answer, Clearance):
            return
        roll = self.chance.random()
        if roll < 0.42:
            result = self.chance.choice([CallResult.NO_ANSWER, CallResult.VOICEMAIL, CallResult.BUSY])
            record_call(session, case, result, "", by=by, now=now)
        elif roll < 0.47:
            due = now + timedelta(days=1 if today < self.last_day else 0, hours=8)
            said = "Asked to be called in the evening."
            record_call(session, case, CallResult.CALL_BACK, said, callback_at=due, by=by, now=now)
            set_callback(session, case, due, by=by, now=now)
        elif roll < 0.83 and live_plan(session, id_of(case)) is None:
            self._agree(session, portfolio, case, by, today, now)
        elif roll < 0.90:
            self._pause(session, case, by, today, now)
        else:
            record_call(
                session, case, CallResult.REFUSED_TO_PAY, "Says the bank should wait.", by=by, now=now
            )

    def _agree(
        self,
        session: Session,
        portfolio: Portfolio,
        case: CollectionsCase,
        by: Actor,
        today: date,
        now: datetime,
    ) -> None:
        """A promise to pay, or a repayment plan where the debt is too much for one payment. It is about the debt of
        now: a customer who has paid meanwhile is left alone, and one who paid a part promises the rest."""
        owes = debts_now(session, portfolio, [case.customer_id], today).get(case.customer_id, CustomerDebt())
        total = owes.past_due
        if total == 0:
            record_call(
                session, case, CallResult.RIGHT_PARTY, "Nothing is past due any more.", by=by, now=now
            )
            return
        if self.chance.random() < 0.8 or total < 1000:
            record_call(session, case, CallResult.PROMISED, "Will pay after payday.", by=by, now=now)
            due_on = today + timedelta(days=self.chance.randint(3, 12))
            promise(session, case, total, due_on, self.ports.catalog, by=by, now=now)
            return
        note = "Cannot pay at once; agreed on instalments."
        record_call(session, case, CallResult.RIGHT_PARTY, note, by=by, now=now)
        months = self.chance.choice([3, 4, 6])
        first_due_on = today + timedelta(days=self.chance.randint(2, 8))
        terms = AgreementTerms(
            PlanKind.INSTALMENTS, total, first_due_on, months, Cadence.MONTHLY, down_payment_minor=total // 4
        )
        made = offer(session, case, terms, self.ports.catalog, grantor=Grantor(by, Role.AGENT), now=now)
        if self.chance.random() >= 0.3:  # the others want to think about it
            accept_offer(session, made.plan, self.ports.catalog, by=by, now=now)

    def _pause(self, session: Session, case: CollectionsCase, by: Actor, today: date, now: datetime) -> None:
        kind, result, reason = self.chance.choice(
            [
                (
                    HoldKind.DISPUTE,
                    CallResult.DISPUTES,
                    "Does not recognise a purchase; asked for the statement.",
                ),
                (HoldKind.HARDSHIP, CallResult.RIGHT_PARTY, "Lost the job; sends proof of income."),
                (HoldKind.VULNERABLE, CallResult.RIGHT_PARTY, "In hospital; a relative will call back."),
                (HoldKind.COMPLAINT, CallResult.RIGHT_PARTY, "Complains about the late fee."),
            ]
        )
        record_call(session, case, result, reason, by=by, now=now)
        until = today + timedelta(days=self.chance.choice([14, 21, 30]))
        place_hold(session, case, kind, reason, until, self.ports.catalog, by=by, now=now)
        add_note(session, case, f"Next step: review on {until.isoformat()}.", by=by, now=now)

    def _opt_outs(self, session: Session, now: datetime) -> None:
        """Opt a customer out of SMS now and then."""
        query = select(CollectionsCase).where(CollectionsCase.status == CaseStatus.OPEN)
        cases = list(session.scalars(query.order_by(col(CollectionsCase.id))))
        if cases and self.chance.random() < 0.6:
            case = self.chance.choice(cases)
            customer = session.get_one(Customer, case.customer_id)
            channel = self.chance.choice([Channel.SMS, Channel.SMS, Channel.EMAIL])
            change_consent(
                session,
                customer,
                channel,
                allowed=False,
                source="said so on the phone",
                case_id=case.id,
                by=Actor.user(case.owner or "mei"),
                now=now,
            )

    def _correct_the_ledger(self, session: Session, today: date, now: datetime) -> None:
        """A payment is found days late, another bounces: earlier days are restated, both figures are kept."""
        account = session.scalars(
            select(Account)
            .join(CollectionsCase, col(CollectionsCase.customer_id) == Account.customer_id)
            .where(CollectionsCase.status == CaseStatus.OPEN)
            .order_by(col(CollectionsCase.priority))
            .limit(1)
        ).first()
        if account is not None:
            post_by_hand(
                session,
                account,
                EntryKind.PAYMENT,
                1000,
                today - timedelta(days=4),
                "found on the suspense account",
                reference=f"LATE-{account.reference}-{today.isoformat()}",
                by=Actor.user("grace"),
                role=Role.MANAGER,
                now=now,
            )
        bounced = session.scalars(
            select(Entry)
            .where(Entry.kind == EntryKind.PAYMENT, Entry.effective_on == today - timedelta(days=6))
            .order_by(col(Entry.id))
            .limit(1)
        ).first()
        if bounced is not None:
            reverse_entry(session, bounced, "returned by the bank", by=Actor.user("grace"), now=now)

    def _refer(self, session: Session, today: date, now: datetime) -> None:
        """The legal team takes on one nomination a day and seals the files of those it took. The visitor finds two that
        wait for a decision."""
        del today
        lena = Actor.user("lena")
        query = select(Referral).where(Referral.status == ReferralStatus.NOMINATED).order_by(col(Referral.id))
        for referral in session.scalars(query).all()[:-2][:1]:
            case = session.get_one(CollectionsCase, referral.case_id)
            forbidden = stops(checklist_of(session, case, now=now))
            if forbidden or case.status is not CaseStatus.OPEN or self.chance.random() >= 0.85:
                why = forbidden[0].detail if forbidden else "Pays in parts again; collections keeps it."
                decide_referral(session, id_of(referral), approve=False, reason=why, by=lena, now=now)
                continue
            decide_referral(session, id_of(referral), approve=True, reason="", by=lena, now=now)
            if self.ports.seal is None:
                continue
            if id_of(referral) % 3:
                self._file_agreement(session, case, now)
            missing = gaps(checklist_of(session, case, now=now))
            excuses = {item.id: EXCUSES.get(item.id, "Follows from the archive.") for item in missing}
            bundle = seal_bundle(session, case, self.ports, excuses, by=lena, now=now)
            hand_over(session, bundle, has_desk=True, by=lena, now=now)

    def _file_agreement(self, session: Session, case: CollectionsCase, now: datetime) -> None:
        """The branch has found and scanned the agreement of the customer's oldest card."""
        query = (
            select(Account).where(Account.customer_id == case.customer_id).order_by(col(Account.opened_on))
        )
        account = session.scalars(query).first()
        if account is None or account.opened_on is None:
            return
        lines = (
            "Credit card agreement, sample",
            f"Account {account.reference}",
            f"Signed {account.opened_on}",
        )
        add_document(
            session,
            case,
            DocumentKind.AGREEMENT,
            f"agreement-{account.reference}.pdf",
            small_pdf(lines),
            dated_on=account.opened_on,
            description="Scanned from the branch archive.",
            by=Actor.user("lena"),
            now=now,
        )


def small_pdf(lines: Sequence[str]) -> bytes:
    """One page with these lines (ASCII, no brackets): it stands in for a scan in the demo."""
    shown = "".join(f"({line}) Tj 0 -24 Td " for line in lines)
    stream = f"BT /F1 14 Tf 72 760 Td {shown}ET".encode("ascii")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    made, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(made)
