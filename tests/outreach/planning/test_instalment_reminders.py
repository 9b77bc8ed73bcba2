"""Reminders of an agreement: ahead, on the day and in grace, each once, and none that is false when it would leave."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.holds import place_hold
from app.actions.plans.instalments import move_instalment, skip_instalment
from app.book.ledger.models import Account, Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import DeskStep
from app.casework.plans.limits import Grantor
from app.casework.plans.models import InstalmentPayment, Plan
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.service import cancel
from app.casework.plans.tracking.references import reference_of
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import Channel, HoldKind
from app.outreach.gate.consent import set_consent
from app.outreach.gate.facts import address_of
from app.outreach.gate.suppression import suppress
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.instalments.reminders import reminders_of_night, write_reminders
from app.policy.facts import Suppression
from app.programs.ports import make_paper
from tests import builders
from tests.outreach.agreements.made import agreement

AGREED = date(2026, 3, 10)
DUE = date(2026, 4, 1)
"""A Wednesday."""
ANN = Actor.user("ann")
DAY = timedelta(days=1)


def a_plan(session: Session, **changes: Any) -> Plan:
    """Two instalments of CN¥25.00, agreed three weeks before the first is due."""
    customer = {name: changes.pop(name) for name in ("mobile", "email", "language") if name in changes}
    settings = {name: changes.pop(name) for name in list(changes) if name.startswith("remind")}
    case = builders.delinquent_case(session, due_on=date(2026, 3, 1), on=AGREED)
    book = get_portfolio(session, builders.BOOK)
    book.sqlmodel_update(settings)
    session.get_one(Customer, case.customer_id).sqlmodel_update(customer)
    parts = changes.pop("parts", [(DUE, 2_500), (date(2026, 5, 1), 2_500)])
    return agreement(
        session, case, parts, accepted_on=changes.pop("accepted_on", AGREED), skips_allowed=1, **changes
    )


def night(engine: Engine, on: date) -> int:
    """The reminders of the night after `on`."""
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        due = reminders_of_night(session, book, on)
        now = builders.night_after(on)
        return write_reminders(session, book, due, builders.catalog(), on=on, now=now)


def reminders(engine: Engine) -> list[OutboxMessage]:
    return [row for row in builders.messages(engine) if row.letter == "instalment_reminder"]


def pay(engine: Engine, amount: int, on: date) -> None:
    with transaction(engine) as session:
        builders.payment(session, session.scalars(select(Account)).one(), amount, on)


def morning(engine: Engine, on: date) -> list[str]:
    return [
        m.text
        for m in builders.deliver(engine, builders.at(on, 10)).sent
        if m.letter == "instalment_reminder"
    ]


def test_an_instalment_is_reminded_of_ahead_on_its_day_and_in_grace_each_once(engine: Engine) -> None:
    with transaction(engine) as session:
        plan_id = id_of(a_plan(session))
    told = []
    for days in range(-7, 6):
        on = DUE + days * DAY
        night(engine, on - DAY)
        night(engine, on - DAY)  # a night that is run twice says nothing twice
        told += [(on, text) for text in morning(engine, on)]
    assert [on for on, _ in told] == [DUE - 3 * DAY, DUE, DUE + DAY]
    ahead, today, grace = (text for _, text in told)
    assert "CN¥25.00 that we agreed is due on 1 April 2026." in ahead
    assert f"Reference {reference_of(plan_id, 1)}." in ahead
    assert "is due today, 1 April 2026" in today
    assert "was due on 1 April 2026. Pay by 4 April 2026 and our agreement stands." in grace
    with transaction(engine) as session:
        steps = [contact.case_step for contact in session.scalars(select(PlannedContact))]
    assert {step.step for step in steps} == {
        DeskStep.INSTALMENT_AHEAD, DeskStep.INSTALMENT_TODAY, DeskStep.INSTALMENT_GRACE,
    }  # fmt: skip
    assert {(step.plan_id, step.instalment, step.occurrence) for step in steps} == {(plan_id, 1, 1)}


def test_one_that_was_paid_this_morning_is_withheld_at_delivery(engine: Engine) -> None:
    """Harm first: the reminder was true in the night."""
    with transaction(engine) as session:
        a_plan(session)
    assert night(engine, DUE - DAY) == 1
    pay(engine, 2_500, DUE)
    assert morning(engine, DUE) == []
    [row] = reminders(engine)
    assert (row.status, row.error) == (OutboxStatus.WITHHELD, "the instalment was paid since it was written")
    assert night(engine, DUE) == 0, "and nobody asks again the next day"


def test_one_of_which_a_part_came_meanwhile_is_withheld_and_the_next_names_the_rest(engine: Engine) -> None:
    with transaction(engine) as session:
        a_plan(session)
    night(engine, DUE - DAY)
    pay(engine, 1_000, DUE)
    assert morning(engine, DUE) == []
    [row] = reminders(engine)
    assert row.error == "what is missing of the instalment has changed since it was written"
    night(engine, DUE)
    [text] = morning(engine, DUE + DAY)
    assert "CN¥15.00 that we agreed was due on 1 April 2026" in text


def test_a_paid_one_in_its_grace_days_does_not_stand_before_the_next(engine: Engine) -> None:
    with transaction(engine) as session:
        plan_id = id_of(a_plan(session, parts=[(DUE, 2_500), (DUE + 2 * DAY, 2_500)]))
    pay(engine, 2_500, DUE)
    assert night(engine, DUE + DAY) == 1
    [text] = morning(engine, DUE + 2 * DAY)
    assert "is due today, 3 April 2026" in text
    assert reference_of(plan_id, 2) in text


@pytest.mark.parametrize(
    ("apart", "in_grace", "told"),
    [
        # The first's grace waits for the second's day: alone it would use up the week of the second's.
        (2, 1, {0: "1 today", 2: "1 grace, and 2", 3: "2 grace"}),
        (2, 2, {0: "1 today", 2: "1 grace, and 2", 4: "2 grace"}),
        (3, 1, {0: "1 today", 3: "1 grace, and 2", 4: "2 grace"}),
        (3, 3, {0: "1 today", 3: "1 grace, and 2", 6: "2 grace"}),
        # Its grace days end before.
        (4, 1, {0: "1 today", 1: "1 grace", 4: "2 today", 7: "2 grace"}),
    ],
)  # The pack lets three reminders leave in seven days.
def test_two_unpaid_instalments_have_all_their_reminders_and_never_two_messages_on_one_day(
    engine: Engine, apart: int, in_grace: int, told: dict[int, str]
) -> None:
    amounts = {1: "CN¥25.00", 2: "CN¥26.00"}
    with transaction(engine) as session:
        parts = [(DUE, 2_500), (DUE + apart * DAY, 2_600)]
        a_plan(session, parts=parts, remind_days=0, remind_grace_days=in_grace)
    kinds = {"is due today": "today", "was due on": "grace"}
    came: dict[int, str] = {}
    for days in range(-1, 8):
        on = DUE + days * DAY
        night(engine, on - DAY)
        night(engine, on - DAY)
        for text in morning(engine, on):
            assert days not in came, "two on one day"
            first, _, more = text.partition(" Also due: ")
            [n] = [n for n, amount in amounts.items() if amount in first]
            [kind] = [kind for words, kind in kinds.items() if words in first]
            [*others] = [n for n, amount in amounts.items() if amount in more]
            came[days] = f"{n} {kind}" + "".join(f", and {each}" for each in others)
    assert came == told


def test_one_message_is_withheld_where_another_instalment_that_it_names_was_paid(engine: Engine) -> None:
    with transaction(engine) as session:
        plan_id = id_of(a_plan(session, parts=[(DUE, 2_500), (DUE + 2 * DAY, 2_600)], remind_days=0))
    for days in (0, 1, 2):
        night(engine, DUE + (days - 1) * DAY)
        if days < 2:
            morning(engine, DUE + days * DAY)
    [*_, row] = reminders(engine)
    assert json.loads(row.context)["others_minor"] == "2:2600"
    with transaction(engine) as session:
        paid = builders.payment(session, session.scalars(select(Account)).one(), 2_600, DUE + 2 * DAY)
        session.add(InstalmentPayment(entry_id=id_of(paid), plan_id=plan_id, n=2))
    assert morning(engine, DUE + 2 * DAY) == []
    [*_, row] = reminders(engine)
    assert row.error == "what is missing of another instalment that it names has changed since it was written"


def test_one_that_has_not_left_yet_keeps_the_next_back(engine: Engine) -> None:
    """A provider was down for a day: the reminder of the first leaves with the second one's day."""
    with transaction(engine) as session:
        a_plan(session, parts=[(DUE, 2_500), (DUE + DAY, 2_500)])
    assert night(engine, DUE - 4 * DAY) == 1
    assert night(engine, DUE - 3 * DAY) == 0
    assert len(morning(engine, DUE - 2 * DAY)) == 1


def test_one_that_was_paid_before_is_not_reminded_of(engine: Engine) -> None:
    with transaction(engine) as session:
        a_plan(session)
    pay(engine, 2_500, AGREED + DAY)
    assert [night(engine, DUE + days * DAY) for days in (-4, -1, 0)] == [0, 0, 0]


@pytest.mark.parametrize(("paid", "count"), [(1_999, 2), (2_000, 0), (2_499, 0)])
def test_one_short_by_no_more_than_the_tolerance_is_not_reminded_of(
    sqlite_engine: Engine, paid: int, count: int
) -> None:
    with transaction(sqlite_engine) as session:
        a_plan(session, tolerance_minor=500)
    pay(sqlite_engine, paid, AGREED + DAY)
    for days in (-4, -1):
        night(sqlite_engine, DUE + days * DAY)
        morning(sqlite_engine, DUE + (days + 1) * DAY)
    assert len(reminders(sqlite_engine)) == count


def test_a_message_is_withheld_when_no_more_than_the_tolerance_is_left(engine: Engine) -> None:
    with transaction(engine) as session:
        a_plan(session, parts=[(DUE, 400), (DUE + 30 * DAY, 2_500)], tolerance_minor=500)
    assert night(engine, DUE - 4 * DAY) == 1, "nothing of it came: it is asked for, however small it is"
    pay(engine, 350, DUE - 3 * DAY)
    assert morning(engine, DUE - 3 * DAY) == []
    assert reminders(engine)[0].error == "the instalment was paid since it was written"


@pytest.mark.parametrize("how", ["moved", "skipped", "cancelled", "reversed into another sum"])
def test_a_message_on_its_way_is_withheld_when_the_instalment_changes(engine: Engine, how: str) -> None:
    with transaction(engine) as session:
        plan = a_plan(session)
        plan_id = id_of(plan)
    assert night(engine, DUE - 4 * DAY) == 1
    at = builders.at(DUE - 3 * DAY, 9)
    with transaction(engine) as session:
        plan = session.get_one(Plan, plan_id)
        if how == "moved":
            move_instalment(session, plan, 1, DUE + 7 * DAY, builders.catalog(), by=ANN, now=at)
        elif how == "skipped":
            skip_instalment(session, plan, 1, builders.catalog(), grantor=Grantor(ANN, Role.AGENT), now=at)
        elif how == "cancelled":
            cancel(session, plan, "they asked for it", by=ANN, today=DUE - 3 * DAY, now=at)
        else:
            builders.payment(session, session.scalars(select(Account)).one(), 100, DUE - 3 * DAY)
    assert morning(engine, DUE - 3 * DAY) == []
    [row] = reminders(engine)
    assert row.status is OutboxStatus.WITHHELD


def test_a_moved_instalment_is_reminded_of_on_its_new_day_and_its_confirmation_says_so(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        plan = a_plan(session)
        at = builders.at(DUE - 3 * DAY, 9)
        move_instalment(
            session, plan, 1, DUE + 7 * DAY, builders.catalog(), "paid on the 7th", by=ANN, now=at
        )
    confirmations = [row for row in builders.messages(engine) if row.letter == "instalment_moved"]
    assert {row.destination.value for row in confirmations} == {"sms", "email"}
    for row in confirmations:
        assert "CN¥25.00 is now due on 8 April 2026 instead of 1 April 2026" in row.text
    assert [night(engine, DUE + days * DAY - DAY) for days in (-3, 0, 1)] == [0, 0, 0]
    assert night(engine, DUE + 3 * DAY) == 1
    [row] = reminders(engine)
    assert builders.step_of(engine, row).occurrence == 2
    assert "due on 8 April 2026" in row.text


def test_a_skipped_instalment_is_not_reminded_of_and_the_last_one_with_its_amount(engine: Engine) -> None:
    with transaction(engine) as session:
        skip_instalment(
            session,
            a_plan(session),
            1,
            builders.catalog(),
            grantor=Grantor(ANN, Role.AGENT),
            now=builders.at(DUE - 9 * DAY, 9),
        )
    [row] = [row for row in builders.messages(engine) if row.letter == "instalment_skipped" and row.subject]
    assert "on 1 May 2026 you pay CN¥50.00" in row.text
    assert [night(engine, DUE + days * DAY - DAY) for days in (-3, 0, 1)] == [0, 0, 0]
    assert night(engine, date(2026, 4, 27)) == 1
    assert "CN¥50.00 that we agreed is due on 1 May 2026" in reminders(engine)[0].text


def test_a_dispute_stops_it(engine: Engine) -> None:
    with transaction(engine) as session:
        plan = a_plan(session)
        case = session.get_one(CollectionsCase, plan.case_id)
        place_hold(
            session, case, HoldKind.DISPUTE, "not theirs", DUE + 30 * DAY, builders.catalog(), by=ANN,
            now=builders.at(DUE - 5 * DAY),
        )  # fmt: skip
    assert night(engine, DUE - 4 * DAY) == 0


def in_hardship(engine: Engine, on: date) -> None:
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        place_hold(
            session, case, HoldKind.HARDSHIP, "lost the job", DUE + 90 * DAY, builders.catalog(), by=ANN,
            now=builders.at(on, 8),
        )  # fmt: skip


def test_a_hardship_hold_lets_the_agreement_remind_that_answers_it(engine: Engine) -> None:
    with transaction(engine) as session:
        a_plan(session, kind=PlanKind.HARDSHIP)
    in_hardship(engine, AGREED)
    assert night(engine, DUE - 4 * DAY) == 1
    assert len(morning(engine, DUE - 3 * DAY)) == 1


def test_a_hardship_after_the_agreement_speaks_of_the_agreement_and_stops_it(engine: Engine) -> None:
    with transaction(engine) as session:
        a_plan(session, kind=PlanKind.HARDSHIP)
    assert night(engine, DUE - 4 * DAY) == 1
    in_hardship(engine, DUE - 3 * DAY)
    assert morning(engine, DUE - 3 * DAY) == [], "withheld at delivery"
    assert reminders(engine)[0].error == "the gate refused it: house.hardship"
    assert night(engine, DUE - DAY) == 0


@pytest.mark.parametrize(
    "status", [PlanStatus.OFFERED, PlanStatus.BROKEN, PlanStatus.CANCELLED, PlanStatus.KEPT]
)
def test_only_a_running_agreement_is_reminded_of(sqlite_engine: Engine, status: PlanStatus) -> None:
    with transaction(sqlite_engine) as session:
        a_plan(session, status=status)
    assert night(sqlite_engine, DUE - 4 * DAY) == 0


def test_a_portfolio_switches_each_reminder_off(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        a_plan(session, remind_days=0, remind_today=False, remind_grace_days=0)
    assert [night(sqlite_engine, DUE + days * DAY) for days in range(-9, 4)] == [0] * 13


@pytest.mark.parametrize("how", ["nothing else on file", "opted out", "suppressed"])
def test_who_is_reached_by_post_only_is_reminded_by_post_and_earlier(engine: Engine, how: str) -> None:
    with transaction(engine) as session:
        nothing = {"mobile": "", "email": ""} if how == "nothing else on file" else {}
        plan = a_plan(session, **nothing)
        customer = session.get_one(Customer, plan.customer_id)
        for channel in (Channel.SMS, Channel.EMAIL) if not nothing else ():
            now = builders.at(DUE - 20 * DAY)
            if how == "opted out":
                set_consent(session, customer, channel, allowed=False, source="STOP", by=ANN, now=now)
            else:
                suppress(
                    session, channel, address_of(customer, channel), Suppression.BOUNCED, by=ANN, now=now
                )
    assert night(engine, DUE - 9 * DAY) == 0
    assert night(engine, DUE - 8 * DAY) == 1
    [row] = reminders(engine)
    assert row.destination.value == "post"
    assert json.loads(row.context)["missing_minor"] == "2500"
    assert "payment_code" not in json.loads(row.context), "there is no code in yuan"
    assert [night(engine, DUE + days * DAY - DAY) for days in (-3, 0, 1)] == [0, 0, 0]


def test_a_promise_for_tomorrow_is_reminded_of_on_its_day_only(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        a_plan(session, kind=PlanKind.PROMISE, parts=[(DUE, 5_000)], accepted_on=DUE - DAY)
    assert night(sqlite_engine, DUE - DAY) == 1
    assert "is due today" in reminders(sqlite_engine)[0].text


def test_a_customer_without_a_mobile_number_is_reminded_by_email(engine: Engine) -> None:
    with transaction(engine) as session:
        a_plan(session, mobile="")
    assert night(engine, DUE - 4 * DAY) == 1
    [row] = reminders(engine)
    assert row.destination.value == "email"
    assert "This is a reminder of what we agreed: CN¥25.00 is due on 1 April 2026." in row.text


def test_a_reminder_by_post_has_the_code_of_what_is_missing(engine: Engine) -> None:
    """EPC069-12: its amount is what is short now, its reference the instalment's."""
    with transaction(engine) as session:
        builders.portfolio(
            session, currency="EUR", pack="nl", timezone="Europe/Amsterdam", creditor="Havenbank",
            payee_iban="NL91ABNA0417164300",
        )  # fmt: skip
        plan_id = id_of(a_plan(session, mobile="", email=""))
    pay(engine, 1_000, AGREED + DAY)
    assert night(engine, DUE - 8 * DAY) == 1
    [row] = reminders(engine)
    assert json.loads(row.context)["payment_code"].split("\n") == [
        "BCD", "002", "1", "SCT", "", "Havenbank", "NL91ABNA0417164300", "EUR15.00", "", reference_of(plan_id, 1),
    ]  # fmt: skip
    sender = builders.deliver(engine, builders.at(DUE - 7 * DAY, 18))
    [letter] = [each for each in sender.sent if each.letter == "instalment_reminder"]
    pages = make_paper().pictures(letter)
    codes = [code.text for page in pages for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(page)))]
    assert json.loads(row.context)["payment_code"] in codes
