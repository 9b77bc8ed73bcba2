"""A small portfolio that lived through some nights: two products, two agents of two teams, payments of every kind."""

from __future__ import annotations

from datetime import date

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.rules import EntryKind
from app.casework.cases.events import CallLogged
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.complaints.rules import AnswerKind, ComplaintOutcome
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.results.rules import Counts
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.staff.service import add_user
from app.core.timeline.service import record
from app.core.vocabulary import Channel
from app.legal.bundle.models import Bundle
from app.legal.referrals.models import Referral, ReferralStatus
from app.outreach.gate.events import ContactRefused
from app.outreach.outbox.rules import OutboxStatus
from tests import builders

START, FIRST, LAST = date(2026, 2, 28), date(2026, 3, 3), date(2026, 3, 12)


def live_through(engine: Engine) -> None:
    """Close 28 February to 12 March. Cards a to f owe 1,000.00 each with a minimum of 100.00, g is in credit.

    a: due 20 December, never paid. b: due 20 February, 60.00 paid on 2 March, the rest on the 9th. c: due 1 March,
    never paid. d: due 1 March, refunded on the 4th. e: due 6 March, paid on the day. f (a loan): due 20 January, its
    case goes to the other agent on the 5th.
    """
    with transaction(engine) as session:
        book = builders.portfolio(session)
        book.cost_sms_minor, book.cost_agent_hour_minor, book.cost_call_minutes = 8, 3_600, 5
        book.cost_legal_case_minor = 4_000
        for name, team in (("mei", "early"), ("jonas", "late")):
            password = "s3cret-enough-to-pass"
            user = add_user(session, name, name.title(), Role.AGENT, password, by=SYSTEM, now=builders.NOW)
            user.team = team
        due = {
            "a": date(2025, 12, 20), "b": date(2026, 2, 20), "c": date(2026, 3, 1), "d": date(2026, 3, 1),
            "e": date(2026, 3, 6), "f": date(2026, 1, 20),
        }  # fmt: skip
        cards = {
            name: builders.late_customer(session, book, due_on=on, minimum=10_000, balance=100_000)
            for name, on in due.items()
        }
        cards["f"].product = "Loan"
        cards["b"].placed_on = date(2026, 2, 25)
        in_credit = builders.account(session, builders.customer(session, book), opened_on=date(2026, 2, 1))
        builders.payment(session, in_credit, 5_000, date(2026, 3, 1))
        builders.payment(session, cards["b"], 6_000, date(2026, 3, 2))
        builders.entry(session, cards["d"], EntryKind.REFUND, 10_000, date(2026, 3, 4))
        builders.payment(session, cards["e"], 10_000, date(2026, 3, 6))
        builders.payment(session, cards["b"], 4_000, date(2026, 3, 9))
        holder = cards["f"].customer_id
    builders.close_day(engine, START)
    builders.close_day(engine, date(2026, 3, 4))
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase).where(CollectionsCase.customer_id == holder)).one()
        case.owner = "jonas" if case.owner == "mei" else "mei"
        work(session, case)
    builders.close_day(engine, LAST)


def work(session: Session, case: CollectionsCase) -> None:
    """What happened about one case by noon on the 5th: two calls, a refusal, a message that arrived and one that did
    not, a promise kept and one broken, a file that was sealed and received, two complaints, one of them answered."""
    on, noon = date(2026, 3, 5), builders.at(date(2026, 3, 5))
    mei = Actor.user("mei")
    for result, counts in (("no_answer", Counts.ATTEMPT), ("right_party", Counts.CONVERSATION)):
        call = CallLogged(result, "", "+8613800000000", counts, result)
        record(session, about_case(case, call, channel=Channel.CALL), by=mei, now=noon)
    refused = ContactRefused({"letter": "first_reminder", "reasons": [{"rule": "cn.hours", "citation": "-"}]})
    record(session, about_case(case, refused, channel=Channel.SMS), by=SYSTEM, now=noon)
    for step, status in (("a", OutboxStatus.DELIVERED), ("b", OutboxStatus.UNDELIVERED)):
        builders.queued_message(
            session, case, on=on, step=step, status=status, sent_at=noon, finished_at=noon
        )
    for total, status in ((7_000, PlanStatus.KEPT), (3_000, PlanStatus.BROKEN)):
        for kind in (PlanKind.PROMISE, PlanKind.INSTALMENTS):
            session.add(
                Plan(
                    portfolio_id=case.portfolio_id,
                    case_id=id_of(case),
                    customer_id=case.customer_id,
                    kind=kind,
                    status=status,
                    total_minor=total,
                    offered_at=noon,
                    offered_by=mei,
                    accepted_on=on,
                    ended_on=date(2026, 3, 4),
                )  # fmt: skip
            )
    for answered_on, by, kind in (
        (date(2026, 3, 6), mei, AnswerKind.FINAL),
        (date(2026, 3, 10), SYSTEM, AnswerKind.HOLD),
    ):
        builders.complaint(
            session, case, received_at=noon, answer_by=date(2026, 3, 10), answered_at=builders.at(answered_on), by=by,
            kind=kind, outcome=ComplaintOutcome.UPHELD if kind is AnswerKind.FINAL else None,
        )  # fmt: skip
    session.add(
        Referral(
            portfolio_id=case.portfolio_id,
            case_id=id_of(case),
            status=ReferralStatus.RETURNED,
            reason="late",
            nominated_by=SYSTEM,
            nominated_at=builders.at(date(2026, 3, 2)),
            decided_at=builders.at(date(2026, 3, 3)),
            delivered_at=noon,
            returned_at=noon,
        )  # fmt: skip
    )
    session.add(
        Bundle(
            reference="C-1-01",
            case_id=id_of(case),
            as_of=on,
            sha256="0" * 64,
            size=1,
            content=b"x",
            complete=False,
            built_by=mei,
            built_at=noon,
        )  # fmt: skip
    )
