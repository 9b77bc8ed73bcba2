"""A strategy's life: shipped, edited, put live, rolled back, tried on some; and what the night does by it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.events import CallTaskCreated
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import record_call
from app.casework.holds.service import start_hold
from app.casework.results.rules import CallResult
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind
from app.outreach.gate.consent import set_consent
from app.outreach.gate.events import ContactCleared
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.strategy import ladders, service
from app.outreach.strategy.conditions import CaseFacts, Moment
from app.outreach.strategy.due_steps import ask_strategy, cases_to_contact
from app.outreach.strategy.events import ExperimentEnded, StrategyLive, StrategySaved, TaskCreated, TaskDone
from app.outreach.strategy.experiments import Arm, arm_of
from app.outreach.strategy.facts import gather_case_facts
from app.outreach.strategy.file.problems import BadStrategy
from app.outreach.strategy.ladders import load_ladders
from app.outreach.strategy.models import Participant, StrategyTask, StrategyVersion
from app.outreach.strategy.queries import live_history, open_tasks
from app.outreach.strategy.service import put_live, rollback, save_version, start_experiment
from app.outreach.strategy.tasks import finish_task
from app.reporting.experiments.queries import compare_arms
from tests import builders
from tests.builders import NOW

ON = date(2026, 3, 20)
LETTERS = builders.catalog().letters
LATE_SMS = """name = "Patient"
[[steps]]
id = "late-sms"
day = 5
action = "message"
letter = "first_reminder"
channels = ["sms"]
"""


def save(session: Session, book: Portfolio, text: str = LATE_SMS, code: str = "standard") -> StrategyVersion:
    return save_version(session, book, code, text, LETTERS, "why", by=Actor.user("mei"), now=NOW)


def live(session: Session, book: Portfolio, text: str) -> StrategyVersion:
    version = save(session, book, text)
    put_live(session, book, version, LETTERS, by=Actor.user("mei"), now=NOW)
    return version


def asked(session: Session, book: Portfolio) -> dict[int, str]:
    """case id -> the step that is due on ON."""
    found = ask_strategy(session, book, cases_to_contact(session, id_of(book), ON), on=ON)
    return {each.case_id: getattr(getattr(each.answer, "step", None), "id", "") for each in found}


# --- versions -----------------------------------------------------------------------------------------------


def test_a_portfolio_goes_by_the_shipped_strategy_until_somebody_saves_one(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        shipped = load_ladders(session, book)
        assert shipped.live.ref.startswith("standard@shipped:")
        assert not session.scalars(select(StrategyVersion)).all()
        second = save(session, book)
        assert second.ref == "standard@2"
        first = service.version_named(session, book, "standard@1")
        assert (first.by, first.note) == ("system", "as shipped")
        assert first.sha256.startswith(shipped.live.ref.rpartition(":")[2]), "the very text it went by"
        assert load_ladders(session, book).live.ref == "standard@1", "saving changes nothing"
        saved = builders.events(session, StrategySaved.KIND)
        assert [(e["strategy"], e["by"]) for e in saved] == [
            ("standard@1", "system"), ("standard@2", "user:mei"),
        ]  # fmt: skip
        assert save(session, book).id == second.id, "the same text is the same version"


def test_what_is_live_is_rolled_back_in_one_go_and_every_change_is_on_record(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        with pytest.raises(Conflict):
            rollback(session, book, by=Actor.user("mei"), now=NOW)
        second = live(session, book, LATE_SMS)
        third = save(session, book, LATE_SMS.replace("day = 5", "day = 7"), code="patient")
        put_live(session, book, third, LETTERS, by=Actor.user("mei"), now=NOW)
        assert (third.ref, load_ladders(session, book).live.ref) == ("patient@1", "patient@1")
        with pytest.raises(Conflict):
            put_live(session, book, third, LETTERS, by=Actor.user("mei"), now=NOW)
        assert rollback(session, book, by=Actor.user("mei"), now=NOW).id == second.id
        assert rollback(session, book, by=Actor.user("mei"), now=NOW).ref == "standard@1"
        with pytest.raises(Conflict):
            rollback(session, book, by=Actor.user("mei"), now=NOW)
        went = [
            (e["strategy"], e["replaces"], e["rollback"]) for e in builders.events(session, StrategyLive.KIND)
        ]
        assert went == [
            ("standard@1", None, False),
            ("standard@2", "standard@1", False),
            ("patient@1", "standard@2", False),
            ("standard@2", "patient@1", True),
            ("standard@1", "standard@2", True),
        ]
        assert [version.ref for _, version in live_history(session, id_of(book))] == [
            went[0] for went in reversed(went)
        ]
        assert session.get_one(Portfolio, book.id).strategy == "standard"


def test_a_version_cannot_be_changed_afterwards(engine: Engine) -> None:
    with transaction(engine) as session:
        save(session, builders.portfolio(session))
    for statement in ("UPDATE strategy_version SET text = ''", "DELETE FROM strategy_version"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"first_reminder"', '"poem"', "letter: There is no letter 'poem'. Known are"),
        ('["sms"]', '["sms", "post"]', "has no form for post"),
        ("day = 5", 'day = 5\npurpose = "notice"', "purpose: Letter 'first_reminder' is a reminder"),
    ],
)
def test_a_step_without_its_letter_is_refused_where_it_is_saved(
    sqlite_engine: Engine, old: str, new: str, says: str
) -> None:
    with transaction(sqlite_engine) as session:
        book = builders.portfolio(session)
        if "post" in new and "post" in LETTERS["first_reminder"].channels:
            new = '["sms", "sms"]'
            says = "names one twice"
        with pytest.raises(BadStrategy, match=says) as bad:
            save(session, book, LATE_SMS.replace(old, new))
        assert bad.value.problems[0].line == 2


def test_codes_notes_and_refs_that_are_not_right_are_refused(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        book = builders.portfolio(session)
        with pytest.raises(Invalid, match="small letters"):
            save(session, book, code="My strategy")
        with pytest.raises(Invalid, match="card number"):
            save_version(
                session, book, "a", LATE_SMS, LETTERS, "4111 1111 1111 1111", by=Actor.user("mei"), now=NOW
            )
        with pytest.raises(NotFound, match="standard@9"):
            service.version_named(session, book, "standard@9")


# --- what the night does by it ------------------------------------------------------------------------------


def test_the_night_goes_by_the_live_version_and_names_it_on_record(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        builders.late_customer(session, book, due_on=ON - timedelta(days=4))
        live(session, book, LATE_SMS)
    builders.close_day(engine, ON)
    assert builders.messages(engine) == [], "the shipped strategy would have written on day 3"
    builders.close_day(engine, ON + timedelta(days=1))
    [message] = builders.messages(engine)
    assert builders.step_of(engine, message).step == "late-sms"
    with transaction(engine) as session:
        [cleared] = builders.events(session, ContactCleared.KIND)
        assert cleared["strategy"] == "standard@2"
        assert "segment" not in cleared


SEGMENTS = """
[[segments]]
id = "known"
condition = { first_time = false }
[[segments.steps]]
id = "known-call"
day = 4
action = "call"

[[segments]]
id = "gold"
condition = { product = "Gold card", past_due = { at_least = "100.00" }, reachable = "email" }
[[segments.steps]]
id = "gold-task"
day = 4
action = "task"
task = "Ask the relationship manager to ring"

[[steps]]
id = "plain"
day = 4
action = "message"
letter = "first_reminder"
channels = ["email"]
"""


def test_each_case_goes_by_its_segments_ladder(engine: Engine) -> None:
    with transaction(engine) as session:
        plain = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)
        gold = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON, minimum=10_000)
        known = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON, minimum=10_000)
        session.add(
            CollectionsCase(
                portfolio_id=known.portfolio_id, customer_id=known.customer_id, opened_on=date(2025, 1, 1),
                closed_on=date(2025, 2, 1), status="closed", outcome="cured",
            )
        )  # fmt: skip
        silent = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON, minimum=10_000)
        who = session.get_one(Customer, silent.customer_id)
        set_consent(session, who, Channel.EMAIL, allowed=False, source="phone", by=Actor.user("ann"), now=NOW)
        book = get_portfolio(session, builders.BOOK)
        live(session, book, SEGMENTS)
        session.flush()
        expected = {
            plain.id: "plain", gold.id: "gold-task", known.id: "known-call", silent.id: "plain",
        }  # fmt: skip
        assert asked(session, book) == expected
    builders.close_day(engine, ON)
    with transaction(engine) as session:
        [task] = open_tasks(session, id_of(gold))
        assert task.text == "Ask the relationship manager to ring"
        [made] = builders.events(session, TaskCreated.KIND)
        assert (made["strategy"], made["task"]) == ("standard@2", task.text)
        finish_task(session, task, gold.customer_id, by=Actor.user("ann"), now=NOW)
        with pytest.raises(Conflict):
            finish_task(session, task, gold.customer_id, by=Actor.user("ann"), now=NOW)
        assert builders.events(session, TaskDone.KIND)[0]["by"] == "user:ann"
        cleared = builders.events(session, ContactCleared.KIND)
        assert {e.get("segment") for e in cleared} == {"known", None}
    builders.close_day(engine, ON + timedelta(days=1))
    assert builders.count(engine, StrategyTask) == 1, "a step is taken once"


def test_a_task_is_done_by_a_person_or_ends_with_its_case(engine: Engine) -> None:
    with transaction(engine) as session:
        live(session, builders.portfolio(session), SEGMENTS)
        book = get_portfolio(session, builders.BOOK)
        paying, owing = (
            builders.late_customer(session, book, due_on=ON - timedelta(days=4), minimum=10_000)
            for _ in range(2)
        )
    builders.close_day(engine, ON)
    assert builders.count(engine, StrategyTask, col(StrategyTask.done_at).is_(None)) == 2
    with transaction(engine) as session:
        builders.payment(session, paying, 10_000, ON + timedelta(days=1))
    builders.close_day(engine, ON + timedelta(days=1))
    with transaction(engine) as session:
        by = dict(
            session.execute(
                sa.select(CollectionsCase.customer_id, StrategyTask.done_by).join(
                    StrategyTask, StrategyTask.case_id == CollectionsCase.id
                )
            ).all()
        )
    assert by == {paying.customer_id: "system", owing.customer_id: ""}


WAITING = """
[stop]
holds = ["complaint"]
paid = { at_least = 50, within_days = 7 }
[[steps]]
id = "letter"
day = 4
action = "message"
letter = "second_reminder"
channels = ["post"]
[[steps]]
id = "ring"
day = 5
action = "call"
wait_for = { step = "letter", days = 3, moment = "delivered" }
condition = { broken_promises = { at_most = 1 }, risk = "low" }
"""


def test_a_step_waits_until_the_letter_before_it_was_handed_over(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        builders.late_customer(session, book, due_on=ON - timedelta(days=4))
        live(session, book, WAITING)
    builders.close_day(engine, ON)
    builders.close_day(engine, ON + timedelta(days=1))
    builders.deliver(engine, builders.at(ON + timedelta(days=2)))
    [letter] = builders.messages(engine)
    assert letter.status is OutboxStatus.SENT
    days = []
    for n in range(2, 7):
        builders.close_day(engine, ON + timedelta(days=n))
        with transaction(engine) as session:
            days.append(len(builders.events(session, CallTaskCreated.KIND)))
    assert days == [0, 0, 1, 1, 1], "handed over on day 2, so the call is made on day 5: planned in night 4"


def test_facts_are_gathered_as_far_as_they_are_asked_for(engine: Engine) -> None:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=40), on=ON, broken_promises=2)
        card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
        builders.payment(session, card, 1_000, ON - timedelta(days=3))
        start_hold(
            session,
            case,
            HoldKind.DISPUTE,
            "not hers",
            ON + timedelta(days=9),
            by=Actor.user("ann"),
            today=ON,
            now=NOW,
        )
        message = builders.queued_message(session, case, on=ON - timedelta(days=9), step="letter")
        message.status, message.finished_at = OutboxStatus.DELIVERED, builders.at(ON - timedelta(days=7))
        message.created_at = builders.at(ON - timedelta(days=8))
        record_call(
            session,
            case,
            CallResult.RIGHT_PARTY,
            "",
            by=Actor.user("ann"),
            now=builders.at(ON - timedelta(days=2)),
        )
        who = session.get_one(Customer, case.customer_id)
        for channel in (Channel.SMS, Channel.POST):
            set_consent(session, who, channel, allowed=True, source="form", by=Actor.user("ann"), now=NOW)
        who.mobile = ""  # the consent for it is none any more
        book = get_portfolio(session, builders.BOOK)
        everything = """
[stop]
holds = ["complaint"]
paid = { at_least = 50, within_days = 30 }
[[steps]]
id = "letter"
day = 400
action = "call"
condition = { accounts = 1, used_percent = 9, earlier_cases = 0, consented = "post", reachable = "sms" }
[[steps]]
id = "b"
day = 500
action = "call"
wait_for = { step = "letter", days = 1 }
"""
        live(session, book, everything)
        session.flush()
        facts = gather_case_facts(session, book, load_ladders(session, book), [id_of(case)], on=ON)[
            id_of(case)
        ]
        assert facts == CaseFacts(
            days_past_due=40, bucket="30-59", past_due=5_000, balance=100_000, accounts=1,
            product=frozenset({"Gold card"}), language="en", country="CN", region="", risk="medium",
            used_percent=10, first_time=True, earlier_cases=0, broken_promises=2,
            reachable=frozenset({"email", "post"}), consented=frozenset({"post"}), holds=frozenset({"dispute"}),
            paid=((ON - timedelta(days=3), 1_000),),
            moments={
                ("letter", Moment.TAKEN): ON - timedelta(days=8),
                ("letter", Moment.DELIVERED): ON - timedelta(days=7),
                ("letter", Moment.REPLIED): ON - timedelta(days=2),
            },
        )  # fmt: skip


# --- champion against challenger ----------------------------------------------------------------------------


def test_an_experiment_draws_each_customer_once_and_ends_with_its_champion(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        cards = [builders.late_customer(session, book, due_on=ON - timedelta(days=5)) for _ in range(12)]
        champion = live(session, book, LATE_SMS)
        challenger = save(session, book, LATE_SMS.replace("late-sms", "other-sms"))
        with pytest.raises(Invalid, match="other than the live one"):
            start_experiment(session, book, champion, 50, LETTERS, by=Actor.user("mei"), now=NOW)
        with pytest.raises(Invalid, match="between 1 and 99"):
            start_experiment(session, book, challenger, 100, LETTERS, by=Actor.user("mei"), now=NOW)
        running = start_experiment(session, book, challenger, 50, LETTERS, by=Actor.user("mei"), now=NOW)
        with pytest.raises(Conflict):
            start_experiment(session, book, challenger, 50, LETTERS, by=Actor.user("mei"), now=NOW)
    builders.close_day(engine, ON)
    steps = {m.customer_id: builders.step_of(engine, m).step for m in builders.messages(engine)}
    with transaction(engine) as session:
        people = {p.customer_id: p for p in session.scalars(select(Participant))}
        assert len(people) == 12
        for card in cards:
            person = people[card.customer_id]
            assert person.arm is arm_of(id_of(running), card.customer_id, 50)
            assert steps[card.customer_id] == ("other-sms" if person.arm is Arm.CHALLENGER else "late-sms")
            assert (person.since, person.past_due_minor) == (ON, 5_000)
        refs = {e["strategy"] for e in builders.events(session, ContactCleared.KIND)}
        assert refs == {champion.ref, challenger.ref} or len({p.arm for p in people.values()}) == 1
        book = get_portfolio(session, builders.BOOK)
        rollback(session, book, by=Actor.user("mei"), now=NOW)
        assert ladders.running_experiment(session, id_of(book)) is None
        assert len(builders.events(session, ExperimentEnded.KIND)) == 1


def test_results_count_thirty_days_from_joining_by_the_arm_that_was_drawn(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        cards = [builders.late_customer(session, book, due_on=ON - timedelta(days=5)) for _ in range(8)]
        live(session, book, LATE_SMS)
        challenger = save(session, book, LATE_SMS.replace("late-sms", "other-sms"))
        experiment = start_experiment(session, book, challenger, 50, LETTERS, by=Actor.user("mei"), now=NOW)
    builders.close_day(engine, ON)
    with transaction(engine) as session:
        arms = {p.customer_id: p.arm for p in session.scalars(select(Participant))}
        cards = [session.merge(card) for card in cards]
        builders.payment(session, cards[0], 5_000, ON + timedelta(days=30))  # in time
        builders.payment(session, cards[1], 5_000, ON + timedelta(days=31))  # too late
        builders.payment(session, cards[2], 1_000, ON)  # before they joined
        # As the nights would have left them.
        for card, days in ((cards[0], 30), (cards[1], 31)):
            case = session.scalars(
                select(CollectionsCase).where(CollectionsCase.customer_id == card.customer_id)
            ).one()
            case.status, case.outcome, case.closed_on = "closed", "cured", ON + timedelta(days=days)
    with transaction(engine) as session:
        early = compare_arms(session, experiment, ON + timedelta(days=29))
        assert (early.champion.cases, early.challenger.cases) == (0, 0)
        result = compare_arms(session, experiment, ON + timedelta(days=30))
        assert result.verdict.value == "not_enough"
        by_arm = {Arm.CHAMPION: result.champion, Arm.CHALLENGER: result.challenger}
        for arm, found in by_arm.items():
            members = [c for c, a in arms.items() if a is arm]
            good = cards[0].customer_id in members
            assert (found.joined, found.cases) == (len(members), len(members))
            assert (found.cured.y, found.recovered.y) == ((1, 5_000) if good else (0, 0))


def test_only_open_cases_that_are_asked_take_part(engine: Engine) -> None:
    with transaction(engine) as session:
        later = builders.delinquent_case(
            session, due_on=ON - timedelta(days=5), on=ON, next_contact_on=ON + timedelta(days=1)
        )
        book = get_portfolio(session, builders.BOOK)
        live(session, book, LATE_SMS)
        challenger = save(session, book, LATE_SMS.replace("late-sms", "other-sms"))
        start_experiment(session, book, challenger, 50, LETTERS, by=Actor.user("mei"), now=NOW)
        session.refresh(later)
        later.next_contact_on = ON + timedelta(days=1)
        session.flush()
        assert asked(session, book) == {}
        assert session.scalar(sa.select(sa.func.count()).select_from(Participant)) == 0
        later.next_contact_on = ON
        session.flush()
        assert len(asked(session, book)) == 1
        assert len(asked(session, book)) == 1
        assert session.scalar(select(col(Participant.case_id))) == later.id
