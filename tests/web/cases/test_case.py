"""The case page: what it shows, what its forms do to the rows and to the record, and what they refuse."""

from __future__ import annotations

import csv
import io
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
import uvicorn
from httpx2 import Response
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.agreements import promise
from app.actions.holds import place_hold
from app.book.ledger.models import Account, Customer, Entry
from app.casework.cases import service as cases
from app.casework.cases.events import CallbackSet, CallLogged, CaseAssigned, NoteAdded
from app.casework.cases.models import (
    CallTask,
    CollectionsCase,
)
from app.casework.cases.rules import CaseStatus
from app.casework.holds.events import HoldEnded, HoldPlaced
from app.casework.holds.models import CaseHold
from app.casework.plans.events import PlanAccepted, PlanActivated, PlanCancelled
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import PlanStatus
from app.casework.plans.service import cancel
from app.core.actor import SYSTEM, Actor
from app.core.ids import id_of
from app.core.settings import Settings
from app.core.staff.rules import Role
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, HoldKind
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived
from app.legal.referrals.events import ReferralNominated
from app.legal.referrals.models import Referral
from app.outreach.gate.consent import set_consent
from app.outreach.gate.events import ConsentChanged, ContactCleared, ContactRefused, ContactWithheld
from app.outreach.gate.models import Consent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from tests import builders
from tests.agreements import make_offer, monthly
from tests.web.axe import assert_fits_and_is_accessible, violations
from tests.web.desk import NOW, PASSWORD, Browser, Desk, make_ports, seen_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

TODAY = date(2026, 3, 2)
CARD = "4111 1111 1111 1111"


def make_case(desk: Desk, *, days: int = 20, name: str = "Anna Berg", **changes: Any) -> int:
    """A case of ben's: 50.00 CNY past due, 1,000.00 owed."""

    def write(session: Session) -> int:
        given = {"owner": "ben", **changes}
        made = builders.delinquent_case(
            session, due_on=TODAY - timedelta(days=days), on=TODAY - timedelta(days=1), **given
        )
        session.get_one(Customer, made.customer_id).full_name = name
        assert made.id is not None
        return made.id

    return desk.write(write)


def all_of(desk: Desk, model: Any) -> list[Any]:
    return desk.read(lambda session: list(session.scalars(select(model).order_by(col(model.id)))))


def case_of(desk: Desk, case_id: int) -> CollectionsCase:
    return desk.read(lambda session: session.get_one(CollectionsCase, case_id))


def on_record(desk: Desk, *kinds: str) -> list[dict[str, Any]]:
    return desk.read(lambda session: builders.events(session, *kinds))


def page_of(browser: Browser, case_id: int, query: str = "") -> str:
    answer = browser.get(f"/cases/{case_id}{query}")
    assert answer.status_code == 200, answer.text[:300]
    return answer.text


def flash(browser: Browser, answer: Response) -> str:
    """What the page says after a form was taken."""
    assert answer.status_code == 303, answer.text[-3000:]
    page = browser.get(answer.headers["location"].partition("#")[0]).text
    found = re.search(r'class="notice flash"[^>]*>([^<]*)<', page)
    return found[1] if found else ""


@pytest.fixture
def ben(desk: Desk) -> Browser:
    return desk.sign_in(Role.AGENT)


# --- what it shows ------------------------------------------------------------------------------------------


def test_who_they_are_what_they_owe_and_whether_they_may_be_contacted(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk, days=35)
    page = page_of(ben, case_id)
    for words in ("Anna Berg", "CN¥50.00", "CN¥1,000.00", "30-59", "English, China", "Mon 17:00 there"):
        assert words in page, words
    # 17:00 in Shanghai: the pack permits until 22:00.
    assert page.count('data-verdict="yes"') == 4
    assert "until 10:00" in page
    assert "not legal advice" in page


def test_amounts_and_dates_follow_the_reader(sqlite_desk: Desk) -> None:
    case_id = make_case(sqlite_desk)
    german = sqlite_desk.sign_in(Role.AGENT).get(f"/cases/{case_id}", headers={"accept-language": "de-DE"})
    assert "1.000,00\xa0CN¥" in german.text
    assert "10 Feb 2026" in german.text


def test_every_no_says_why_by_which_rule_and_until_when(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)

    def refuse(session: Session) -> None:
        case = session.get_one(CollectionsCase, case_id)
        customer = session.get_one(Customer, case.customer_id)
        customer.email = ""
        set_consent(
            session,
            customer,
            Channel.SMS,
            allowed=False,
            source="STOP",
            case_id=case_id,
            by=SYSTEM,
            now=NOW,
        )

    desk.write(refuse)
    page = page_of(ben, case_id)
    assert page.count('data-verdict="no"') == 2
    assert "opted out of SMS" in page
    assert "no address on file" in page
    desk.clock.at = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)  # 23:30 in Shanghai
    page = page_of(desk.sign_in(Role.AGENT), case_id)
    assert 'data-verdict="wait"' in page
    assert "until Mar 3, 2026, 8:00" in page
    assert "Rule of this company" in page  # the opt-out is a house rule, and says so once
    assert "GB/T 45251-2025" in page
    assert "Source checked" not in page
    assert "operator choice" not in page


def test_hostile_words_stay_words(desk: Desk, ben: Browser) -> None:
    evil = "<img src=x onerror=alert(1)>"
    case_id = make_case(desk, name=evil)
    ben.submit(f"/cases/{case_id}/note", text=f"{evil} again")
    ben.submit(f"/cases/{case_id}/holds", kind="dispute", reason=evil, until="2026-04-01")
    for tab in ("timeline", "accounts", "statements", "plans", "holds", "messages"):
        page = page_of(ben, case_id, f"?tab={tab}")
        assert evil not in page
        assert "&lt;img src=x" in page


def test_ledger_and_statements(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)

    def pay(session: Session) -> None:
        case = session.get_one(CollectionsCase, case_id)
        card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
        builders.payment(session, card, 1_250, TODAY - timedelta(days=25), reference="=cmd()")

    desk.write(pay)
    page = page_of(ben, case_id, "?tab=accounts")
    assert "-CN¥12.50" in page
    assert "CN¥987.50" in page
    page = page_of(ben, case_id, "?tab=statements")
    assert "CN¥12.50" in page
    assert "Unpaid" in page
    rows = list(
        csv.DictReader(io.StringIO(ben.get(f"/cases/{case_id}/ledger.csv").text.removeprefix("\ufeff")))
    )
    assert [(row["amount"], row["balance"]) for row in rows] == [("1000.00", "1000.00"), ("-12.50", "987.50")]
    assert rows[1]["reference"] == "'=cmd()"
    entries = all_of(desk, Entry)
    assert sum(entry.amount_minor for entry in entries) == 98_750
    assert page_of(ben, case_id, f"?tab=accounts&account={desk_account(desk)}")
    assert ben.get(f"/cases/{case_id}?tab=accounts&account=NOBODYS").status_code == 404


def desk_account(desk: Desk) -> str:
    reference: str = all_of(desk, Account)[0].reference
    return reference


def test_a_contact_refused_night_after_night_is_one_line_and_each_can_be_seen(desk: Desk) -> None:
    desk.write(
        lambda s: builders.late_customer(s, builders.portfolio(s), due_on=date(2026, 2, 20), mobile="")
    )
    for day in (23, 24, 25):
        builders.close_day(desk.engine, date(2026, 2, day))
        with desk.engine.begin() as connection:
            connection.execute(
                sa.update(CollectionsCase).values(step_day=0, next_contact_on=date(2026, 2, day))
            )
    ben = desk.sign_in(Role.AGENT)
    case_id = all_of(desk, CollectionsCase)[0].id
    page = page_of(ben, case_id, "?tab=timeline")
    assert page.count("No SMS: refused") == 1
    assert "asked 3 times" in page
    assert "no address on file for SMS" in page_of(ben, case_id)
    assert page_of(ben, case_id, "?tab=timeline&show=refusals").count("No SMS: refused") == 3


def test_a_long_timeline_has_pages_and_loses_nothing(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.cases.tabs.story.EVENTS", 4)
    case_id = make_case(sqlite_desk)
    ben = sqlite_desk.sign_in(Role.AGENT)
    for n in range(10):
        sqlite_desk.clock.at = NOW + timedelta(minutes=n)
        ben.submit(f"/cases/{case_id}/note", text=f"note number {n}.")
    seen, query = [], "?tab=timeline"
    while query:
        page = page_of(ben, case_id, query)
        seen += re.findall(r"note number (\d)\.", page)
        following = re.search(r'rel="next" href="/cases/\d+(\?[^"#]*)', page)
        query = following[1].replace("&amp;", "&") if following else ""
    assert seen == [str(n) for n in range(9, -1, -1)]


# --- who may do what ----------------------------------------------------------------------------------------

ACTIONS: dict[str, dict[str, str]] = {
    "call": {"result": "no_answer"},
    "note": {"text": "hello"},
    "promise": {"amount": "10", "due_on": "2026-03-05"},
    "plans": {"total": "50", "months": "2", "first_due_on": "2026-03-10"},
    "settlements": {"amount": "50", "due_on": "2026-03-10"},
    "plans/preview": {"total": "50", "months": "2", "first_due_on": "2026-03-10"},
    "holds": {"kind": "dispute", "reason": "says so", "until": "2026-04-01"},
    "consent": {"channel": "sms", "allowed": "no", "source": "by phone"},
    "assign": {"owner": "ben"},
    "nominate": {"reason": "cannot be reached"},
    "callback/forget": {"reason": "they called us"},
}


@pytest.mark.parametrize("action", ACTIONS)
def test_agents_and_managers_act_legal_only_reads(sqlite_desk: Desk, action: str) -> None:
    case_id = make_case(sqlite_desk)
    for role, allowed in [(Role.LEGAL, False), (Role.ADMIN, False), (Role.AGENT, True)]:
        answer = sqlite_desk.sign_in(role).submit(f"/cases/{case_id}/{action}", **ACTIONS[action])
        # An agent without authority to waive is told so beside the amount; there is no callback to cancel.
        answered = {"plans/preview": 200, "settlements": 422, "callback/forget": 409}.get(action, 303)
        assert answer.status_code == (answered if allowed else 403), role
    forged = sqlite_desk.sign_in(Role.AGENT).post(f"/cases/{case_id}/{action}", data=ACTIONS[action])
    assert forged.status_code == 403


def test_a_manager_offers_to_settle_and_it_goes_out_in_writing(sqlite_desk: Desk) -> None:
    case_id = make_case(sqlite_desk)
    manager = sqlite_desk.sign_in(Role.MANAGER)
    terms = {"amount": "60.00", "due_on": "2026-03-20"}
    asked = manager.submit(f"/cases/{case_id}/settlements", **terms)
    assert asked.status_code == 422
    assert "CN¥940.00, 94.0 %, is waived. CN¥50.00 is past due." in asked.text
    another = manager.submit(f"/cases/{case_id}/settlements", **terms, sure="settle:100000:7000")
    assert another.status_code == 422, "a yes to another amount is no yes"
    answer = manager.submit(f"/cases/{case_id}/settlements", **terms, sure="settle:100000:6000")
    said = flash(manager, answer)
    assert "Settlement of CN¥60.00 by Mar 20, 2026 is offered." in said
    assert "once the customer pays it or says yes" in said
    assert "In writing: e-mail queued." in said
    assert [row.letter for row in all_of(sqlite_desk, OutboxMessage)] == ["settlement_offer"]
    assert "settles the debt" in page_of(manager, case_id)


def test_a_settlement_in_parts_is_not_read_out_as_one_payment(sqlite_desk: Desk) -> None:
    case_id = make_case(sqlite_desk)
    manager = sqlite_desk.sign_in(Role.MANAGER)
    terms = {"amount": "60.00", "due_on": "2026-03-20", "payments": "2"}
    manager.submit(f"/cases/{case_id}/settlements", **terms, sure="settle:100000:6000")
    page = page_of(manager, case_id)
    waiting = re.sub(r"<[^>]+>", "", page.partition("Offer waiting for an answer")[2][:300])
    assert "in 2 payments, first Mar 20, 2026, last Apr 20, 2026: settles the debt" in waiting


def test_legal_sees_the_case_without_forms(sqlite_desk: Desk) -> None:
    case_id = make_case(sqlite_desk)
    page = page_of(sqlite_desk.sign_in(Role.LEGAL), case_id)
    assert "Anna Berg" in page
    assert f'method="post" action="/cases/{case_id}' not in page
    assert sqlite_desk.sign_in(Role.ADMIN).get(f"/cases/{case_id}").status_code == 403
    assert sqlite_desk.sign_in(Role.AGENT).get("/cases/999").status_code == 404
    assert sqlite_desk.sign_in(Role.AGENT).get(f"/cases/{2**70}").status_code == 422


# --- talking ------------------------------------------------------------------------------------------------


def test_a_call_with_callback_and_promise_in_one_go(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    desk.write(lambda s: builders.call_task(s, s.get_one(CollectionsCase, case_id), due_on=TODAY))
    answer = ben.submit(
        f"/cases/{case_id}/call",
        result="promised",
        note="Will pay on Friday",
        callback_at="2026-03-07T15:00",
        amount="50.00",
        due_on="2026-03-06",
    )
    said = flash(ben, answer)
    assert "Call saved." in said
    assert "Promise of CN¥50.00 by Mar 6, 2026" in said
    assert "SMS queued" in said
    case = case_of(desk, case_id)
    assert case.callback_at == datetime(2026, 3, 7, 7, 0, tzinfo=UTC)  # 15:00 where the customer lives
    assert all_of(desk, CallTask)[0].result == "promised"
    assert [plan.total_minor for plan in all_of(desk, Plan)] == [5_000]
    [call] = on_record(desk, CallLogged.KIND)
    assert (call["result"], call["note"], call["by"]) == ("promised", "Will pay on Friday", "user:ben")
    assert len(on_record(desk, CallbackSet.KIND)) == 1
    assert len(on_record(desk, PlanActivated.KIND)) == 1
    assert on_record(desk, ContactCleared.KIND)[0]["letter"] == "promise_confirmation"
    page = page_of(ben, case_id)
    assert "Will pay on Friday" in page
    assert "View message" in page_of(ben, case_id, "?tab=messages")
    assert all_of(desk, OutboxMessage)[0].text.splitlines()[0].replace("'", "&#39;") in page_of(
        ben, case_id, "?tab=messages"
    )


def test_a_call_whose_promise_is_refused_leaves_nothing_behind_and_nothing_typed_is_lost(
    desk: Desk, ben: Browser
) -> None:
    case_id = make_case(desk)
    typed = {"result": "promised", "note": "Will pay, he says", "amount": "9999.00", "due_on": "2026-03-06"}
    answer = ben.submit(f"/cases/{case_id}/call", **typed)
    assert answer.status_code == 422
    assert "more than the customer owes" in answer.text
    assert "Will pay, he says</textarea>" in answer.text
    assert 'value="9999.00"' in answer.text
    assert on_record(desk, CallLogged.KIND) == []
    assert all_of(desk, Plan) == []


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("result", "", "Choose one"),
        ("amount", "12,5,0", "Enter an amount in CNY, such as 3707 or 3707.55."),
        ("amount", "1.005", "Enter 1005 or 1.00."),
        ("amount", "12.3456", "CNY has 2 decimals"),
        ("amount", "", "Say how much they promised"),
        ("amount", "-5", "not negative"),
        ("due_on", "tomorrow", "not a date"),
        ("due_on", "9999-01-01", "out of range"),
        ("due_on", "2026-07-01", "at most 60 days"),
        ("due_on", "2026-03-01", "in the past"),
        ("callback_at", "soon", "not a date and time"),
        ("callback_at", "2026-03-01T10:00", "is in the past"),
        ("callback_at", "0001-01-01T00:00", ""),
        ("callback_at", "2026-03-03T03:00", "No call is allowed at that time"),
        ("callback_at", "2026-06-01T10:00", "at most 90 days ahead"),
    ],
)
def test_each_fault_is_named_at_its_field(sqlite_desk: Desk, field: str, text: str, words: str) -> None:
    case_id = make_case(sqlite_desk)
    good = {"result": "promised", "amount": "10", "due_on": "2026-03-06", "callback_at": ""}
    answer = sqlite_desk.sign_in(Role.AGENT).submit(f"/cases/{case_id}/call", **{**good, field: text})
    assert answer.status_code == 422
    assert words in answer.text
    assert on_record(sqlite_desk, CallLogged.KIND) == []


def test_a_note_is_put_on_record(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    assert flash(ben, ben.submit(f"/cases/{case_id}/note", text="  Moved house.  ")) == "Note saved."
    [note] = on_record(desk, NoteAdded.KIND)
    assert (note["text"], note["by"]) == ("Moved house.", "user:ben")
    assert "Moved house." in page_of(ben, case_id, "?tab=timeline&show=people")
    assert ben.submit(f"/cases/{case_id}/note", text=" ").status_code == 422
    assert ben.submit(f"/cases/{case_id}/note", text="a\0b").status_code == 303


@pytest.mark.parametrize("number", ["{}", "+{}", "{}%20", "0{}"])
def test_the_address_of_a_form_opens_it_however_its_number_is_spelt(sqlite_desk: Desk, number: str) -> None:
    case_id = make_case(sqlite_desk)
    browser = sqlite_desk.sign_in(Role.AGENT)
    for end, form in (
        ("call", "call"),
        ("plans/preview", "plan"),
        (f"holds/{number.format(3)}/end", "end-hold-3"),
    ):
        answer = browser.get(f"/cases/{number.format(case_id)}/{end}", follow_redirects=False)
        assert answer.headers["location"] == f"/cases/{case_id}?do={form}&draft=1#do-{form}"


def test_a_callback_is_forgotten(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk, callback_at=NOW + timedelta(hours=3))
    assert "Call back" in page_of(ben, case_id)
    assert ben.submit(f"/cases/{case_id}/callback/forget").status_code == 422, "it says why"
    assert ben.submit(f"/cases/{case_id}/callback/forget", reason="They called us").status_code == 303
    assert on_record(desk, CallbackSet.KIND)[-1]["reason"] == "They called us"
    assert case_of(desk, case_id).callback_at is None


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("call", {"result": "right_party", "note": f"card {CARD}"}),
        ("note", {"text": f"pays with {CARD}"}),
        ("holds", {"kind": "fraud", "reason": f"{CARD} was stolen", "until": "2026-04-01"}),
        ("consent", {"channel": "sms", "allowed": "no", "source": CARD}),
        ("nominate", {"reason": f"see {CARD}"}),
    ],
)
def test_a_full_card_number_is_stored_nowhere(sqlite_desk: Desk, action: str, fields: dict[str, str]) -> None:
    case_id = make_case(sqlite_desk)
    before = len(all_of(sqlite_desk, Event))
    answer = sqlite_desk.sign_in(Role.AGENT).submit(f"/cases/{case_id}/{action}", **fields)
    assert answer.status_code == 422
    assert "full card number, which is never stored" in answer.text
    events = [e for e in all_of(sqlite_desk, Event) if not e.kind.startswith("staff.")]
    assert len(events) <= before
    assert all("4111" not in event.data for event in events)


# --- promises and plans -------------------------------------------------------------------------------------


def test_a_promise_says_what_was_queued_and_why_not(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    ben.submit(f"/cases/{case_id}/consent", channel="sms", allowed="no", source="told me")
    said = flash(ben, ben.submit(f"/cases/{case_id}/promise", amount="25", due_on="2026-03-10"))
    assert "no SMS, opted out of SMS" in said
    assert "e-mail queued" in said
    [plan] = all_of(desk, Plan)
    assert (plan.status, plan.total_minor) == (PlanStatus.ACTIVE, 2_500)
    assert [m.destination.value for m in all_of(desk, OutboxMessage)] == ["email"]
    assert len(on_record(desk, ContactRefused.KIND)) == 1
    page = page_of(ben, case_id)
    assert "Promise to pay running" in page
    assert "reminders paused: the promise to pay is active" in page


def test_a_second_promise_meets_the_first_in_plain_words(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    ben.submit(f"/cases/{case_id}/promise", amount="25", due_on="2026-03-10")
    answer = ben.submit(f"/cases/{case_id}/promise", amount="31.41", due_on="2026-03-11")
    assert answer.status_code == 409
    assert "is running. Renegotiate it, or cancel it first" in answer.text
    assert 'value="31.41"' in answer.text
    [plan] = all_of(desk, Plan)
    ben.submit(f"/cases/{case_id}/plans/{plan.id}/cancel", reason="lost his job")
    assert all_of(desk, Plan)[0].status is PlanStatus.CANCELLED
    assert on_record(desk, PlanCancelled.KIND)[0]["why"] == "lost his job"
    assert ben.submit(f"/cases/{case_id}/promise", amount="31.41", due_on="2026-03-11").status_code == 303


def test_the_schedule_sums_exactly_and_offers_nothing(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    typed = {"total": "50", "down_payment": "10", "months": "3", "first_due_on": "2026-03-31"}
    answer = ben.submit(f"/cases/{case_id}/plans/preview", **typed)
    assert answer.status_code == 200
    for words in ("Down payment", "Mar 31, 2026", "Apr 30, 2026", "CN¥13.34", "CN¥13.32", "CN¥50.00"):
        assert words in answer.text, words
    assert 'value="10"' in answer.text
    fragment = ben.submit(f"/cases/{case_id}/plans/preview", **typed, fragment="1").text
    assert "<html" not in fragment
    assert "CN¥13.34" in fragment
    wrong = ben.submit(f"/cases/{case_id}/plans/preview", **{**typed, "months": "0"})
    assert wrong.status_code == 422
    assert "1 to 600 payments" in wrong.text
    assert all_of(desk, Plan) == []


def test_an_offer_is_accepted(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    terms = {"total": "", "down_payment": "", "months": "4", "first_due_on": "2026-03-20"}
    assert "offered" in flash(ben, ben.submit(f"/cases/{case_id}/plans", **terms))
    [plan] = all_of(desk, Plan)
    assert (plan.status, plan.total_minor) == (PlanStatus.OFFERED, 5_000)  # empty = all that is past due
    assert desk.read(lambda s: len(s.scalars(select(PlanInstalment)).all())) == 4
    assert "Offer waiting for an answer" in page_of(ben, case_id)
    agreed = {"acceptance": "phone", "pays_by": "card", "read_back": "on"}
    said = flash(ben, ben.submit(f"/cases/{case_id}/plans/{plan.id}/accept", **agreed))
    assert "Repayment plan accepted" in said
    assert "queued" in said
    assert all_of(desk, Plan)[0].status is PlanStatus.ACTIVE
    assert len(on_record(desk, PlanAccepted.KIND)) == 1
    again = ben.submit(f"/cases/{case_id}/plans/{plan.id}/accept", **agreed)
    assert again.status_code == 409
    assert "is active. Only an offer can be accepted" in again.text


def test_an_agent_keeps_to_the_limit_a_manager_may_exceed_it(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    terms = {"total": "900", "months": "24", "first_due_on": "2026-03-20"}
    refused = ben.submit(f"/cases/{case_id}/plans", **terms)
    assert refused.status_code == 422
    assert "Ask a manager to offer it" in refused.text
    assert 'value="24"' in refused.text
    assert desk.sign_in(Role.MANAGER).submit(f"/cases/{case_id}/plans", **terms).status_code == 303
    assert all_of(desk, Plan)[0].offered_by == "user:mei"


def test_a_plan_of_another_case_is_not_reached_through_this_one(sqlite_desk: Desk) -> None:
    mine, other = make_case(sqlite_desk), make_case(sqlite_desk)

    def offer(session: Session) -> int:
        case = session.get_one(CollectionsCase, other)
        plan = make_offer(
            session,
            case,
            monthly(5_000, 0, 2, date(2026, 3, 9)),
            by=Actor.user("ben"),
            today=TODAY,
            now=NOW,
        )
        return id_of(plan)

    plan_id = sqlite_desk.write(offer)
    ben = sqlite_desk.sign_in(Role.AGENT)
    for action in ("accept", "cancel"):
        assert ben.submit(f"/cases/{mine}/plans/{plan_id}/{action}", reason="x").status_code == 404
    assert ben.submit(f"/cases/{other}/plans/{plan_id}/cancel").status_code == 422, "it says why"
    assert ben.submit(f"/cases/{other}/plans/{plan_id}/cancel", reason="no money").status_code == 303


# --- holds, permissions, owners -----------------------------------------------------------------------------


def test_a_hold_says_one_date_everywhere_and_the_strongest_reason_first(
    sqlite_desk: Desk,
) -> None:
    case_id, ben = make_case(sqlite_desk), sqlite_desk.sign_in(Role.AGENT)
    ben.submit(f"/cases/{case_id}/holds", kind="hardship", reason="Lost the job", until="2026-04-01")
    page = page_of(ben, case_id)
    assert "hardship hold since Mar 2, 2026, until Apr 1, 2026" in page
    assert " UTC" not in page
    again = ben.submit(f"/cases/{case_id}/holds", kind="hardship", reason="Again", until="2026-04-02")
    assert again.status_code == 409
    assert "A hardship hold stands already, until Apr 1, 2026." in again.text
    ben.submit(f"/cases/{case_id}/call", result="deceased", note="Said her son")
    page = page_of(ben, case_id)
    assert page.index("deceased hold since") < page.index("hardship hold since")


def test_a_hold_stops_contact_and_ends(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    answer = ben.submit(
        f"/cases/{case_id}/holds", kind="dispute", reason="Not my purchase", until="2026-04-01"
    )
    assert "Do not contact; review by Apr 1, 2026" in flash(ben, answer)
    [hold] = all_of(desk, CaseHold)
    assert (hold.kind, hold.until, hold.by) == (HoldKind.DISPUTE, date(2026, 4, 1), "user:ben")
    assert on_record(desk, HoldPlaced.KIND)[0]["reason"] == "Not my purchase"
    page = page_of(ben, case_id)
    assert "On hold: dispute" in page
    assert "Not my purchase" in page_of(ben, case_id, "?tab=holds")
    assert page.count("Do not contact") >= 4
    assert "review by Apr 1, 2026" in page
    assert "Say why." in ben.submit(f"/cases/{case_id}/holds/{hold.id}/end").text
    why = {"reason": "Receipt sent on Mar 2"}
    assert "Name who decided." in ben.submit(f"/cases/{case_id}/holds/{hold.id}/end", **why).text
    why |= {"decided_by": "Ben Ode"}
    assert ben.submit(f"/cases/{case_id}/holds/{hold.id}/end", **why).status_code == 303
    [ended] = all_of(desk, CaseHold)
    assert (ended.ended_by, ended.end_reason) == ("user:ben", "Receipt sent on Mar 2 (decided by Ben Ode)")
    assert [event["reason"] for event in on_record(desk, HoldEnded.KIND)] == [ended.end_reason]
    again = ben.submit(f"/cases/{case_id}/holds/{hold.id}/end", **why)
    assert again.status_code == 409
    assert "ended on" in again.text
    past = ben.submit(f"/cases/{case_id}/holds", kind="dispute", reason="Keep me", until="2026-03-02")
    assert past.status_code == 422
    assert "must lie in the future" in past.text
    assert "Keep me</textarea>" in past.text


def test_a_dispute_ends_by_its_verification_only_where_one_is_on_record(desk: Desk, ben: Browser) -> None:
    """12 CFR 1006.38(d)(2)."""
    case_id = make_case(desk)
    ben.submit(f"/cases/{case_id}/holds", kind="dispute", reason="Not my purchase", until="2026-04-01")
    [hold] = all_of(desk, CaseHold)
    assert "The verification of the debt was sent" in page_of(ben, case_id)
    refused = ben.submit(f"/cases/{case_id}/holds/{hold.id}/end", because="verification", reason="sent today")
    assert refused.status_code == 409
    assert "No verification is on record since the dispute." in refused.text
    assert [hold.ended_at for hold in all_of(desk, CaseHold)] == [None]


def test_an_opt_out_is_obeyed_at_once_and_taken_back(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    ben.submit(f"/cases/{case_id}/consent", channel="call", allowed="no", source="said so")
    [consent] = all_of(desk, Consent)
    assert (consent.channel, consent.allowed, consent.source) == (Channel.CALL, False, "said so")
    assert on_record(desk, ConsentChanged.KIND)[0]["allowed"] is False
    assert page_of(ben, case_id).count('data-verdict="no"') == 1
    ben.submit(f"/cases/{case_id}/consent", channel="call", allowed="yes", source="changed her mind")
    assert page_of(ben, case_id).count('data-verdict="no"') == 0
    missing = ben.submit(f"/cases/{case_id}/consent", channel="call", allowed="", source="")
    assert missing.status_code == 422
    assert "Say how the customer let us know" in missing.text


def test_agents_take_cases_managers_give_them(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk, owner="")
    mei = desk.sign_in(Role.MANAGER)
    assert ben.submit(f"/cases/{case_id}/assign", owner="mei").status_code == 403
    assert "Assigned to Ben Okafor" in flash(ben, ben.submit(f"/cases/{case_id}/assign", owner="ben"))
    assert case_of(desk, case_id).owner == "ben"
    assert on_record(desk, CaseAssigned.KIND)[0]["owner"] == "ben"
    late = mei.submit(f"/cases/{case_id}/assign", owner="mei", seen_owner="-")  # ben has taken it since
    assert late.status_code == 409
    assert "given to Ben Okafor meanwhile" in late.text
    assert mei.submit(f"/cases/{case_id}/assign", owner="mei", seen_owner="ben").status_code == 303
    assert mei.submit(f"/cases/{case_id}/assign", owner="nobody-here").status_code == 422
    assert mei.submit(f"/cases/{case_id}/assign", owner="").status_code == 303
    assert case_of(desk, case_id).owner == ""


def test_a_case_is_nominated_for_legal_once(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk, days=120)
    assert ben.submit(f"/cases/{case_id}/nominate", reason="Never reached").status_code == 303
    [referral] = all_of(desk, Referral)
    assert (referral.nominated_by, referral.reason) == ("user:ben", "Never reached")
    assert on_record(desk, ReferralNominated.KIND)[0]["reason"] == "Never reached"
    assert "Legal: nominated" in page_of(ben, case_id)
    again = ben.submit(f"/cases/{case_id}/nominate", reason="Once more")
    assert again.status_code == 409
    assert "Once more" in again.text


def test_a_closed_case_is_read_and_refuses_in_words(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk, status=CaseStatus.CLOSED, closed_on=TODAY)
    page = page_of(ben, case_id)
    assert "the case closed on" in page
    assert "Record the promise" not in page
    answer = ben.submit(f"/cases/{case_id}/promise", amount="5.25", due_on="2026-03-10")
    assert answer.status_code == 409
    assert "is closed. Reopen it" in answer.text
    assert 'value="5.25"' in answer.text
    assert ben.submit(f"/cases/{case_id}/note", text="He called to say thanks").status_code == 303


# --- in a browser -------------------------------------------------------------------------------------------


@pytest.fixture
def served(sqlite_engine: Engine, free_port: int) -> Iterator[tuple[Desk, int]]:
    """Served over a socket: three cases of ben's, one with a life behind it."""
    settings = Settings.model_validate(
        {"secret_key": "s" * 40, "public_url": f"http://127.0.0.1:{free_port}", "log_level": "ERROR"}
    )
    desk = Desk(sqlite_engine, settings=settings)
    desk.ports = make_ports(desk.clock, settings)
    for role in Role:
        desk.sign_in(role)
    case_id = make_case(desk, days=35, name="Anna Berg", priority=90)
    for name in ("Bo Chen", "Cai Dong"):
        make_case(desk, name=name)

    def live(session: Session) -> None:
        case = session.get_one(CollectionsCase, case_id)
        mobile = session.get_one(Customer, case.customer_id).mobile
        arrived = Arrived("SM1", mobile, "+8621555000", "Are you open?")
        receive(session, arrived, shipped_phrases(), builders.catalog(), now=NOW)
        cases.add_note(session, case, "Prefers e-mail.", by=Actor.user("ben"), now=NOW)
        place_hold(
            session,
            case,
            HoldKind.HARDSHIP,
            "Lost his job",
            date(2026, 4, 1),
            builders.catalog(),
            by=Actor.user("ben"),
            now=NOW,
        )
        make_offer(
            session,
            case,
            monthly(5_000, 0, 3, date(2026, 3, 9)),
            by=Actor.user("ben"),
            today=TODAY,
            now=NOW,
        )

    desk.write(live)
    server = uvicorn.Server(uvicorn.Config(desk.app, port=free_port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield desk, case_id
    server.should_exit = True
    thread.join(10)


def log_in(tab: Page) -> None:
    tab.goto("/login")
    tab.fill("#f-username", "ben")
    tab.fill("#f-password", PASSWORD)
    tab.press("#f-password", "Enter")
    tab.wait_for_url(lambda url: "/login" not in url)


def test_worklist_and_case_are_accessible_at_both_widths_and_work_from_the_keyboard(
    served: tuple[Desk, int], browser: Chromium
) -> None:
    desk, case_id = served
    context = browser.new_context(base_url=desk.settings.public_url, viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    log_in(tab)
    tabs = ("timeline", "accounts", "statements", "plans", "holds", "messages")
    for path in (
        "/worklist",
        "/worklist?q=nobody",
        *(f"/cases/{case_id}?tab={each}" for each in tabs),
        *(f"/cases/{case_id}?do={each}" for each in ("call", "consent", "answer")),
    ):
        tab.goto(path)
        assert_fits_and_is_accessible(tab)

    tab.set_viewport_size({"width": 1440, "height": 900})
    tab.goto("/worklist")
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**/cases/{case_id}")
    tab.keyboard.press("o")  # offer a repayment plan; the schedule comes and follows what is typed
    tab.wait_for_selector("#schedule tbody tr:nth-child(3)")
    tab.fill("#plan-months", "5")
    tab.wait_for_selector("#schedule tbody tr:nth-child(5)")
    assert violations(tab) == []
    tab.keyboard.press("Escape")
    tab.goto(f"/cases/{case_id}?do=answer")
    tab.fill("#answer-text", "Yes")
    tab.wait_for_selector("#answer-words >> text=1 segment (GSM-7)")
    context.close()
    assert said == []


def test_a_call_is_logged_from_the_keyboard_and_nothing_typed_is_lost(
    served: tuple[Desk, int], browser: Chromium
) -> None:
    from playwright.sync_api import expect

    desk, case_id = served
    context = browser.new_context(base_url=desk.settings.public_url, viewport={"width": 1366, "height": 768})
    tab = context.new_page()
    said: list[str] = []
    tab.on("pageerror", lambda error: said.append(str(error)))
    log_in(tab)
    tab.goto(f"/cases/{case_id}")
    tab.keyboard.press("6")  # a promise: its fields and no other
    expect(tab.locator("#call-amount")).to_be_focused()
    shown = "fieldset.outcome-field:not([hidden])"
    fields = [each.get_attribute("data-field") for each in tab.locator(shown).all()]
    assert fields == ["amount", "due_on", "callback_at"]
    assert "confirmed in writing" in tab.inner_text(".outcome-preview")
    tab.fill("#call-amount", "12")
    tab.fill("#call-note", "rang for a minute")
    tab.keyboard.press("1")  # within a text a digit is a digit
    assert tab.input_value("#call-note") == "rang for a minute1"
    tab.fill("#call-note", "rang for a minute")
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("0")
    tab.wait_for_selector(".outcome-more[open]")
    tab.keyboard.press("6")
    assert_fits_and_is_accessible(tab)
    tab.set_viewport_size({"width": 1366, "height": 768})
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.name") == "q"

    # The session ends while the form is filled in: after signing in again it is open, with all of it, and says so.
    context.clear_cookies()
    tab.goto(f"/cases/{case_id}")
    tab.fill("#f-username", "ben")
    tab.fill("#f-password", PASSWORD)
    tab.press("#f-password", "Enter")
    tab.wait_for_url(f"**/cases/{case_id}")
    tab.wait_for_selector("#do-call .draft")
    kept = [tab.input_value(f"#call-{name}") for name in ("note", "amount")]
    assert kept == ["rang for a minute", "12"]
    assert tab.locator("#result-promised").is_checked()
    assert_fits_and_is_accessible(tab)
    tab.set_viewport_size({"width": 1366, "height": 768})
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("1")
    expect(tab.locator("#call-note")).to_be_focused()
    tab.keyboard.press("Control+Enter")  # two keys beside the note
    tab.wait_for_selector(".flash >> text=Call saved.")
    assert tab.locator(".draft").count() == 0
    assert len(on_record(desk, CallLogged.KIND)) == 1
    context.close()
    assert said == []


def test_the_schedule_needs_no_script(served: tuple[Desk, int], browser: Chromium) -> None:
    desk, case_id = served
    context = browser.new_context(base_url=desk.settings.public_url, java_script_enabled=False)
    tab = context.new_page()
    log_in(tab)
    tab.goto(f"/cases/{case_id}")
    tab.click("#do-plan")
    tab.fill("#plan-months", "4")
    tab.click("text=Show schedule")
    assert tab.locator("#schedule tbody tr").count() == 4
    assert tab.input_value("#plan-months") == "4"
    context.close()


# --- what is unusual, what is sent twice, what is taken back ------------------------------------------------


def once_of(browser: Browser, case_id: int, path: str) -> str:
    """What the page drew for one of its forms."""
    page = page_of(browser, case_id)
    form = page[page.index(f'action="/cases/{case_id}/{path}') :]
    found = re.search(r'name="once" value="([^"]+)"', form)
    assert found is not None
    return found[1]


def test_a_form_sent_twice_is_obeyed_once(desk: Desk, ben: Browser) -> None:
    """Back, and sent again: the call counts toward caps once. A refused form may be sent again."""
    case_id = make_case(desk)
    once = once_of(ben, case_id, "call")
    assert ben.submit(f"/cases/{case_id}/call", once=once, result="").status_code == 422
    assert "Call saved" in flash(ben, ben.submit(f"/cases/{case_id}/call", once=once, result="busy"))
    again = ben.submit(f"/cases/{case_id}/call", once=once, result="busy")
    assert "was not done a second time" in flash(ben, again)
    assert len(on_record(desk, CallLogged.KIND)) == 1
    another = once_of(ben, case_id, "call")
    asked = ben.submit(f"/cases/{case_id}/call", once=another, result="busy")
    assert asked.status_code == 422
    assert "You logged this result at" in asked.text
    sure = re.search(r'name="sure" value="(again:\d+)"', asked.text)
    assert sure is not None
    sent = ben.submit(f"/cases/{case_id}/call", once=another, result="busy", sure=sure[1])
    assert "Call saved" in flash(ben, sent)
    assert len(on_record(desk, CallLogged.KIND)) == 2


def test_two_agents_within_minutes_are_told_of_each_other(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    ben.submit(f"/cases/{case_id}/call", result="no_answer")
    mei = desk.sign_in(Role.MANAGER)
    asked = mei.submit(f"/cases/{case_id}/call", result="no_answer")
    assert asked.status_code == 422
    assert "Ben Okafor logged a call at" in asked.text
    found = re.search(r'name="sure" value="(call:\d+)"', asked.text)
    assert found is not None
    assert mei.submit(f"/cases/{case_id}/call", result="no_answer", sure=found[1]).status_code == 303
    assert len(on_record(desk, CallLogged.KIND)) == 2
    desk.clock.advance(timedelta(minutes=11))
    assert ben.submit(f"/cases/{case_id}/call", result="no_answer").status_code == 303


@pytest.mark.parametrize(("amount", "asked"), [("75.00", False), ("75.01", True), ("900", True)])
def test_a_promise_far_above_what_is_past_due_is_confirmed(
    sqlite_desk: Desk, amount: str, asked: bool
) -> None:
    """50.00 is past due; one and a half times as much is the limit."""
    case_id = make_case(sqlite_desk)
    ben = sqlite_desk.sign_in(Role.AGENT)
    terms = {"amount": amount, "due_on": "2026-03-10"}
    answer = ben.submit(f"/cases/{case_id}/promise", **terms)
    assert answer.status_code == (422 if asked else 303)
    if asked:
        assert "CN¥50.00 is past due" in answer.text
        found = re.search(r'name="sure" value="(amount:\d+)"', answer.text)
        assert found is not None
        assert ben.submit(f"/cases/{case_id}/promise", **terms, sure=found[1]).status_code == 303


def test_a_queued_message_is_cancelled_from_the_case(desk: Desk, ben: Browser) -> None:
    case_id = make_case(desk)
    shown = ben.submit(f"/cases/{case_id}/letter", letter="first_reminder:email")
    ben.submit(f"/cases/{case_id}/letter", letter="first_reminder:email", seen=seen_in(shown.text))
    [message] = all_of(desk, OutboxMessage)
    assert "waits to leave" in page_of(ben, case_id)
    path = f"/cases/{case_id}/messages/{message.id}/cancel"
    assert ben.submit(path).status_code == 422, "it says why"
    assert "will not be sent" in flash(ben, ben.submit(path, reason="Chosen by mistake"))
    [message] = all_of(desk, OutboxMessage)
    assert message.status is OutboxStatus.WITHHELD
    [withheld] = on_record(desk, ContactWithheld.KIND)
    assert (withheld["reason"], withheld["by"]) == ("cancelled: Chosen by mistake", "user:ben")
    assert ben.submit(path, reason="again").status_code == 409
    other = make_case(desk)
    assert ben.submit(f"/cases/{other}/messages/{message.id}/cancel", reason="x").status_code == 404


def confirmed_promise(session: Session, case_id: int) -> int:
    case = session.get_one(CollectionsCase, case_id)
    promised = promise(
        session, case, 5_000, TODAY + timedelta(days=9), builders.catalog(), by=Actor.user("ben"), now=NOW
    )
    return id_of(promised.plan)


def test_a_queued_message_of_an_ended_agreement_says_that_it_will_not_leave(desk: Desk, ben: Browser) -> None:
    """A reminder of a superseded plan waits until its hour, and is withheld then."""
    case_id = make_case(desk)
    ended = desk.write(lambda s: confirmed_promise(s, case_id))
    assert "waits to leave" in page_of(ben, case_id)
    desk.write(
        lambda s: cancel(
            s, s.get_one(Plan, ended), "renegotiated", by=Actor.user("ben"), today=TODAY, now=NOW
        )
    )
    page = page_of(ben, case_id)
    assert "waits to leave" not in page
    assert "will not leave" in page
    assert "the agreement it confirms has ended" in page
    tab = ben.get(f"/cases/{case_id}?tab=messages").text
    assert "to leave from" not in tab
    assert "Will not leave" in tab


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("promise", "promise"),
        ("plans/preview", "plan"),
        ("callback/forget", "forget-callback"),
        ("holds/7/end", "end-hold-7"),
        ("preferences", "preference"),
    ],
)
def test_the_address_of_a_refused_form_shows_the_form(sqlite_desk: Desk, path: str, form: str) -> None:
    case_id = make_case(sqlite_desk)
    answer = sqlite_desk.sign_in(Role.AGENT).get(f"/cases/{case_id}/{path}")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/cases/{case_id}?do={form}&draft=1#do-{form}"
