"""One fact has one value on every page, now: a payment entered a minute ago is seen everywhere in the same second."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select

from app.book.ledger.corrections.entries import post_by_hand
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.casework.cases.figures import refresh_touched
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.plans.models import Plan
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.outbox.models import OutboxMessage
from tests import builders
from tests.web.desk import NOW, Browser, Desk, seen_in

TODAY = NOW.date()
DUE = TODAY - timedelta(days=6)
YESTERDAY = TODAY - timedelta(days=1)


def lived(desk: Desk) -> tuple[int, int]:
    """Anna owes 50.00 of 1,000.00 since DUE; her case was opened last night and a reminder waits. (case, account)."""

    def write(session: Session) -> None:
        builders.late_customer(session, builders.portfolio(session), due_on=DUE, full_name="Anna Berg")

    desk.write(write)
    builders.close_day(desk.engine, YESTERDAY)

    def ids(session: Session) -> tuple[int, int]:
        case = session.scalars(select(CollectionsCase)).one()
        return id_of(case), session.scalars(select(Account.id)).one() or 0

    return desk.read(ids)


def pay(desk: Desk, account_id: int, amount: int) -> None:
    def write(session: Session) -> None:
        account = session.get_one(Account, account_id)
        post_by_hand(
            session,
            account,
            EntryKind.PAYMENT,
            amount,
            TODAY,
            "",
            by=Actor.user("ben"),
            role=Role.AGENT,
            now=NOW,
        )
        refresh_touched(session, NOW)

    desk.write(write)


def text_of(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text[:300]
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split()).replace(" :", ":")


def explain(desk: Desk, program: dict[str, str], account_ref: str) -> dict[str, Any]:
    answer = desk.anonymous().get(
        "/api/v1/contacts/explain",
        params={"account": account_ref, "channel": "sms", "at": NOW.isoformat()},
        headers=program,
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_payment_of_a_minute_ago_is_on_every_page_and_in_the_api(desk: Desk) -> None:
    case_id, account_id = lived(desk)
    program = desk.token(Role.MANAGER)
    agent, manager = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER)
    pay(desk, account_id, 2_000)

    case = text_of(manager, f"/cases/{case_id}")
    assert "Past due CN¥30.00" in case
    assert "At the close of Mar 1, 2026: CN¥50.00" in case, "last night's figure is the second line"
    assert "CN¥980.00" in case
    assert 'value="30.00"' in agent.get(f"/cases/{case_id}?do=promise").text, "what the form begins with"
    ledger = text_of(manager, f"/cases/{case_id}?tab=accounts")
    assert ledger.count("CN¥980.00") >= 2, "the account's balance is the one after its last entry"
    assert "Past due CN¥30.00" in text_of(manager, f"/accounts/{account_id}")
    listed = text_of(manager, "/worklist?owner=all&state=all")
    assert "CN¥30.00" in listed
    assert "CN¥50.00" not in listed, "a list tells the figures of now; those of the night are on the case"
    [row] = csv.DictReader(
        io.StringIO(manager.get("/worklist?owner=all&state=all&format=csv").text.removeprefix("\ufeff"))
    )
    assert (row["past_due"], row["balance"]) == ("30.00", "980.00")

    get = desk.anonymous().get
    reference = f"C-{case_id:06d}"
    one = get(f"/api/v1/cases/{reference}", headers=program).json()
    [many] = get("/api/v1/cases", headers=program).json()["items"]
    for found in (one, many):
        assert (found["past_due_amount"], found["balance"]) == ("30.00", "980.00")
        assert (found["as_of"], found["days_past_due"]) == (TODAY.isoformat(), 6)
    [account] = one["accounts"]
    assert (account["owed_amount"], account["past_due_amount"], account["days_past_due"]) == (
        "30.00",
        "30.00",
        6,
    )

    # What was queued by last night's figures does not leave.
    assert builders.deliver(desk.engine, NOW).sent == []
    [message] = builders.messages(desk.engine)
    assert (message.status.value, message.error) == ("withheld", "a payment came since it was written")


def test_who_has_paid_everything_is_offered_no_reminder_and_no_promise(desk: Desk) -> None:
    case_id, account_id = lived(desk)
    reference = desk.read(lambda session: session.get_one(Account, account_id).reference)
    agent, program = desk.sign_in(Role.AGENT), desk.token(Role.AGENT)
    assert explain(desk, program, reference)["decision"] != "refuse"
    pay(desk, account_id, 5_000)

    page = text_of(agent, f"/cases/{case_id}")
    assert "Past due CN¥0.00" in page
    assert page.count("nothing is past due and owed") == 1, "once for all channels"
    assert " Yes " not in page[page.index("May I contact them now?") : page.index("For an ordinary reminder")]
    assert "there is nothing to agree on" in page
    answer = explain(desk, program, reference)
    assert answer["decision"] == "refuse"
    assert answer["reasons"][0]["rule"] == "desk.nothing_owed"
    due = (TODAY + timedelta(days=5)).isoformat()
    for path, fields in (
        ("promise", {"amount": "50.00", "due_on": due}),
        ("plans", {"total": "50.00", "months": "2", "first_due_on": due}),
        ("settlements", {"amount": "50.00", "due_on": due}),
    ):
        refused = agent.submit(f"/cases/{case_id}/{path}", **fields)
        assert refused.status_code in (409, 422), path
        assert builders.count(desk.engine, OutboxMessage) == 1, "and nothing is confirmed in writing"
    assert builders.deliver(desk.engine, NOW).sent == []

    # The night closes the case; its page still says no.
    builders.close_day(desk.engine, TODAY)
    closed = text_of(agent, f"/cases/{case_id}")
    assert "Closed: cured" in closed
    assert closed.count("nothing is past due and owed") == 1


def test_owed_and_not_owed_stand_apart_on_every_page(desk: Desk) -> None:
    """A second card of 600.00 in unpaid minimums has a balance of 200.00 left."""
    case_id, account_id = lived(desk)

    def second(session: Session) -> str:
        holder = session.get_one(builders.Customer, session.get_one(Account, account_id).customer_id)
        card = builders.account(session, holder)
        builders.entry(session, card, EntryKind.PURCHASE, 60_000, DUE - timedelta(days=40))
        builders.statement(session, card, DUE - timedelta(days=20), DUE, 60_000)
        builders.entry(session, card, EntryKind.ADJUSTMENT, -40_000, DUE - timedelta(days=30))
        return card.reference

    reference = desk.write(second)
    builders.close_day(desk.engine, TODAY)
    manager = desk.sign_in(Role.MANAGER)
    program = desk.token(Role.MANAGER)
    case = text_of(manager, f"/cases/{case_id}")
    assert "Past due CN¥250.00" in case
    assert "CN¥400.00 more is unpaid by the statements and not owed" in case
    listed = text_of(manager, "/worklist?owner=all&state=all")
    assert "CN¥250.00" in listed
    assert "CN¥650.00" not in listed
    dashboard = text_of(manager, "/dashboard")
    assert "Past due now CN¥650.00" in dashboard
    assert "of it CN¥400.00 is not owed" in dashboard
    get = desk.anonymous().get
    found = get(f"/api/v1/portfolios/{builders.BOOK}/accounts/{reference}", headers=program).json()
    assert (found["past_due_amount"], found["owed_amount"], found["not_owed_amount"]) == (
        "600.00",
        "200.00",
        "400.00",
    )
    behind = csv.DictReader(
        io.StringIO(
            manager.get(
                f"/dashboard/accounts?portfolio={builders.BOOK}&on={TODAY}&days=1&format=csv"
            ).text.removeprefix("\ufeff")
        )
    )
    rows = list(behind)
    assert sum(float(row["past_due"]) for row in rows) == 650, "the list adds up to its tile"
    assert sum(float(row["not_owed"]) for row in rows) == 400


def test_a_closed_case_names_the_case_under_which_the_customer_owes_again(sqlite_desk: Desk) -> None:
    case_id, _ = lived(sqlite_desk)

    def close_and_open(session: Session) -> int:
        old = session.get_one(CollectionsCase, case_id)
        old.status, old.outcome, old.closed_on = CaseStatus.CLOSED, CaseOutcome.CURED, YESTERDAY
        session.flush()
        newer = CollectionsCase(
            portfolio_id=old.portfolio_id,
            customer_id=old.customer_id,
            opened_on=TODAY,
            now_past_due_minor=5_000,
        )
        session.add(newer)
        session.flush()
        return id_of(newer)

    newer = sqlite_desk.write(close_and_open)
    ben = sqlite_desk.sign_in(Role.AGENT)
    page = ben.get(f"/cases/{case_id}").text
    assert "This case closed on" in page
    assert f'The customer owes again: <a href="/cases/{newer}">C-{newer:06}</a>' in page
    assert "Customer’s past due" in page, "the figures are not those of the closed case"
    there = ben.get(f"/cases/{newer}").text
    assert "This case closed" not in there
    assert "owes again" not in there


def test_the_money_tab_shows_no_reference_that_the_desk_made_up(sqlite_desk: Desk) -> None:
    case_id, account_id = lived(sqlite_desk)
    pay(sqlite_desk, account_id, 1_000)
    made_up = sqlite_desk.read(
        lambda s: s.scalars(select(Entry.reference).order_by(col(Entry.id).desc())).first()
    )
    assert made_up
    assert made_up.startswith("payment:")
    ben = sqlite_desk.sign_in(Role.AGENT)
    for shown in (f"/cases/{case_id}?tab=money", f"/accounts/{account_id}?tab=ledger"):
        assert f'<span class="entry-note">{made_up}' not in ben.get(shown).text


@pytest.mark.parametrize("form", ["promise", "plan", "settlement"])
def test_a_form_that_was_opened_on_other_figures_is_looked_at_again(sqlite_desk: Desk, form: str) -> None:
    case_id = sqlite_desk.write(
        lambda session: id_of(builders.delinquent_case(session, due_on=date(2026, 2, 1), on=date(2026, 3, 1)))
    )
    ben = sqlite_desk.sign_in(Role.AGENT)
    seen = seen_in(ben.get(f"/cases/{case_id}/forms/{form}").text)

    def pay(session: Session) -> None:
        builders.payment(session, session.scalars(select(Account)).one(), 2_000, NOW.date())

    sqlite_desk.write(pay)
    terms = {
        "promise": {"amount": "30.00", "due_on": "2026-03-10"},
        "plan": {"total": "30.00", "months": "3", "first_due_on": "2026-03-10"},
        "settlement": {"amount": "970.00", "due_on": "2026-03-10"},
    }[form]
    path = f"/cases/{case_id}/{form}" + ("" if form == "promise" else "s")
    stale = ben.submit(path, **terms, seen=seen)
    assert stale.status_code in (409, 422)
    assert "The figures changed" in stale.text
    assert sqlite_desk.read(lambda session: session.scalars(select(Plan)).all()) == []
    again = ben.submit(path, **terms, seen=seen_in(stale.text))
    assert "The figures changed" not in again.text
    if form != "settlement":
        assert again.status_code == 303, again.text[:300]
