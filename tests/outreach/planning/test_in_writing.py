"""What an agreement brings is had in writing: by post where neither an e-mail nor an SMS may tell it, and once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.agreements import agree, cancel_agreement, offer, promise
from app.actions.disputes.deciding import decide_dispute
from app.actions.disputes.opening import open_dispute
from app.actions.plans.instalments import move_instalment, skip_instalment
from app.adapters.print.batch import PrintPress
from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.disputes.rules import Disputed, DisputeDecision, DisputeKind, DisputeOutcome, ReceivedAs
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.service import cancel
from app.casework.plans.terms import AgreementTerms
from app.core.actor import SYSTEM, Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.outreach.delivery.printing import print_due
from app.outreach.delivery.reports import note_status, resolve_unknown
from app.outreach.gate.consent import set_consent
from app.outreach.gate.suppression import suppress
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.fallback import fall_back_due
from app.outreach.planning.in_writing.rules import tells_all
from app.outreach.planning.models import DeferredLetter
from app.outreach.strategy.models import StrategyTask
from app.policy.answers import Clearance, Refusals, WaitUntil
from app.policy.facts import Suppression
from tests import builders
from tests.paths import ROOT

ON = date(2026, 3, 17)
"""A Tuesday."""
NOW = builders.at(ON)
DAY = timedelta(days=1)
BEN = Actor.user("ben")
LETTERS = builders.catalog()
MANAGER = Grantor(BEN, Role.MANAGER)
FIRST = ON + 10 * DAY
PLAN = AgreementTerms(
    PlanKind.INSTALMENTS, 60_000, FIRST, payments=6, cadence=Cadence.MONTHLY, skips_allowed=1
)
SETTLEMENT = AgreementTerms(PlanKind.SETTLEMENT, 60_000, FIRST)
S = OutboxStatus
Reach = Callable[[Session, Customer], None]


def none_on_file(_session: Session, customer: Customer) -> None:
    customer.mobile = customer.email = ""


def opted_out(session: Session, customer: Customer) -> None:
    for channel in (Channel.SMS, Channel.EMAIL):
        set_consent(session, customer, channel, allowed=False, source="STOP", by=SYSTEM, now=NOW)


def suppressed(session: Session, customer: Customer) -> None:
    for channel, address in ((Channel.SMS, customer.mobile), (Channel.EMAIL, customer.email)):
        suppress(session, channel, address, Suppression.BOUNCED, by=SYSTEM, now=NOW)


BY_POST_ONLY = [none_on_file, opted_out, suppressed]


def a_case(session: Session, reach: Reach | None = None, minimum: int = 50_000) -> CollectionsCase:
    """1,000.00 owed, half of it past due."""
    case = builders.delinquent_case(session, due_on=ON - 10 * DAY, on=ON, minimum=minimum)
    if reach is not None:
        reach(session, session.get_one(Customer, case.customer_id))
        session.flush()
    return case


def the_plan(session: Session) -> Plan:
    return session.scalars(select(Plan)).one()


def queued(engine: Engine) -> list[tuple[str, str]]:
    """Letter and channel of each message, in order."""
    return [(row.letter, row.destination.value) for row in builders.messages(engine)]


def fall_back(engine: Engine, at: datetime) -> int:
    return fall_back_due(engine, LETTERS, clock=FixedClock(at))


def opts_out(engine: Engine, *channels: Channel, at: datetime = NOW) -> None:
    with transaction(engine) as session:
        customer = session.scalars(select(Customer)).one()
        for channel in channels:
            set_consent(session, customer, channel, allowed=False, source="STOP", by=SYSTEM, now=at)


# --- the first time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reach", BY_POST_ONLY)
def test_who_is_reached_by_post_only_gets_every_letter_of_an_agreement_by_post(
    engine: Engine, reach: Reach
) -> None:
    with transaction(engine) as session:
        case = a_case(session, reach)
        offered = offer(session, case, PLAN, LETTERS, grantor=MANAGER, now=NOW)
        assert isinstance(offered.in_writing[Channel.POST], Clearance)
        made = agree(session, case, PLAN, LETTERS, grantor=MANAGER, now=NOW)
        assert [type(answer) for answer in made.confirmations.values()] == [Refusals, Refusals, Clearance]
    assert queued(engine) == [("plan_offer", "post"), ("plan_confirmation", "post")]
    [sent] = builders.deliver(engine, NOW + timedelta(hours=1)).sent
    assert sent.letter == "plan_confirmation", "the offer is none any more"
    assert "27 March 2026" in sent.text

    with transaction(engine) as session:
        plan = session.scalars(select(Plan).where(Plan.status == PlanStatus.ACTIVE)).one()
        moved = move_instalment(session, plan, 1, FIRST + 3 * DAY, LETTERS, by=BEN, now=NOW + DAY)
        skipped = skip_instalment(session, plan, 3, LETTERS, grantor=MANAGER, now=NOW + DAY)
        for each in (moved, skipped):
            answers = each.confirmations
            assert [type(answers[c]) for c in Channel if c in answers] == [Refusals, Refusals, Clearance]
    told = builders.deliver(engine, NOW + DAY + timedelta(hours=1)).sent
    assert [each.letter for each in told] == ["instalment_moved", "instalment_skipped"]
    assert {each.channel for each in told} == {Channel.POST}
    assert "30 March 2026" in told[0].text

    with transaction(engine) as session:
        plan = session.scalars(select(Plan).where(Plan.status == PlanStatus.ACTIVE)).one()
        answers = cancel_agreement(session, plan, "moved abroad", LETTERS, by=BEN, now=NOW + 2 * DAY)
        assert isinstance(answers[Channel.POST], Clearance)
    [over] = builders.deliver(engine, NOW + 2 * DAY + timedelta(hours=1)).sent
    assert (over.letter, over.channel) == ("plan_cancelled", Channel.POST)
    assert fall_back(engine, NOW + 3 * DAY) == 0


@pytest.mark.parametrize("reach", BY_POST_ONLY)
def test_a_broken_plan_and_a_case_that_is_paid_are_told_by_post_once(engine: Engine, reach: Reach) -> None:
    with transaction(engine) as session:
        case = a_case(session, reach)
        book = session.get_one(Portfolio, case.portfolio_id)
        book.remind_days = book.remind_post_days = book.remind_grace_days = 0
        promise(session, case, 50_000, ON + DAY, LETTERS, by=BEN, now=NOW)
    builders.deliver(engine, NOW + timedelta(hours=1))
    for days in range(8):
        builders.close_day(engine, ON + days * DAY)
        if ("plan_broken", "post") in queued(engine):
            break
    assert queued(engine) == [("promise_confirmation", "post"), ("plan_broken", "post")]
    builders.close_day(engine, ON + (days + 1) * DAY)
    at = builders.at(ON + (days + 2) * DAY)
    [broken] = builders.deliver(engine, at).sent
    assert broken.letter == "plan_broken"
    with transaction(engine) as session:
        card = session.scalars(select(Account)).one()
        builders.payment(session, card, 100_000, ON + (days + 2) * DAY)
    for more in (2, 3):
        builders.close_day(engine, ON + (days + more) * DAY)
    assert queued(engine)[2:] == [("paid_in_full", "post")]


@pytest.mark.parametrize(
    ("terms", "channels"),
    [(PLAN, {"sms", "post"}), (SETTLEMENT, {"sms", "post"}), (None, {"sms"})],
    ids=["plan", "settlement", "promise"],
)
def test_an_sms_tells_all_of_a_promise_and_a_plan_has_its_letter_beside_it(
    engine: Engine, terms: AgreementTerms | None, channels: set[str]
) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        session.get_one(Customer, case.customer_id).email = ""
        if terms is None:
            promise(session, case, 5_000, FIRST, LETTERS, by=BEN, now=NOW)
        else:
            agree(session, case, terms, LETTERS, grantor=MANAGER, now=NOW)
    assert {channel for _, channel in queued(engine)} == channels


def test_who_may_be_written_to_by_e_mail_gets_no_letter_beside_it(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        agree(session, case, PLAN, LETTERS, grantor=MANAGER, now=NOW)
    assert queued(engine) == [("plan_confirmation", "sms"), ("plan_confirmation", "email")]


def test_where_nothing_may_go_every_channel_says_why(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, none_on_file)
        session.get_one(Customer, case.customer_id).address_line1 = ""
        made = agree(session, case, PLAN, LETTERS, grantor=MANAGER, now=NOW)
        why = {
            channel: [reason.detail for reason in answer.reasons]
            for channel, answer in made.confirmations.items()
            if isinstance(answer, Refusals)
        }
    assert why == {
        channel: [f"no address on file for {channel}"]
        for channel in (Channel.SMS, Channel.EMAIL, Channel.POST)
    }
    assert queued(engine) == []


@pytest.mark.parametrize(
    ("step", "kind", "short"),
    [
        ("plan-confirmation", PlanKind.PROMISE, True),
        ("plan-confirmation", PlanKind.INSTALMENTS, False),
        ("plan-confirmation", PlanKind.SETTLEMENT, False),
        ("instalment-moved", PlanKind.INSTALMENTS, True),
        ("instalment-skipped", PlanKind.HARDSHIP, True),
        ("plan-cancelled", PlanKind.INSTALMENTS, True),
        ("plan-broken", PlanKind.INSTALMENTS, False),
        ("plan-offer", PlanKind.SETTLEMENT, False),
        ("case-closed", None, False),
    ],
)
def test_the_steps_of_which_an_sms_tells_everything(step: str, kind: PlanKind | None, short: bool) -> None:
    assert (Channel.SMS in tells_all(step, kind)) is short


# --- a wait -------------------------------------------------------------------------------------------------

NO_WEEKENDS = """[[rules]]
id = "house.weekdays"
kind = "hours"
channels = ["sms", "email", "post"]
open = [{ weekdays = ["mon", "tue", "wed", "thu", "fri"], from = "09:00", to = "19:00" }]
force = "operator choice"
citation = "house rule"
source = "house rule"
verified = true
"""
FRIDAY = date(2026, 3, 20)


@pytest.mark.parametrize("stopped", [(), (Channel.EMAIL,), (Channel.SMS, Channel.EMAIL)])
@pytest.mark.parametrize("kind", [PlanKind.PROMISE, PlanKind.INSTALMENTS])
def test_what_waits_over_a_weekend_goes_by_post_if_nothing_else_may_by_then(
    engine: Engine, kind: PlanKind, stopped: tuple[Channel, ...]
) -> None:
    at = builders.at(FRIDAY, 22)
    with transaction(engine) as session:
        builders.portfolio(session, tightening=NO_WEEKENDS)
        case = builders.delinquent_case(session, due_on=FRIDAY - 10 * DAY, on=FRIDAY, minimum=50_000)
        if kind is PlanKind.PROMISE:
            made = promise(session, case, 5_000, FRIDAY + 12 * DAY, LETTERS, by=BEN, now=at)
        else:
            made = agree(session, case, PLAN, LETTERS, grantor=MANAGER, now=at)
        assert [type(answer) for answer in made.confirmations.values()] == [WaitUntil, WaitUntil]
    opts_out(engine, *stopped)
    for days in range(4):
        builders.close_day(engine, FRIDAY + days * DAY)
    told = {channel for letter, channel in queued(engine) if letter.endswith("_confirmation")}
    open_to = {"sms", "email"} - {channel.value for channel in stopped}
    has_all = "email" in open_to or (kind is PlanKind.PROMISE and "sms" in open_to)
    assert told == open_to | (set() if has_all else {"post"})
    assert builders.count(engine, DeferredLetter) == 0


# --- what does not arrive -----------------------------------------------------------------------------------


def confirmed(engine: Engine, terms: AgreementTerms = PLAN) -> None:
    with transaction(engine) as session:
        agree(session, a_case(session), terms, LETTERS, grantor=MANAGER, now=NOW)


def by_channel(engine: Engine) -> dict[str, OutboxStatus]:
    return {row.destination.value: row.status for row in builders.messages(engine)}


def bounces(engine: Engine, channel: str = "email", at: datetime = NOW + DAY) -> None:
    [row] = [row for row in builders.messages(engine) if row.destination.value == channel]
    with transaction(engine) as session:
        assert note_status(session, S.BOUNCED, "5.1.1", attempt_id=row.attempt_id, now=at)


def test_an_e_mail_that_the_gate_stops_as_it_leaves_goes_by_post_once(engine: Engine) -> None:
    confirmed(engine)
    opts_out(engine, Channel.EMAIL)
    builders.deliver(engine, NOW + timedelta(hours=1))
    assert by_channel(engine) == {"sms": S.SENT, "email": S.WITHHELD}
    assert (fall_back(engine, NOW + timedelta(hours=2)), fall_back(engine, NOW + DAY)) == (1, 0)
    [letter] = builders.deliver(engine, NOW + timedelta(hours=3)).sent
    assert (letter.letter, letter.channel) == ("plan_confirmation", Channel.POST)
    assert "27 March 2026" in letter.text


def test_an_e_mail_that_comes_back_goes_by_post_with_the_dates_of_then(engine: Engine) -> None:
    confirmed(engine)
    builders.deliver(engine, NOW + timedelta(hours=1))
    with transaction(engine) as session:
        move_instalment(session, the_plan(session), 1, FIRST + 3 * DAY, LETTERS, by=BEN, now=NOW + DAY)
    builders.deliver(engine, NOW + DAY)
    [mail] = [row for row in builders.messages(engine) if row.letter == "plan_confirmation"][1:]
    with transaction(engine) as session:
        note_status(session, S.BOUNCED, "5.1.1", attempt_id=mail.attempt_id, now=NOW + 2 * DAY)
    assert fall_back(engine, NOW + 2 * DAY) == 1
    assert fall_back(engine, NOW + 3 * DAY) == 0
    [letter] = builders.deliver(engine, NOW + 2 * DAY + timedelta(hours=1)).sent
    assert (letter.letter, letter.channel) == ("plan_confirmation", Channel.POST)
    assert "30 March 2026" in letter.text
    assert "27 March 2026" not in letter.text


@pytest.mark.parametrize("over", ["cancelled", "told by the other one", "settled"])
def test_nothing_takes_its_place_where_it_is_over_or_told(engine: Engine, over: str) -> None:
    if over == "told by the other one":
        with transaction(engine) as session:
            promise(session, a_case(session), 5_000, FIRST, LETTERS, by=BEN, now=NOW)
    else:
        confirmed(engine)
    builders.deliver(engine, NOW + timedelta(hours=1))
    if over == "cancelled":
        with transaction(engine) as session:
            cancel(session, the_plan(session), "cannot", by=BEN, today=ON, now=NOW)
    if over == "settled":
        with transaction(engine) as session:
            builders.payment(session, session.scalars(select(Account)).one(), 100_000, ON)
        builders.close_day(engine, ON)
    before = len(builders.messages(engine))
    with transaction(engine) as session:
        [mail] = session.scalars(
            select(OutboxMessage).where(
                OutboxMessage.subject != "", OutboxMessage.letter.endswith("_confirmation")
            )
        )
        assert note_status(session, S.BOUNCED, "5.1.1", attempt_id=mail.attempt_id, now=NOW + DAY)
    assert fall_back(engine, NOW + DAY) == 0
    assert len(builders.messages(engine)) == before


def test_one_that_a_person_finds_was_never_sent_goes_by_post(engine: Engine) -> None:
    confirmed(engine)
    with transaction(engine) as session:
        row = session.scalars(select(OutboxMessage).where(OutboxMessage.subject != "")).one()
        row.status = S.UNKNOWN
        session.flush()
        resolve_unknown(session, row, was_sent=False, by=BEN, now=NOW)
    assert fall_back(engine, NOW) == 1
    assert by_channel(engine)["post"] is S.QUEUED


def test_where_post_may_not_go_either_a_person_has_the_task(engine: Engine) -> None:
    confirmed(engine)
    builders.deliver(engine, NOW + timedelta(hours=1))
    opts_out(engine, Channel.POST)
    bounces(engine)
    assert fall_back(engine, NOW + DAY) == 0
    assert fall_back(engine, NOW + 2 * DAY) == 0
    with transaction(engine) as session:
        [task] = session.scalars(select(StrategyTask))
        assert (
            task.text == "Plan confirmation was not sent: 5.1.1. Write it again, if it still has to be said."
        )


@pytest.mark.parametrize("letter", ["offer", "moved", "broken", "closed"])
def test_each_other_letter_that_comes_back_goes_by_post_with_its_figures(engine: Engine, letter: str) -> None:
    at = NOW + 3 * DAY
    with transaction(engine) as session:
        case = a_case(session)
        book = session.get_one(Portfolio, case.portfolio_id)
        book.remind_days = 0
        book.remind_today, book.remind_grace_days, book.grace_days = False, 0, 0
        if letter == "offer":
            offer(session, case, SETTLEMENT, LETTERS, grantor=MANAGER, now=NOW)
        elif letter == "moved":
            plan = agree(session, case, PLAN, LETTERS, grantor=MANAGER, now=NOW - timedelta(hours=2)).plan
            move_instalment(session, plan, 1, FIRST + 3 * DAY, LETTERS, by=BEN, now=NOW)
            set_consent(
                session, session.get_one(Customer, case.customer_id), Channel.SMS, allowed=False,
                source="STOP", by=SYSTEM, now=NOW,
            )  # fmt: skip
        elif letter == "broken":
            promise(session, case, 50_000, ON, LETTERS, by=BEN, now=NOW - 2 * DAY)
        else:
            builders.payment(session, session.scalars(select(Account)).one(), 100_000, ON)
    if letter in ("broken", "closed"):
        builders.close_day(engine, ON)
        builders.close_day(engine, ON + DAY)
    builders.deliver(engine, at - timedelta(hours=1))
    names = {
        "offer": "settlement_offer", "moved": "instalment_moved", "broken": "plan_broken", "closed": "paid_in_full",
    }  # fmt: skip
    [mail] = [row for row in builders.messages(engine) if row.letter == names[letter] and row.subject]
    assert mail.destination.value == "email"
    with transaction(engine) as session:
        note_status(session, S.BOUNCED, "5.1.1", attempt_id=mail.attempt_id, now=at)
    assert fall_back(engine, at)
    assert fall_back(engine, at + DAY) == 0
    # The pack lets one reminder leave a day.
    sent = builders.deliver(engine, at + DAY).sent
    assert [each.channel for each in sent if each.letter == names[letter]] == [Channel.POST]
    paper = [row for row in builders.messages(engine) if row.letter == names[letter]][-1]
    said, again = json.loads(mail.context), json.loads(paper.context)
    for name in (
        "settlement_amount",
        "waived",
        "amount",
        "due_on",
        "moved_from",
        "missed_on",
        "missed_amount",
    ):
        assert again.get(name) == said.get(name)


def test_a_letter_whose_reader_moved_is_written_to_the_new_address(engine: Engine) -> None:
    with transaction(engine) as session:
        agree(session, a_case(session, none_on_file), PLAN, LETTERS, grantor=MANAGER, now=NOW)
    with transaction(engine) as session:
        session.scalars(select(Customer)).one().address_line1 = "5 New Street"
    assert builders.deliver(engine, NOW + timedelta(hours=1)).sent == []
    assert (fall_back(engine, NOW + timedelta(hours=2)), fall_back(engine, NOW + DAY)) == (1, 0)
    [sent] = builders.deliver(engine, NOW + timedelta(hours=3)).sent
    assert "5 New Street" in sent.to


def test_the_print_batch_has_only_what_is_true_as_it_is_printed(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        agree(session, a_case(session, none_on_file), PLAN, LETTERS, grantor=MANAGER, now=NOW)
    with transaction(engine) as session:
        agree(session, a_case(session, none_on_file), PLAN, LETTERS, grantor=MANAGER, now=NOW)
    with transaction(engine) as session:
        ended = session.scalars(select(Plan).order_by(Plan.id)).first()
        assert ended is not None
        assert cancel_agreement(session, ended, "typed twice", LETTERS, by=BEN, now=NOW) == {}
    press = PrintPress(tmp_path / "print", ROOT / "letters")
    printed = print_due(
        engine, press, LETTERS, worker="w", clock=FixedClock(NOW + timedelta(hours=1)), hour=6
    )
    assert printed == {"sent": 1}
    assert [row.status for row in builders.messages(engine)] == [S.WITHHELD, S.SENT]
    assert "has ended" in builders.messages(engine)[0].error
    assert fall_back(engine, NOW + DAY) == 0


# --- disputes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_decided", [False, True])
def test_a_letter_about_a_dispute_that_came_back_is_written_again_by_post(
    engine: Engine, is_decided: bool
) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        account = session.scalars(select(Account)).one()
        said = Disputed(DisputeKind.AMOUNT, account_id=account.id, amount_minor=8_000)
        dispute = open_dispute(
            session, case, said, "not mine", LETTERS,
            received_on=ON - 3 * DAY, received_as=ReceivedAs.ORAL, by=BEN, now=NOW,
        ).dispute  # fmt: skip
        if is_decided:
            decision = DisputeDecision(DisputeOutcome.REJECTED, "The receipt bears your name.")
            decide_dispute(session, dispute, decision, LETTERS, role=Role.MANAGER, by=BEN, now=NOW)
    name = "dispute_rejected" if is_decided else "dispute_acknowledged"
    builders.deliver(engine, NOW + timedelta(hours=1))
    [mail] = [row for row in builders.messages(engine) if row.letter == name]
    assert mail.destination.value == "email"
    with transaction(engine) as session:
        assert note_status(session, S.BOUNCED, "5.1.1", attempt_id=mail.attempt_id, now=NOW + DAY)
    assert fall_back(engine, NOW + DAY) == 1
    again = builders.messages(engine)[-1]
    assert (again.letter, again.destination.value) == (name, "post")
    assert "14 March 2026" in again.text
    if is_decided:
        assert "D-000001" in again.text
        assert "The receipt bears your name." in again.text
