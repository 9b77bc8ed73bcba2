"""A case as one call: the strongest stop, the script, the identity check, and what may no longer be agreed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.events import IdentityChecked
from app.casework.cases.models import CollectionsCase
from app.casework.holds.models import CaseHold
from app.core.staff.rules import Role
from app.core.vocabulary import HOLD_TRAITS, Channel, HoldKind
from app.policy.overrides import ComplaintStops
from app.web.cases.call.stops import EVERYTHING, Objected, strongest_stop
from app.worklist.books import books_at
from app.worklist.items import items_among
from app.worklist.rules import Section
from app.worklist.verdicts import callable_now
from tests import builders
from tests.web.cases.test_case import make_case, on_record, page_of
from tests.web.cases.test_live_figures import TODAY, lived, pay, text_of
from tests.web.desk import NOW, Desk


@pytest.mark.parametrize(
    ("holds", "with_legal", "begins"),
    [
        ({HoldKind.DISPUTE: "", HoldKind.DECEASED: ""}, True, "Do not contact: the cardholder has died"),
        ({HoldKind.ATTORNEY: "", HoldKind.DISPUTE: ""}, False, "Do not contact: represented by an attorney"),
        ({}, True, "Do not contact: the case is with the legal team"),
        ({HoldKind.HARDSHIP: "illness"}, False, ""),
    ],
)
def test_the_strongest_stop_stands_over_the_page(
    holds: dict[HoldKind, str], with_legal: bool, begins: str
) -> None:
    stop = strongest_stop(holds, EVERYTHING, with_legal=with_legal)
    assert (stop.title if stop else "").startswith(begins)
    assert stop is None or stop.instead, "whom to contact instead"


@pytest.mark.parametrize(
    ("channels", "begins", "forbids"),
    [
        (tuple(Channel), "Do not contact: a complaint is open.", True),
        (
            (Channel.SMS, Channel.EMAIL, Channel.POST),
            "Send no reminder; a call is allowed: a complaint",
            True,
        ),
        ((Channel.CALL,), "Do not call: a complaint is open.", True),
        ((), "Contact is allowed: a complaint is open.", False),
    ],
)
def test_the_line_says_what_the_gate_says(channels: tuple[Channel, ...], begins: str, forbids: bool) -> None:
    stop = strongest_stop(
        {HoldKind.COMPLAINT: ""}, Objected({HoldKind.COMPLAINT: channels}), with_legal=False
    )
    assert stop is not None
    assert (stop.title.startswith(begins), stop.forbids) == (True, forbids)


def test_what_stops_nothing_gives_way_to_what_stops(sqlite_desk: Desk) -> None:
    stop = strongest_stop(
        {HoldKind.COMPLAINT: "", HoldKind.MILITARY: ""},
        Objected({HoldKind.MILITARY: tuple(Channel)}),
        with_legal=False,
    )
    assert stop is not None
    assert stop.title == "Do not contact: military service."


def test_page_gate_and_worklist_say_one_thing_of_every_hold(sqlite_desk: Desk) -> None:
    """A case of a call that is due, under each kind of hold in turn; a complaint with each choice of the portfolio."""
    case_id = make_case(sqlite_desk)
    ben = sqlite_desk.sign_in(Role.AGENT)

    def call_is_due(session: Session) -> None:
        case = session.get_one(CollectionsCase, case_id)
        builders.call_task(session, case, due_on=TODAY)
        case.now_past_due_minor = 5_000

    def held(kind: HoldKind, stops: ComplaintStops) -> Callable[[Session], None]:
        def place(session: Session) -> None:
            case = session.get_one(CollectionsCase, case_id)
            session.get_one(Portfolio, case.portfolio_id).complaint_stops = stops.value
            for hold in session.scalars(select(CaseHold).where(col(CaseHold.ended_at).is_(None))):
                hold.ended_at = NOW - timedelta(hours=1)
            session.add(
                CaseHold(
                    customer_id=case.customer_id, case_id=case_id, kind=kind,
                    reason="for a reason", until=TODAY + timedelta(days=30), started_at=NOW - timedelta(days=1),
                    by="user:ben",
                )
            )  # fmt: skip

        return place

    def asked(session: Session) -> tuple[str, Section]:
        case = session.get_one(CollectionsCase, case_id)
        item = items_among(session, books_at(session, NOW), [case_id], NOW)[case_id]
        verdict = callable_now(session, [case.customer_id], {case.customer_id: 5_000}, NOW)
        return verdict[case.customer_id].verdict, item.section

    sqlite_desk.write(call_is_due)
    for kind, stops in [
        *((kind, ComplaintStops.REMINDERS) for kind in HoldKind),
        (HoldKind.COMPLAINT, ComplaintStops.EVERYTHING),
        (HoldKind.COMPLAINT, ComplaintStops.NOTHING),
    ]:
        sqlite_desk.write(held(kind, stops))
        page = page_of(ben, case_id)
        verdict, section = sqlite_desk.read(asked)
        says_no = re.search(r'<p class="stop"[^>]*><strong>Do not c', page) is not None
        says_yes = "Contact is allowed" in page
        if HOLD_TRAITS[kind].stop[0]:
            assert says_no == (verdict != "yes"), (kind, stops)
            assert says_yes == (verdict == "yes"), (kind, stops)
        assert (section is Section.CALL) == (verdict == "yes"), (kind, stops, section)
        assert ("no legal step until it is" in page) == (stops is ComplaintStops.NOTHING), (kind, stops)


def test_amounts_stay_closed_until_it_is_known_who_answered(sqlite_desk: Desk) -> None:
    case_id = make_case(sqlite_desk)
    ben = sqlite_desk.sign_in(Role.AGENT)
    panel = _panel(ben.get(f"/cases/{case_id}").text)
    before, _, after = panel.partition("<details")
    assert "May I speak with Anna Berg?" in before
    assert "50.00" not in before
    assert "50.00" in after
    assert '<details class="confirmed" open' not in panel

    refused = ben.submit(f"/cases/{case_id}/identity")
    assert refused.status_code == 422
    assert "Tick the questions that you asked" in refused.text
    assert on_record(sqlite_desk, IdentityChecked.KIND) == []

    ben.submit(f"/cases/{case_id}/identity", asked=["birth_date", "address", "unknown"])
    [event] = on_record(sqlite_desk, IdentityChecked.KIND)
    assert (event["asked"], event["by"]) == (["birth_date", "address"], "user:ben"), "never the answers"
    panel = _panel(ben.get(f"/cases/{case_id}").text)
    assert '<details class="confirmed" open' in panel
    assert "date of birth, address and postcode" in panel
    assert "Identity checked" in page_of(ben, case_id)

    # Half an hour later it is another call, and so it is for a colleague.
    sqlite_desk.clock.at = NOW + timedelta(minutes=31)
    assert '<details class="confirmed" open' not in _panel(ben.get(f"/cases/{case_id}").text)


def test_a_case_with_the_legal_team_says_so_and_takes_no_promise(sqlite_desk: Desk) -> None:
    case_id = make_case(sqlite_desk)
    ben = sqlite_desk.sign_in(Role.AGENT)

    def refer(session: Session) -> None:
        session.scalars(select(CollectionsCase)).one().with_legal_since = NOW - timedelta(days=2)

    sqlite_desk.write(refer)
    page = page_of(ben, case_id)
    assert "Do not contact: the case is with the legal team." in page
    assert "only they agree on payments" in page
    assert 'id="do-promise"' not in ben.get(f"/cases/{case_id}").text
    due = (TODAY + timedelta(days=5)).isoformat()
    for path, fields in (
        ("promise", {"amount": "50.00", "due_on": due}),
        ("plans", {"total": "50.00", "months": "2", "first_due_on": due}),
    ):
        refused = ben.submit(f"/cases/{case_id}/{path}", **fields)
        assert refused.status_code == 409, path
        assert "is with the legal team" in refused.text


def test_money_shows_which_minimum_a_payment_paid(sqlite_desk: Desk) -> None:
    case_id, account_id = lived(sqlite_desk)
    pay(sqlite_desk, account_id, 6_000)
    page = text_of(sqlite_desk.sign_in(Role.AGENT), f"/cases/{case_id}?tab=money")
    assert "CN¥50.00 to the minimum of Feb 24, 2026 , CN¥10.00 to the balance only" in page
    assert "Settled" in page
    assert page.count("Balance after") == 1, "ledger and statements are one table"
    assert builders.count(sqlite_desk.engine, CollectionsCase) == 1


def _panel(html: str) -> str:
    found = re.search(r'<section class="card script".*?</section>', html, re.DOTALL)
    assert found
    return found[0]


def test_nobody_reads_a_script_to_the_dead(sqlite_desk: Desk) -> None:
    case_id = make_case(sqlite_desk)
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert "May I speak with Anna Berg?" in _panel(ben.get(f"/cases/{case_id}").text)
    ben.submit(f"/cases/{case_id}/call", result="deceased", person="her daughter, 010 5550 0126")
    panel = _panel(ben.get(f"/cases/{case_id}").text)
    assert "May I speak with" not in panel
    assert "Do not call." in panel
    assert "Check identity" in panel, "somebody may call us"


@pytest.mark.parametrize(
    ("collector", "set_name", "said"),
    [
        (CollectorKind.FIRST_PARTY, "", "from First Harbor Bank. Please call me back"),
        (CollectorKind.THIRD_PARTY, "", "Leave no message: no business name is set"),
        (CollectorKind.THIRD_PARTY, "NGR Services", "from NGR Services. Please call me back"),
    ],
)
def test_a_voicemail_tells_nobody_of_a_debt(
    sqlite_desk: Desk, collector: CollectorKind, set_name: str, said: str
) -> None:
    """12 CFR 1006.2(j): a limited-content message."""
    case_id = make_case(sqlite_desk)

    def settle(session: Session) -> None:
        book = get_portfolio(session, builders.BOOK)
        book.collector, book.voicemail_name, book.creditor = collector, set_name, "First Harbor Bank"
        book.agency = "Northgate Recoveries" if collector is CollectorKind.THIRD_PARTY else ""

    sqlite_desk.write(settle)
    panel = _panel(sqlite_desk.sign_in(Role.AGENT).get(f"/cases/{case_id}").text)
    voicemail = re.search(r"Voicemail: what to leave</summary>(.*?)</details>", panel, re.DOTALL)
    assert voicemail
    assert said in voicemail[1]
    assert not re.search(r"Northgate|past due|debt of|Anna", voicemail[1])
