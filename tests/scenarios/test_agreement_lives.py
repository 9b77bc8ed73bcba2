"""Whole lives of agreements as a diary: on which night what changed, and what the customer got the next morning."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.reversals import reverse_entry
from app.actions.agreements import accept_offer, agree, offer
from app.actions.plans.instalments import move_instalment, skip_instalment
from app.book.ledger.balances import balance_of
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.queries import broken_plans
from app.casework.plans.rules import Acceptance, Agreed, Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms, Payday
from app.casework.plans.tracking.payments import progress_of
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.worklist.books import books_at
from app.worklist.items import items_among
from app.worklist.rules import Section
from tests import builders
from tests.scenarios.test_lives import Life, day

ANN = Actor.user("ann")
DAY = timedelta(days=1)


class Diary(Life):
    """A life whose nights write down what they changed."""

    def __init__(self, engine: Engine, **portfolio: int) -> None:
        super().__init__(engine, minimum=60_000)
        self.seen: dict[str, str] = {}
        with transaction(engine) as session:
            get_portfolio(session, builders.BOOK).sqlmodel_update(portfolio)

    def until(self, first: int, last: int) -> list[str]:
        """Close these days; each line is the day past due and what became of an agreement or instalment, or left."""
        lines = []
        for n in range(first, last + 1):
            self.close(n)
            lines += [f"{n} {change}" for change in self.changes(day(n))]
            lines += [f"{n} -> {message}" for message in self.morning_after(n)]
        return lines

    def changes(self, on: date) -> list[str]:
        now: dict[str, str] = {}
        with transaction(self.engine) as session:
            for plan in session.scalars(select(Plan).order_by(col(Plan.id))):
                now[plan.reference[-1]] = plan.status.value
                if plan.accepted_on is not None:
                    for line in progress_of(session, plan, on).instalments:
                        now[f"{plan.reference[-1]}.{line.n}"] = line.state.value
        changed = [f"{what} {state}" for what, state in now.items() if self.seen.get(what) != state]
        self.seen = now
        return [line for line in changed if not line.endswith(("to_come", "offered"))]

    def plan(self, session: Session) -> Plan:
        """The agreement that was accepted last."""
        query = select(Plan).where(col(Plan.accepted_on).is_not(None)).order_by(col(Plan.id).desc())
        return session.scalars(query).first()  # type: ignore[return-value]

    def bounce(self, n: int) -> None:
        with transaction(self.engine) as session:
            paid = select(Entry).where(Entry.kind == EntryKind.PAYMENT).order_by(col(Entry.id).desc())
            reverse_entry(
                session, session.scalars(paid).first(), reason="no funds", posted_on=day(n), by=ANN,
                now=builders.at(day(n), 14),
            )  # fmt: skip


def test_a_plan_on_payday_is_moved_skipped_broken_renegotiated_and_kept(sqlite_engine: Engine) -> None:
    life = Diary(sqlite_engine, tolerance_minor=200)

    # A minimum of 600.00 is missed. Three days late: one friendly SMS.
    assert life.until(1, 8) == ["3 -> first_reminder by sms"]

    # She calls. Of three offers she takes the one that follows her payday, a Monday: 100.00 each Tuesday, six times, of
    # which one may be skipped.
    # What she said is on record, and confirmed in writing; the letters of the other offers are not sent any more.
    with transaction(sqlite_engine) as session:
        case, letters = life.case(session), builders.catalog()
        weekly = AgreementTerms(
            PlanKind.INSTALMENTS, 60_000, day(14), 6, Cadence.WEEKLY, payday=Payday(day(13), Cadence.WEEKLY),
            skips_allowed=1,
        )  # fmt: skip
        offers = [
            offer(
                session, case, terms, letters, grantor=Grantor(ANN, Role.AGENT), now=builders.at(day(9))
            ).plan
            for terms in (
                AgreementTerms(PlanKind.INSTALMENTS, 60_000, day(20), 3, Cadence.MONTHLY),
                AgreementTerms(PlanKind.INSTALMENTS, 60_000, day(14), 12, Cadence.FORTNIGHTLY),
                weekly,
            )
        ]
        words = "each Tuesday, by transfer; read back"
        accept_offer(
            session,
            offers[2],
            letters,
            Agreed(Acceptance.PHONE, words),
            by=ANN,
            now=builders.at(day(9)),
        )
        due = [(part.due_on, part.due) for part in progress_of(session, offers[2], day(9)).instalments]
        assert due == [(day(14 + 7 * n), 10_000) for n in range(6)]
    assert life.until(9, 13) == [
        "9 3 active", "9 -> plan_confirmation by sms", "9 -> plan_confirmation by email",
        "13 -> instalment_reminder by sms",
    ]  # fmt: skip

    # Two instalments are kept. The other offers end with their days. Only the agreement's own reminders come.
    life.pays(10_000, 14)
    assert life.until(14, 20) == [
        "14 2 cancelled", "14 3.1 paid", "17 -> instalment_reminder by sms", "20 1 cancelled",
        "20 -> instalment_reminder by sms",
    ]  # fmt: skip
    life.pays(10_000, 21)
    assert life.until(21, 26) == ["21 3.2 paid", "24 -> instalment_reminder by sms"]

    # The third is moved by three days, and is on time on its new day.
    with transaction(sqlite_engine) as session:
        move_instalment(
            session, life.plan(session), 3, day(31), builders.catalog(), "paid later", by=ANN,
            now=builders.at(day(27)),
        )  # fmt: skip
    assert life.until(27, 30) == ["27 -> instalment_moved by sms", "27 -> instalment_moved by email"]
    life.pays(10_000, 31)
    assert life.until(31, 32) == ["31 3.3 paid", "31 -> instalment_reminder by sms"]

    # The fourth is skipped as agreed: it falls due with the last.
    with transaction(sqlite_engine) as session:
        skip_instalment(
            session,
            life.plan(session),
            4,
            builders.catalog(),
            "new job",
            grantor=Grantor(ANN, Role.AGENT),
            now=builders.at(day(33)),
        )
    assert life.until(33, 40) == [
        "33 3.4 skipped", "33 -> instalment_skipped by sms", "33 -> instalment_skipped by email",
        "38 -> instalment_reminder by sms",
    ]  # fmt: skip

    # Of the fifth 1.50 is missing, within the tolerance. Of the last, 200.00 and those 1.50, nothing comes: she is
    # reminded ahead, on the day and in grace, and then it is broken. The case is work again, with the story.
    life.pays(9_850, 42)
    assert life.until(41, 53) == [
        "42 3.5 nearly_paid", "45 -> instalment_reminder by sms", "48 -> instalment_reminder by sms",
        "49 -> instalment_reminder by sms", "50 3.6 in_grace", "53 3 broken", "53 3.6 missed",
        "53 -> plan_broken by email",
    ]  # fmt: skip
    with transaction(sqlite_engine) as session:
        case = life.case(session)
        assert case.broken_promises == 1
        [book] = books_at(session, builders.at(day(54)))
        item = items_among(session, [book], [id_of(case)], builders.at(day(54)))[id_of(case)]
        assert (item.section, item.on) == (Section.PROMISE_MISSED, day(49))
        story = broken_plans(session, [id_of(case)])[id_of(case)]
        assert (story.kind, story.n) == (PlanKind.INSTALMENTS, 6)
        assert story.why.endswith("within the grace period: nothing of it came")
        assert progress_of(session, life.plan(session), day(54)).left == 20_150

    # Renegotiated: the 201.50 in two halves, a fortnight apart. The first payment bounces, within the days of grace,
    # and is made again; with the second it is kept, and the case is closed.
    with transaction(sqlite_engine) as session:
        again = AgreementTerms(PlanKind.INSTALMENTS, 20_150, day(58), 2, Cadence.WEEKLY)
        agree(
            session, life.case(session), again, builders.catalog(), Agreed(Acceptance.PHONE, words),
            grantor=Grantor(ANN, Role.AGENT), now=builders.at(day(54)),
        )  # fmt: skip
    assert life.until(54, 57) == [
        "54 4 active", "54 -> plan_confirmation by sms", "54 -> plan_confirmation by email",
    ]  # fmt: skip
    life.pays(10_075, 58)
    assert life.until(58, 59) == ["58 4.1 paid"]
    life.bounce(60)
    assert life.until(60, 60) == ["60 4.1 in_grace", "60 -> instalment_reminder by sms"]
    life.pays(10_075, 61)
    assert life.until(61, 64) == [
        "61 4.1 paid", "61 -> instalment_reminder by sms", "64 -> instalment_reminder by sms",
    ]  # fmt: skip
    life.pays(10_075, 65)
    assert life.until(65, 68) == ["65 4 kept", "65 4.2 paid"]
    with transaction(sqlite_engine) as session:
        assert (life.case(session).status, life.case(session).outcome) == (
            CaseStatus.CLOSED,
            CaseOutcome.CURED,
        )
    life.prove()


def test_a_settlement_in_four_payments_of_which_the_third_is_late(engine: Engine) -> None:
    life = Diary(engine, settlement_payments=4)
    life.until(1, 4)
    with transaction(engine) as session:
        terms = AgreementTerms(PlanKind.SETTLEMENT, 60_000, day(10), 4, Cadence.WEEKLY, waived_minor=40_000)
        offer(
            session, life.case(session), terms, builders.catalog(), grantor=Grantor(ANN, Role.MANAGER),
            now=builders.at(day(5)),
        )  # fmt: skip
    # The first payment accepts it, and it is confirmed in writing. With the reminder of the day before, these are the
    # messages that the pack permits in a week: of the second payment she is reminded on its day alone.
    assert life.until(5, 9) == ["5 -> settlement_offer by email", "9 -> first_reminder by email"]
    life.pays(15_000, 10)
    assert life.until(10, 16) == [
        "10 1 active", "10 1.1 paid", "10 -> settlement_confirmation by sms",
        "10 -> settlement_confirmation by email", "16 -> instalment_reminder by sms",
    ]  # fmt: skip
    life.pays(15_000, 17)
    assert life.until(17, 23) == [
        "17 1.2 paid", "20 -> instalment_reminder by sms", "23 -> instalment_reminder by sms",
    ]  # fmt: skip
    # The third is two days late, within the grace days.
    assert life.until(24, 25) == ["24 -> instalment_reminder by sms", "25 1.3 in_grace"]
    life.pays(15_000, 26)
    assert life.until(26, 30) == [
        "26 1.3 paid", "27 -> instalment_reminder by sms", "30 -> instalment_reminder by sms",
    ]  # fmt: skip
    life.pays(15_000, 31)
    # With the fourth it is kept: 600.00 were paid, the other 400.00 are waived.
    assert life.until(31, 34) == ["31 1 kept", "31 1.4 paid", "31 -> settlement_completed by email"]
    with transaction(engine) as session:
        card = session.get_one(Account, life.card.id)
        assert (card.status, card.ended_on) == (AccountStatus.SETTLED, day(31))
        assert balance_of(session, id_of(life.card), day(34)) == 0
        assert life.plan(session).acceptance is Acceptance.PAYMENT

    # The bank takes the last payment back: nothing is settled, the account is worked again, and she is told why.
    assert life.until(35, 35) == []
    life.bounce(36)
    assert life.until(36, 38) == [
        "36 1 broken", "36 1.4 missed", "36 -> plan_broken by email", "37 -> second_reminder by sms",
        "38 -> second_reminder by email",
    ]  # fmt: skip
    with transaction(engine) as session:
        assert session.get_one(Account, life.card.id).status is AccountStatus.ACTIVE
        assert balance_of(session, id_of(life.card), day(38)) == 55_000
        assert life.case(session).status is CaseStatus.OPEN
    life.prove()
