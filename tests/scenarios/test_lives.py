"""Whole lives of a debt, a paragraph a day: what the cardholder gets, and what is on record.

Stories of many weeks run on SQLite only; each thing they do runs on both databases in a shorter one.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import DailyRun
from app.book.portfolios.service import get_portfolio
from app.casework.cases.events import CaseClosed, CaseOpened
from app.casework.cases.models import (
    CallTask,
    CollectionsCase,
)
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.cases.service import record_call
from app.casework.contacts.models import PlannedContact
from app.casework.holds.events import HoldEnded, HoldReviewDue
from app.casework.holds.models import CaseHold
from app.casework.holds.service import (
    close_hold,
    start_hold,
)
from app.casework.plans.events import PlanBroken, PlanKept
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.casework.plans.service import accept
from app.casework.results.rules import CallResult
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind
from app.legal.referrals.events import ReferralNominated
from app.operations.day.stages import STAGES
from app.operations.invariants.checks import thorough
from app.outreach.gate.consent import set_consent
from app.outreach.gate.events import ContactRefused, ContactWaiting, ContactWithheld
from app.outreach.outbox.events import ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.in_writing.agreements import confirm_plan
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.queries import month_roll_forward, snapshots
from tests import builders
from tests.agreements import make_offer, monthly, promise_to_pay

DUE = date(2026, 3, 10)


def day(n: int) -> date:
    """The business day on which a minimum due on `DUE` is `n` days past due."""
    return DUE + timedelta(days=n)


class Life:
    """One customer's story: days are closed in the night, messages leave the next morning at ten."""

    def __init__(self, engine: Engine, minimum: int = 5_000, **customer: object) -> None:
        self.engine = engine
        self.provider = builders.RecordingSender()
        with transaction(engine) as session:
            book = builders.portfolio(session)
            self.card = builders.late_customer(session, book, due_on=DUE, minimum=minimum, **customer)

    def close(self, n: int) -> None:
        builders.close_day(self.engine, day(n))

    def morning_after(self, n: int) -> list[str]:
        """Deliver at ten and, as workers do, a little later again; returns what left, as letter by channel."""
        before = len(self.provider.sent)
        for minute in (0, 15):
            builders.deliver(self.engine, builders.at(day(n + 1), 10, minute), self.provider)
        return [f"{m.letter} by {m.channel.value}" for m in self.provider.sent[before:]]

    def live(self, first: int, last: int) -> list[str]:
        """Several days in a row; returns what left, with the day past due on which it was decided."""
        left = []
        for n in range(first, last + 1):
            self.close(n)
            left += [f"{n}: {message}" for message in self.morning_after(n)]
        return left

    def pays(self, amount: int, n: int, posted: int | None = None) -> None:
        with transaction(self.engine) as session:
            card = session.get_one(Account, self.card.id)
            posted_on = day(posted) if posted is not None else None
            builders.payment(session, card, amount, day(n), posted_on=posted_on)

    def case(self, session: Session) -> CollectionsCase:
        query = select(CollectionsCase).where(CollectionsCase.customer_id == self.card.customer_id)
        return session.scalars(query.order_by(col(CollectionsCase.id).desc())).first()  # type: ignore[return-value]

    def recorded(self, *kinds: str) -> list[dict]:
        with transaction(self.engine) as session:
            return builders.events(session, *kinds, customer_id=self.card.customer_id)

    def prove(self) -> None:
        with transaction(self.engine) as session:
            assert thorough(session, get_portfolio(session, builders.BOOK)) == []


def calls(session: Session) -> list[str]:
    """The steps that gave an agent a call to make, oldest first."""
    query = select(PlannedContact.step).join(CallTask, col(CallTask.contact_id) == PlannedContact.id)
    return list(session.scalars(query.order_by(col(CallTask.id))))


def test_from_a_missed_minimum_to_a_kept_promise_and_cure(engine: Engine) -> None:
    life = Life(engine)

    # On the due date nothing is late; the next night a case is opened, and nobody writes yet.
    assert life.live(0, 2) == []
    [opened] = life.recorded(CaseOpened.KIND)
    assert (opened["on"], opened["past_due_minor"]) == (day(1).isoformat(), 5_000)

    # Three days late: one friendly SMS. Nine days: an e-mail. Nothing in between, nothing twice.
    assert life.live(3, 10) == ["3: first_reminder by sms", "9: first_reminder by email"]
    assert "****" not in life.provider.sent[0].text
    assert life.provider.sent[0].to.startswith("+86138")

    # She calls in and promises 50.00 within five days; a confirmation goes out, reminders rest.
    with transaction(engine) as session:
        case, book = life.case(session), get_portfolio(session, builders.BOOK)
        told = {"by": "user:ann", "now": builders.at(day(11))}
        record_call(session, case, CallResult.PROMISED, "will pay on Friday", **told)
        plan = promise_to_pay(session, case, 5_000, day(16), today=day(11), **told)
        answers = confirm_plan(session, book, plan, builders.catalog(), on=day(11), **told)
        assert [type(a).__name__ for a in answers.values()] == ["Clearance", "Clearance"]
    builders.deliver(engine, builders.at(day(11), 12, 5), life.provider)
    by_sms, by_email = life.provider.sent[2:]
    assert by_sms.letter == by_email.letter == "promise_confirmation"
    assert by_sms.enclosed is None
    paper = by_email.enclosed
    assert paper is not None, "a confirmation by e-mail brings the printed letter, to be kept"
    assert (paper.channel, paper.subject) == (Channel.POST, paper.text.splitlines()[0].removeprefix("# "))
    amount = by_email.context["amount"]
    assert "50.00" in amount
    assert amount in paper.text
    assert amount in by_email.text
    assert life.live(11, 15) == []
    with transaction(engine) as session:
        assert life.case(session).status is CaseStatus.OPEN

    # She pays a day early. That night the promise is kept, the account current, the case closed as cured.
    life.pays(5_000, 16)
    life.close(16)
    with transaction(engine) as session:
        assert session.scalars(select(Plan)).one().status is PlanStatus.KEPT
        closed = life.case(session)
        assert (closed.status, closed.outcome, closed.closed_on) == (
            CaseStatus.CLOSED,
            CaseOutcome.CURED,
            day(16),
        )
    assert life.live(17, 40) == []
    kinds = [e["kind"] for e in life.recorded()]
    assert kinds.index(PlanKept.KIND) < kinds.index(CaseClosed.KIND)
    assert kinds.count(ContactSent.KIND) == 4
    life.prove()


def test_a_broken_promise_is_broken_only_after_its_grace_days(engine: Engine) -> None:
    life = Life(engine)
    life.live(1, 10)
    with transaction(engine) as session:
        promise_to_pay(
            session,
            life.case(session),
            5_000,
            day(12),
            by=Actor.user("ann"),
            today=day(11),
            now=builders.at(day(11)),
        )

    # The date passes with 20.00 paid: three days of grace, in which only the agreement itself reminds.
    life.pays(2_000, 12)
    assert life.live(11, 15) == ["11: instalment_reminder by sms", "12: instalment_reminder by sms"]
    with transaction(engine) as session:
        assert session.scalars(select(Plan)).one().status is PlanStatus.ACTIVE

    # The grace days end: broken, with the reason, and the ladder goes on from where she stands: the call step.
    life.close(16)
    [broken] = life.recorded(PlanBroken.KIND)
    assert broken["broken_instalment"] == 1
    assert "2026-03-22" in broken["why"]
    with transaction(engine) as session:
        case = life.case(session)
        assert (case.status, case.broken_promises, case.past_due_minor) == (CaseStatus.OPEN, 1, 3_000)
        assert calls(session) == ["first-call"]
    life.prove()


def test_a_promise_kept_on_the_last_day_of_grace(engine: Engine) -> None:
    life = Life(engine)
    life.live(1, 3)
    with transaction(engine) as session:
        promise_to_pay(
            session,
            life.case(session),
            5_000,
            day(5),
            by=Actor.user("ann"),
            today=day(4),
            now=builders.at(day(4)),
        )
    life.pays(5_000, 8)
    life.live(4, 8)
    assert len(life.recorded(PlanKept.KIND)) == 1
    assert life.recorded(PlanBroken.KIND) == []


def test_a_repayment_plan_holds_the_case_open_and_quiet_until_an_instalment_is_missed(
    sqlite_engine: Engine,
) -> None:
    life = Life(sqlite_engine, minimum=9_000)
    life.live(1, 5)
    with transaction(sqlite_engine) as session:
        case = life.case(session)
        told = {"by": "user:ann", "today": day(6), "now": builders.at(day(6))}
        plan = make_offer(session, case, monthly(9_000, 0, 3, day(10)), **told)
        accept(session, plan, **told)
    life.pays(3_000, 9)
    # One instalment is paid: quiet for a month, but for the reminders of the second, due on 20 April, day 41.
    assert life.live(6, 40) == ["37: instalment_reminder by sms", "40: instalment_reminder by sms"]
    left = life.live(41, 44)  # three days of grace
    assert left == ["41: instalment_reminder by sms"]
    assert life.recorded(PlanBroken.KIND) == []
    life.close(45)
    [broken] = life.recorded(PlanBroken.KIND)
    assert broken["broken_instalment"] == 2
    with transaction(sqlite_engine) as session:  # and the same night the ladder goes on: somebody calls
        assert calls(session) == ["second-call"]
    life.prove()


def test_an_opt_out_stops_the_channel_at_once_even_for_what_is_queued(engine: Engine) -> None:
    life = Life(engine)
    for n in (1, 2, 3):
        life.close(n)
    with transaction(engine) as session:  # the SMS is queued; at eight she replies STOP to an older one
        holder = session.get_one(Customer, life.card.customer_id)
        now = builders.at(day(4), 8)
        set_consent(session, holder, Channel.SMS, allowed=False, source="STOP", by=SYSTEM, now=now)
    assert life.morning_after(3) == []
    [withheld] = life.recorded(ContactWithheld.KIND)
    assert withheld["channel"] is Channel.SMS
    assert "house.opt_out" in withheld["reason"]

    # E-mail she allows still comes, and on day 33 the SMS is refused with the rule on record.
    left = life.live(4, 33)
    assert "9: first_reminder by email" in left
    assert not [m for m in left if m.endswith("by sms")]
    refused = life.recorded(ContactRefused.KIND)
    assert [(r["channel"], r["reasons"][0]["rule"]) for r in refused] == [(Channel.SMS, "house.opt_out")]
    assert refused[0]["reasons"][0]["citation"]


def test_a_hold_ends_by_itself_and_the_ladder_goes_on(engine: Engine) -> None:
    life = Life(engine)
    assert life.live(1, 3) == ["3: first_reminder by sms"]
    with transaction(engine) as session:
        start_hold(
            session, life.case(session), HoldKind.VULNERABLE, "a death in the family", day(14),
            by=Actor.user("ann"), today=day(4), now=builders.at(day(4)),
        )  # fmt: skip
    left = life.live(4, 12)
    assert left == [], "while somebody looks into it nobody reminds"
    waited = life.recorded(ContactWaiting.KIND)
    assert waited, "and that the reminder waits is on record, with the rule"
    assert "house.holds" in {reason["rule"] for event in waited for reason in event["reasons"]}

    left = life.live(13, 15)
    with transaction(engine) as session:
        hold = session.scalars(select(CaseHold)).one()
        assert (hold.ended_by, hold.ended_at is not None) == ("system", True)
    [ended] = life.recorded(HoldEnded.KIND)
    assert ended["kind"] == HoldEnded.KIND
    assert left == ["13: first_reminder by email"], "the step that waited is taken, on the day the hold ends"
    assert life.live(16, 24) == []
    life.prove()


def test_a_dispute_holds_until_a_person_ends_it_and_no_step_is_lost(engine: Engine) -> None:
    """Its review date passes and nothing leaves; the receipt is sent on day 13, and the ladder goes on."""
    life = Life(engine)
    assert life.live(1, 3) == ["3: first_reminder by sms"]
    with transaction(engine) as session:
        start_hold(
            session, life.case(session), HoldKind.DISPUTE, "not her purchase", day(8),
            by=Actor.user("ann"), today=day(4), now=builders.at(day(4)),
        )  # fmt: skip
    assert life.live(4, 12) == [], "nothing leaves, on its review date neither"
    assert [due["kind"] for due in life.recorded(HoldReviewDue.KIND)] == [HoldReviewDue.KIND]
    with transaction(engine) as session:
        hold = session.scalars(select(CaseHold)).one()
        close_hold(session, hold, "receipt sent", "Ann Lee", by=Actor.user("ann"), now=builders.at(day(13)))
    assert life.live(13, 15) == ["13: first_reminder by email"]
    life.prove()


def test_a_payment_after_the_night_keeps_the_morning_quiet(engine: Engine) -> None:
    life = Life(engine)
    for n in (1, 2, 3):
        life.close(n)
    assert [m.status for m in builders.messages(engine)] == [OutboxStatus.QUEUED]
    life.pays(5_000, 4)  # at the counter at nine; the SMS would have left at ten
    assert life.morning_after(3) == []
    [message] = builders.messages(engine)
    assert message.status is OutboxStatus.WITHHELD
    [withheld] = life.recorded(ContactWithheld.KIND)
    assert withheld["reason"] == "a payment came since it was written"
    assert life.recorded(ContactSent.KIND) == []


def test_a_promise_made_after_the_night_keeps_the_morning_quiet(engine: Engine) -> None:
    life = Life(engine)
    for n in (1, 2, 3):
        life.close(n)
    with transaction(engine) as session:
        told = {"by": "user:ann", "today": day(4), "now": builders.at(day(4), 9)}
        promise_to_pay(session, life.case(session), 5_000, day(8), **told)
    assert life.morning_after(3) == []
    assert "promise" in life.recorded(ContactWithheld.KIND)[0]["reason"]


def test_a_part_payment_that_leaves_the_oldest_due_does_not_restart_the_ladder(sqlite_engine: Engine) -> None:
    life = Life(sqlite_engine)
    assert life.live(1, 5) == ["3: first_reminder by sms"]
    life.pays(1_000, 6)
    assert life.live(6, 9) == ["9: first_reminder by email"]
    assert life.provider.keys == sorted(set(life.provider.keys), key=life.provider.keys.index)


def test_who_misses_a_second_minimum_after_curing_gets_a_new_case(sqlite_engine: Engine) -> None:
    life = Life(sqlite_engine)
    life.live(1, 4)
    life.pays(5_000, 5)
    life.live(5, 20)
    with transaction(sqlite_engine) as session:
        card = session.get_one(Account, life.card.id)
        builders.statement(session, card, day(21), day(31), 4_000)
    left = life.live(21, 34)
    assert left == ["34: first_reminder by sms"]
    opened = life.recorded(CaseOpened.KIND)
    assert [o["past_due_minor"] for o in opened] == [5_000, 4_000]
    life.prove()


def test_every_night_has_the_next_step_up_to_the_legal_team(sqlite_engine: Engine) -> None:
    """Nobody reacts: the whole ladder, each step once, at the day the strategy says."""
    life = Life(sqlite_engine)
    left = life.live(1, 95)
    assert left == [
        "3: first_reminder by sms", "9: first_reminder by email", "25: second_reminder by post",
        "33: second_reminder by sms", "34: second_reminder by email",
        "60: second_reminder by post", "61: second_reminder by email",
    ]  # fmt: skip
    with transaction(sqlite_engine) as session:
        assert calls(session) == ["first-call", "second-call", "late-call"]
    assert len(life.recorded(ReferralNominated.KIND)) == 1
    life.prove()


# --- the calendar ---------------------------------------------------------------------------------


def test_running_a_day_again_changes_nothing(engine: Engine) -> None:
    life = Life(engine)
    life.live(1, 3)
    events, rows = life.recorded(), builders.messages(engine)
    [report] = builders.close_day(engine, day(3))
    assert report.already_done
    assert [s["name"] for s in report.stages] == list(STAGES)
    assert life.recorded() == events
    assert builders.messages(engine) == rows


def test_an_earlier_day_is_refused_by_name(engine: Engine) -> None:
    life = Life(engine)
    life.close(3)
    with pytest.raises(Conflict, match=r"closed 2026-03-13\. 2026-03-12"):
        life.close(2)


def test_missed_nights_are_caught_up_in_order(engine: Engine) -> None:
    """The machine was off for four nights: each day is closed as itself, and old reminders are not sent in a heap."""
    life = Life(engine)
    life.close(0)
    reports = builders.close_day(engine, day(5))
    assert [r.business_date for r in reports] == [day(n) for n in range(1, 6)]
    assert not any(r.already_done for r in reports)
    [opened] = life.recorded(CaseOpened.KIND)
    assert opened["on"] == day(1).isoformat()
    assert opened["at"] == builders.night_after(day(1)), "dated into its own night"
    assert life.morning_after(5) == ["first_reminder by sms"]
    with transaction(engine) as session:
        runs = session.scalars(select(DailyRun).order_by(col(DailyRun.business_date))).all()
        assert all(run.finished_at is not None for run in runs)
        assert len(runs) == 6


def test_reminders_of_a_week_ago_are_withheld_not_sent(engine: Engine) -> None:
    life = Life(engine)
    life.close(0)
    builders.close_day(engine, day(12))
    assert life.morning_after(12) == []
    messages = builders.messages(engine)
    assert [(m.destination.value, m.status) for m in messages] == [
        ("sms", OutboxStatus.WITHHELD),
        ("email", OutboxStatus.WITHHELD),
    ]
    assert all("too long ago" in m.error for m in messages)
    assert life.live(13, 26) == ["25: first_reminder by post"], (
        "the ladder goes on from where it stands, and begins with the first letter: none was sent"
    )


def test_a_back_dated_payment_restates_the_days_it_touches_and_keeps_both_figures(engine: Engine) -> None:
    life = Life(engine)
    life.live(0, 4)

    def figures(session: Session, on: date) -> tuple[int, int]:
        book = get_portfolio(session, builders.BOOK)
        rows = {r.kpi: r for r in snapshots(session, id_of(book), on, on)}
        row = rows["overdue_rate_accounts_1"]
        return row.numerator, row.denominator

    with transaction(engine) as session:
        assert [figures(session, day(n)) for n in (0, 1, 4)] == [(0, 1), (1, 1), (1, 1)]
    life.pays(5_000, 0, posted=5)  # paid on the due date at the branch; the file comes on day 5
    life.close(5)
    with transaction(engine) as session:
        assert [figures(session, day(n)) for n in (0, 1, 4, 5)] == [(0, 1), (0, 1), (0, 1), (0, 1)]
        kept = session.scalars(
            select(KpiSnapshot)
            .where(
                KpiSnapshot.kpi == "overdue_rate_accounts_1",
                KpiSnapshot.business_date == day(1),
                KpiSnapshot.dimension == "",
            )
            .order_by(col(KpiSnapshot.version))
        ).all()
        assert [(row.version, row.numerator) for row in kept] == [(1, 1), (2, 0)]
        rolled = month_roll_forward(session, id_of(get_portfolio(session, builders.BOOK)), day(5))
        assert rolled.closes
        assert rolled.end == 0
    with transaction(engine) as session:
        assert life.case(session).outcome is CaseOutcome.CURED
    life.prove()


def test_a_bounced_payment_brings_the_case_back(engine: Engine) -> None:
    life = Life(engine)
    life.pays(5_000, 0)
    life.live(0, 4)
    assert builders.count(engine, CollectionsCase) == 0
    with transaction(engine) as session:
        paid = session.scalars(select(Entry).where(Entry.kind == "payment")).one()
        reverse_entry(
            session, paid, reason="R01", posted_on=day(5), by=Actor.user("ann"), now=builders.at(day(5))
        )
    assert life.live(5, 6) == ["5: first_reminder by sms"]
    [opened] = life.recorded(CaseOpened.KIND)
    assert opened["oldest_due_on"] == DUE.isoformat()
    with transaction(engine) as session:
        restated = session.scalar(
            select(sa.func.count()).select_from(KpiSnapshot).where(col(KpiSnapshot.version) > 1)
        )
        assert restated, "the days in which it seemed paid read differently now"
    life.prove()


def test_two_accounts_of_one_customer_are_one_case_and_one_message(engine: Engine) -> None:
    life = Life(engine)
    with transaction(engine) as session:
        holder = session.get_one(Customer, life.card.customer_id)
        second = builders.account(session, holder)
        builders.entry(session, second, EntryKind.PURCHASE, 60_000, day(-40))
        builders.statement(session, second, day(-18), day(1), 7_000)
    left = life.live(1, 5)
    assert left == ["3: first_reminder by sms"]
    with transaction(engine) as session:
        assert life.case(session).past_due_minor == 12_000
        assert session.scalars(select(OutboxMessage)).one().past_due_minor == 12_000
    assert "120.00" in life.provider.sent[0].text
