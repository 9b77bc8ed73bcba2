"""Letters to advisers: the way they go, the day's print batch, and that each is decided once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.advisers.addresses import correct_adviser, mark_wrong
from app.actions.agreements import cancel_agreement
from app.actions.holds import place_hold
from app.book.ledger.models import Account, Customer
from app.book.portfolios.service import get_portfolio
from app.casework.advisers.service import AdviserContact
from app.casework.cases.models import CollectionsCase
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.core.clock import FixedClock
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind
from app.operations.day import letters as letters_of_day
from app.operations.day.work import Day
from app.outreach.delivery.printing import print_due
from app.outreach.outbox.channel_stops import start_channel, stop_channel
from app.outreach.outbox.events import ContactSent, RepresentativeLetter
from app.outreach.outbox.models import PartyLetter
from app.outreach.outbox.rules import CHANGED, Destination, Occasion, OutboxStatus, PartyLetterStatus
from app.outreach.planning.fallback import fall_back_due
from app.outreach.planning.representatives.rules import AgreementNow, Mandate, Way, no_longer_so
from tests import builders
from tests.outreach.advised import (
    ADDRESS,
    ANN,
    CATALOG,
    EMAIL,
    NOW,
    ON,
    SOON,
    agreed,
    deliver,
    the_adviser,
    to_adviser,
)
from tests.outreach.delivery.test_printing import PlainPress, printed_keys
from tests.paths import ROOT
from tests.reporting.kpis.test_outcomes import re_age

DAY = timedelta(days=1)
MORNING = builders.at(ON + DAY, 9)


def printed(engine: Engine, folder: Path, now: datetime = MORNING) -> dict[str, int]:
    press = PlainPress(folder, ROOT / "letters")
    return print_due(engine, press, CATALOG, worker="w", clock=FixedClock(now), hour=6)


def night(engine: Engine, on: date) -> None:
    with reading(engine) as session:
        portfolio = get_portfolio(session, builders.BOOK)
    now = builders.night_after(on)
    letters_of_day.tell_advisers(Day(engine, portfolio, on, now, CATALOG, now))


def decided(engine: Engine) -> list[tuple[Occasion, PartyLetterStatus]]:
    with reading(engine) as session:
        rows = session.scalars(select(PartyLetter).order_by(PartyLetter.id)).all()
        return [(row.occasion, row.status) for row in rows]


def states(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return [event["state"] for event in builders.events(session, RepresentativeLetter.KIND)]


# --- the way it goes ------------------------------------------------------------------------------------------


def test_the_first_open_way_is_taken_and_never_the_customers_own() -> None:
    mail, post = Way(Channel.EMAIL, EMAIL), Way(Channel.POST, ADDRESS)
    closed, own = Way(Channel.EMAIL, EMAIL, NOW), Way(Channel.EMAIL, EMAIL, is_customers_own=True)
    for ways, taken in [
        ((mail, post), mail),
        ((post, mail), post),
        ((closed, post), post),
        ((closed,), closed),
        ((own, post), post),
        ((own,), None),
        ((), None),
    ]:
        mandate = Mandate(PartyKind.ADVISER, MayBeTold.EVERYTHING, True, True, True, True, ways)
        assert mandate.way is taken


def test_a_break_is_told_by_its_day() -> None:
    first = ON.toordinal()
    now = AgreementNow(PlanStatus.BROKEN, 0, first, False, True)
    assert no_longer_so(Occasion.BROKEN, first, now) == ""
    assert "another day" in no_longer_so(Occasion.BROKEN, first + 1, now)


def test_an_adviser_who_wants_letters_is_in_the_days_print_batch_beside_the_customers(
    engine: Engine, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        plan = agreed(session, address=ADDRESS, by_post=True)
        case = builders.delinquent_case(session, due_on=ON - 3 * DAY, on=ON)
        name = session.get_one(Customer, plan.customer_id).full_name
        builders.queued_message(session, case, on=ON, channel=Channel.POST, text="# Yours\n\nDear customer,")
        unprinted = agreed(session)
        unprinted_id, unprinted_customer = id_of(unprinted), unprinted.customer_id
    mine, _other = to_adviser(engine)
    assert (mine.destination, mine.address) == (Destination.ADVISER_POST, f"{ADDRESS}\nCN")
    assert mine.text.startswith("# Agreement P-")
    assert name in mine.text
    assert (mine.html, mine.subject) == ("", mine.text.splitlines()[0].removeprefix("# "))
    assert deliver(engine, now=MORNING).sent == [], "nothing goes by e-mail"
    with transaction(engine) as session:
        cancel_agreement(session, session.get_one(Plan, unprinted_id), "cannot", CATALOG, by=ANN, now=SOON)
        stop_channel(session, Destination.ADVISER_POST, "wrong words", by=ANN, now=SOON)
    assert printed(engine, tmp_path) == {"sent": 1}, "the customers' letters go on"
    assert {row.status for row in to_adviser(engine)} == {OutboxStatus.QUEUED}
    with transaction(engine) as session:
        start_channel(session, Destination.ADVISER_POST, by=ANN, now=SOON)
    assert printed(engine, tmp_path, MORNING + DAY) == {"sent": 1}
    assert printed(engine, tmp_path, MORNING + 2 * DAY) == {}
    assert sorted(printed_keys(tmp_path)) == sorted(
        row.reference for row in builders.messages(engine) if row.provider_ref
    )
    by_customer = {row.customer_id: row for row in to_adviser(engine)}
    assert by_customer[mine.customer_id].status is OutboxStatus.SENT
    assert by_customer[unprinted_customer].status is OutboxStatus.WITHHELD
    with transaction(engine) as session:
        assert len(builders.events(session, ContactSent.KIND)) == 1, "the customer's own alone"
        sent = [
            each for each in builders.events(session, RepresentativeLetter.KIND) if each["state"] == "sent"
        ]
        assert [each["to"] for each in sent] == [f"{ADDRESS}\nCN"]


def test_a_wrong_address_turns_the_next_letter_to_the_other_one(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = agreed(session, address=ADDRESS)
        mark_wrong(session, the_adviser(session), EMAIL, "the head office told us", by=ANN, now=NOW)
        second = agreed(session)
        mark_wrong(session, the_adviser(session), ADDRESS.replace("\n", "\r\n"), "moved", by=ANN, now=NOW)
        third = agreed(session)
        home = session.get_one(Customer, second.customer_id)
        told = AdviserContact("", f"{home.address_line1}\n{home.postcode} {home.city}", False)
        assert correct_adviser(session, the_adviser(session), told, by=ANN, now=NOW) == 3
        session.expire_all()  # their files were changed by one statement
        assert session.get_one(ThirdParty, plan.agreed_with_id).email == ""
        customers = [each.customer_id for each in (plan, second, third)]
    ways = {row.customer_id: row.destination for row in to_adviser(engine)}
    assert ways == {customers[0]: Destination.ADVISER, customers[1]: Destination.ADVISER_POST}
    assert decided(engine)[-1] == (Occasion.CONFIRMED, PartyLetterStatus.REFUSED)
    assert deliver(engine).sent == [], "its address has changed since"
    assert deliver(engine, channel=Channel.POST).sent == [], "it is the customer's own now"


# --- decided once ---------------------------------------------------------------------------------------------


def test_a_letter_that_must_wait_is_asked_about_again_and_leaves_once(engine: Engine) -> None:
    until = ON + 5 * DAY

    def held(session: Session) -> Plan:
        def hold(case: CollectionsCase) -> None:
            place_hold(session, case, HoldKind.MANUAL, "looks odd", until, CATALOG, by=ANN, now=NOW)

        return agreed(session, hold=hold)

    with transaction(engine) as session:
        plan, dropped = held(session), held(session)
        plan_id, dropped_id = id_of(plan), id_of(dropped)
    waits, written = PartyLetterStatus.WAITS, PartyLetterStatus.WRITTEN
    confirmed = Occasion.CONFIRMED
    assert decided(engine) == [(confirmed, waits)] * 2
    for days in (0, 0, 2):
        night(engine, ON + days * DAY)  # until then nothing is asked, however often the night runs
    with reading(engine) as session:
        waiting = builders.events(session, "contact.waiting")
        assert len([each for each in waiting if each["purpose"] == "representative"]) == 2
    assert to_adviser(engine) == []
    with transaction(engine) as session:
        cancel_agreement(session, session.get_one(Plan, dropped_id), "cannot", CATALOG, by=ANN, now=SOON)
    for _ in range(2):
        night(engine, until - 2 * DAY)
    assert decided(engine) == [(confirmed, written), (confirmed, PartyLetterStatus.NOT_WRITTEN)]
    [row] = to_adviser(engine)
    assert row.not_before >= builders.at(until, 0)
    assert states(engine) == ["queued", "not written"]
    assert [each.text for each in deliver(engine, now=builders.at(until, 9)).sent] == [row.text]
    assert f"P-{plan_id:06d}" in row.text


def test_a_night_that_runs_again_tells_of_a_broken_agreement_once(engine: Engine) -> None:
    due = date(2026, 3, 18)
    with transaction(engine) as session:
        told, unreachable, refused = (agreed(session, first=due) for _ in range(3))
        session.get_one(ThirdParty, unreachable.agreed_with_id).email = ""
        case = session.get_one(CollectionsCase, refused.case_id)
        place_hold(session, case, HoldKind.CEASE_CONTACT, "told us", ON + 30 * DAY, CATALOG, by=ANN, now=NOW)
    broken_on = due + 7 * DAY
    for _ in range(2):
        builders.close_day(engine, broken_on)
        night(engine, broken_on)
    found = [each for each in decided(engine) if each[0] is Occasion.BROKEN]
    assert found == [
        (Occasion.BROKEN, PartyLetterStatus.WRITTEN),
        (Occasion.BROKEN, PartyLetterStatus.NOT_WRITTEN),
        (Occasion.BROKEN, PartyLetterStatus.REFUSED),
    ]
    assert states(engine).count("not written") == 1
    assert len([row for row in to_adviser(engine) if row.letter == "adviser_plan_broken"]) == 1
    with reading(engine) as session:
        refusals = builders.events(session, "contact.refused", customer_id=refused.customer_id)
        assert len([each for each in refusals if each["purpose"] == "representative"]) == 1


def test_a_break_with_nothing_past_due_reaches_the_adviser_and_the_client(engine: Engine) -> None:
    due = date(2026, 3, 18)
    with transaction(engine) as session:
        plan = agreed(session, first=due)
        card = session.scalars(select(Account).where(Account.customer_id == plan.customer_id)).one()
        re_age(session, card, due)
    broken_on = due + 7 * DAY
    builders.close_day(engine, broken_on)
    [row] = [row for row in to_adviser(engine) if row.letter == "adviser_plan_broken"]
    assert "CN¥25.00 was to be paid by 18 March 2026" in row.text
    assert "Your client gets letters of their own." in row.text
    ends = [each.letter for each in builders.messages(engine) if each.letter.startswith("plan_")][-1:]
    assert ends == ["plan_over"]
    assert [each.letter for each in deliver(engine, now=builders.at(broken_on + DAY, 9)).sent][-1:] == [
        row.letter
    ]


def test_what_came_in_time_and_was_posted_since_is_in_the_letter_that_leaves(engine: Engine) -> None:
    due = date(2026, 3, 18)
    with transaction(engine) as session:
        plan = agreed(session, first=due)
        customer_id = plan.customer_id
    broken_on = due + 7 * DAY
    builders.close_day(engine, broken_on)
    [row] = [row for row in to_adviser(engine) if row.letter == "adviser_plan_broken"]
    assert "Nothing of this payment reached us in time." in row.text
    morning = builders.at(broken_on + DAY, 9)
    with transaction(engine) as session:
        card = session.scalars(select(Account).where(Account.customer_id == customer_id)).one()
        builders.payment(session, card, 1_000, due, posted_on=broken_on + DAY, now=morning)
    assert "adviser_plan_broken" not in [each.letter for each in deliver(engine, now=morning).sent]
    fall_back_due(engine, CATALOG, clock=FixedClock(morning))
    before, after = [row for row in to_adviser(engine) if row.letter == "adviser_plan_broken"]
    assert (before.status, before.error) == (OutboxStatus.WITHHELD, CHANGED)
    assert "We received CN¥10.00 of this payment in time." in after.text
    sent = deliver(engine, now=morning + timedelta(minutes=10)).sent
    assert [each.text for each in sent if each.letter == "adviser_plan_broken"] == [after.text]
