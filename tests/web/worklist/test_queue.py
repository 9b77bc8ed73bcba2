"""The queue: sections in their order on both databases, what rests, the next case, saved views, the callback bar."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from app.actions.assignment import add_note
from app.actions.holds import place_hold
from app.actions.people.contact_data import add_point
from app.book.customers.contact_points import NewPoint
from app.book.customers.rules import PointKind, PointType
from app.book.ledger.models import Customer
from app.book.ledger.queries import accounts_of
from app.book.portfolios.models import Portfolio
from app.casework.cases.figures import refresh_touched
from app.casework.cases.models import CallTask, CollectionsCase
from app.casework.cases.service import record_call
from app.casework.plans.models import Plan
from app.casework.plans.service import break_plan
from app.casework.presence.service import note_view
from app.casework.results.rules import CallResult
from app.core.actor import Actor
from app.core.staff.models import SavedView
from app.core.staff.rules import Role
from app.core.vocabulary import Channel, HoldKind
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived
from app.outreach.gate.consent import set_consent
from app.outreach.gate.preferences import rest_address
from app.web.worklist import worklist
from tests import builders
from tests.agreements import promise_to_pay
from tests.builders import catalog
from tests.web.desk import NOW, Browser, Desk
from tests.web.worklist.test_worklist import TODAY, get, make_case, names_on, text_of

BEN = Actor.user("ben")
Change = Callable[[Session, CollectionsCase], object]


def a_case(desk: Desk, name: str, *changes: Change, **about: object) -> int:
    case_id = make_case(desk, name, **about)  # type: ignore[arg-type]
    for change in changes:
        desk.write(lambda session, change=change: change(session, session.get_one(CollectionsCase, case_id)))
    return case_id


def call(days: int = 0, **about: object) -> Change:
    due_on = TODAY - timedelta(days=days)
    return lambda session, case: builders.call_task(session, case, due_on=due_on, **about)


def writes(session: Session, case: CollectionsCase) -> None:
    customer = session.get_one(Customer, case.customer_id)
    arrived = Arrived(f"SM{case.id}", customer.mobile, "+8621555000", "I paid yesterday")
    receive(session, arrived, shipped_phrases(), catalog(), now=NOW)


def promised(days: int) -> Change:
    def promise(session: Session, case: CollectionsCase) -> Plan:
        made = NOW - timedelta(days=10)
        on = TODAY - timedelta(days=days)
        return promise_to_pay(session, case, 2_000, on, by=BEN, today=made.date(), now=made)

    return promise


def broken(session: Session, case: CollectionsCase) -> None:
    plan = promised(3)(session, case)
    assert isinstance(plan, Plan)
    break_plan(session, plan, 1, "not received", TODAY - timedelta(days=1), by=BEN, now=NOW)


def held(kind: HoldKind) -> Change:
    until = TODAY + timedelta(days=30)
    return lambda session, case: place_hold(session, case, kind, "said so", until, catalog(), by=BEN, now=NOW)


def refuses_calls(session: Session, case: CollectionsCase) -> None:
    customer = session.get_one(Customer, case.customer_id)
    set_consent(session, customer, Channel.CALL, allowed=False, source="phone", by=BEN, now=NOW)


def everything(desk: Desk) -> None:
    """A case of each section, in no order."""
    a_case(desk, "Waits")
    a_case(desk, "Old small call", call(9), minimum=1_000)
    a_case(desk, "Call of today", call(0), minimum=4_000)
    a_case(desk, "Old large call", call(9), minimum=9_000)
    a_case(desk, "Later today", callback_at=NOW + timedelta(hours=2))
    a_case(desk, "Due today", promised(0))
    a_case(desk, "Missed", promised(1))
    a_case(desk, "Broken", broken)
    a_case(desk, "Replied", writes, call(30))
    a_case(desk, "Callback", callback_at=NOW - timedelta(minutes=5))
    a_case(desk, "Held", call(9), held(HoldKind.HARDSHIP))
    a_case(desk, "Legal", call(9), with_legal_since=NOW)
    a_case(desk, "Refuses calls", call(9), refuses_calls)
    a_case(desk, "Promised", call(9), promised(-3))
    a_case(desk, "Called, not reached", call(0, not_before=NOW + timedelta(hours=2)))


ORDER = [
    "Callback", "Replied", "Later today", "Broken", "Missed", "Due today",
    "Old large call", "Old small call", "Call of today",
]  # fmt: skip


def test_work_stands_in_the_order_in_which_it_is_done(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    everything(desk)
    ben = desk.sign_in(Role.AGENT)
    page = get(ben)
    assert names_on(page) == ORDER
    told = text_of(page)
    for words in (
        "Callback 4:55 PM",
        "5 min late",
        "“I paid yesterday”",
        "Promise missed Mar 1",
        "Promise to pay broken, due Feb 27",
        "Not received",
        "9 days overdue",
    ):
        assert words in told, words
    assert "Nothing to do today (6)" in told
    for words in (
        "with the legal team 1",
        "on hold 1",
        "opted out of calls 1",
        "call later 1",
        "no action planned 1",
    ):
        assert words in told, words
    for state, names in {
        "legal": ["Legal"], "hold": ["Held"], "plan": ["Promised"], "optout": ["Refuses calls"],
        "later": ["Called, not reached"], "rest": ["Waits"], "missed": ["Broken", "Missed"],
    }.items():  # fmt: skip
        assert names_on(get(ben, f"?state={state}")) == names, state
    # Pages of three repeat no row and miss none.
    monkeypatch.setattr(worklist, "PAGE", 3)
    seen, query = [], "?owner=mine"
    while query:
        page = get(ben, query)
        seen += names_on(page)
        following = re.search(r'href="/worklist(\?[^"]*cursor=[^"]*)" rel="next"', page)
        query = following[1].replace("&amp;", "&") if following else ""
    assert seen == ORDER


def test_paid_work_leaves_the_queue_at_once(sqlite_desk: Desk) -> None:
    case_id = a_case(sqlite_desk, "Anna", call(1))
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert names_on(get(ben)) == ["Anna"]

    def pay(session: Session) -> None:
        case = session.get_one(CollectionsCase, case_id)
        [account] = accounts_of(session, case.customer_id)
        builders.payment(session, account, 5_000, TODAY)
        refresh_touched(session, NOW)

    sqlite_desk.write(pay)
    assert names_on(get(ben)) == []
    assert "nothing past due 1" in text_of(get(ben))


def opened(browser: Browser, path: str) -> str:
    answer = browser.get(path, follow_redirects=False)
    assert answer.status_code == 303, answer.text[:200]
    return answer.headers["location"]


def test_next_walks_the_view_and_leaves_colleagues_alone(sqlite_desk: Desk) -> None:
    first, second, third = (
        a_case(sqlite_desk, name, call(days)) for name, days in (("Anna", 9), ("Bo", 5), ("Cai", 2))
    )
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert opened(ben, "/worklist/next") == f"/cases/{first}"
    assert opened(ben, f"/worklist/next?after={first}") == f"/cases/{second}"
    sqlite_desk.write(lambda session: note_view(session, second, "mei", now=NOW))
    assert opened(ben, f"/worklist/next?after={first}") == f"/cases/{third}"
    assert "is here" in get(ben)
    assert opened(ben, f"/worklist/next?after={third}") == f"/cases/{first}", "from the top again"

    def done(session: Session) -> None:
        for task in session.scalars(select(CallTask).where(col(CallTask.case_id).in_((first, third)))):
            task.done_at = NOW
        add_note(session, session.get_one(CollectionsCase, first), "called", by=BEN, now=NOW)

    sqlite_desk.write(done)
    assert opened(ben, f"/worklist/next?after={first}").startswith("/worklist?"), (
        "a colleague has the only one"
    )


def test_the_way_back_keeps_filter_and_row(sqlite_desk: Desk) -> None:
    case_id = a_case(sqlite_desk, "Anna", call(1))
    ben = sqlite_desk.sign_in(Role.AGENT)
    get(ben, "?owner=all&state=call")
    assert opened(ben, f"/worklist/back?case={case_id}") == f"/worklist?owner=all&state=call#case-{case_id}"
    assert f'href="/worklist/back?case={case_id}"' in ben.get(f"/cases/{case_id}").text
    assert f'href="/worklist/next?after={case_id}" data-key="x"' in ben.get(f"/cases/{case_id}").text


def test_a_saved_view_is_ones_own_and_may_be_the_default(desk: Desk) -> None:
    a_case(desk, "Anna", call(1))
    ben, mei = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER)
    saved = ben.submit("/worklist/views", name=" My calls ", query="state=call&cursor=x", is_default="on")
    assert saved.headers["location"] == "/worklist?owner=mine&state=call"
    assert opened(ben, "/worklist") == "/worklist?owner=mine&state=call"
    assert "My calls" in get(ben, "?state=all")
    assert "My calls" not in get(mei)
    ben.submit("/worklist/views", name="Replies", query="state=reply", is_default="on")
    views = desk.read(lambda session: list(session.scalars(select(SavedView).order_by(SavedView.name))))
    assert [(view.name, view.is_default) for view in views] == [("My calls", False), ("Replies", True)]
    assert mei.submit(f"/worklist/views/{views[0].id}/delete").status_code == 404
    assert ben.submit(f"/worklist/views/{views[0].id}/delete").status_code == 303
    assert ben.submit("/worklist/views", name=" ", query="").status_code == 422


def test_a_callback_that_is_due_is_judged_as_a_call_they_asked_for(sqlite_desk: Desk) -> None:
    """Limits of reminders are used up; the list and the case page still say that the customer may be called back."""

    def called_enough(session: Session, case: CollectionsCase) -> None:
        session.get_one(Portfolio, case.portfolio_id).pack = "tw"
        session.get_one(Customer, case.customer_id).country = "TW"
        for days in (1, 2, 3):  # three conversations and messages in seven days are allowed
            record_call(session, case, CallResult.RIGHT_PARTY, "", by=BEN, now=NOW - timedelta(days=days))

    gates = {}
    for name, due in (("Callback", NOW - timedelta(minutes=5)), ("Reminder", None)):
        case_id = a_case(sqlite_desk, name, call(), called_enough, callback_at=due)
        page = text_of(sqlite_desk.sign_in(Role.AGENT).get(f"/cases/{case_id}").text)
        gates[name] = "Yes" in page.partition("May I contact them now?")[2].partition("SMS")[0]
    listed = get(sqlite_desk.sign_in(Role.AGENT), "?owner=all&state=all&format=csv")
    rows = {
        row["customer"]: row["callable"] for row in csv.DictReader(listed.removeprefix("\ufeff").splitlines())
    }
    assert rows == {"Callback": "yes", "Reminder": "wait"}
    assert gates == {"Callback": True, "Reminder": False}


def test_a_customer_with_a_bad_main_number_is_called_at_another(sqlite_desk: Desk) -> None:
    """The list and Next judge every number of the customer, as the case page does."""

    def bad_mobile(session: Session, case: CollectionsCase) -> None:
        customer = session.get_one(Customer, case.customer_id)
        home = NewPoint(PointKind.PHONE, PointType.HOME, "+862155501234")
        add_point(session, customer, home, by=BEN, now=NOW)
        rest_address(
            session, customer, customer.mobile, source="wrong number", case_id=case.id, by=BEN, now=NOW
        )

    case_id = a_case(sqlite_desk, "At Home", call(3), bad_mobile)
    ben = sqlite_desk.sign_in(Role.AGENT)
    listed = csv.DictReader(get(ben, "?owner=mine&format=csv").lstrip("\ufeff").splitlines())
    assert [row["callable"] for row in listed] == ["yes"]
    assert ben.get("/worklist/next").headers["location"].startswith(f"/cases/{case_id}")


def test_a_due_callback_is_told_on_every_page_until_it_is_snoozed(sqlite_desk: Desk) -> None:
    case_id = a_case(sqlite_desk, "Anna", callback_at=NOW - timedelta(minutes=1))
    ben, mei = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    assert "Callback due" in ben.get("/accounts").text
    assert "Callback due" in ben.get("/worklist/callbacks/bar").text
    assert "Callback due" not in mei.get("/accounts").text
    assert "<title>(1) Worklist" in get(ben)
    answer = ben.submit(f"/worklist/callbacks/{case_id}/snooze", minutes="5", back="/accounts")
    assert answer.headers["location"] == "/accounts"
    assert "Callback due" not in ben.get("/accounts").text
    assert names_on(get(ben)) == ["Anna"], "it stays in the list"
    sqlite_desk.clock.advance(timedelta(minutes=6))
    assert "Callback due" in ben.get("/accounts").text
    away = ben.submit(f"/worklist/callbacks/{case_id}/snooze", back="//evil.example")
    assert away.headers["location"] == "/worklist"
