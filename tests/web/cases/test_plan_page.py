"""The page of an agreement: terms, payments and what came for them, history, and what is done from it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Account, Customer
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan
from app.casework.plans.rules import Instalment, PlanStatus
from app.casework.plans.service import accept
from app.casework.plans.tracking.progress import PlanPayment, progress
from app.casework.plans.tracking.references import in_groups, reference_of
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.web.cases.plan.lines import lines_of
from tests import builders
from tests.agreements import make_offer, monthly
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.cases.test_two_people_browser import served, sign_in
from tests.web.desk import NOW, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser
__all__ = ["served"]

BEN = Actor.user("ben")
AGREED = {"acceptance": "phone", "pays_by": "bank transfer", "read_back": "on"}
TODAY = date(2026, 3, 2)


def offered(session: Session, case_id: int | None = None) -> tuple[int, int]:
    """A case, and a plan of 600.00 in six payments from March 20 that is offered on it."""
    case = builders.delinquent_case(
        session, due_on=date(2026, 1, 15), on=date(2026, 3, 1), owner="ben", minimum=40_000
    )
    terms = monthly(60_000, 10_000, 5, date(2026, 3, 20))
    plan = make_offer(session, case, terms, by=BEN, today=TODAY, now=NOW)
    return id_of(case), id_of(plan)


def running(session: Session) -> tuple[int, int]:
    """A plan of 600.00 that runs since January 18; 190.00 came for it."""
    case = builders.delinquent_case(
        session, due_on=date(2026, 1, 15), on=date(2026, 3, 1), owner="ben", minimum=40_000
    )
    began, at = date(2026, 1, 18), builders.at(date(2026, 1, 18))
    terms = monthly(60_000, 10_000, 5, date(2026, 1, 20))
    plan = make_offer(session, case, terms, by=BEN, today=began, now=at)
    accept(session, plan, by=BEN, today=began, now=at)
    card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
    builders.payment(session, card, 12_000, date(2026, 1, 20))
    builders.payment(session, card, 7_000, date(2026, 2, 19))
    return id_of(case), id_of(plan)


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def test_the_page_shows_what_came_for_each_payment(desk: Desk) -> None:
    ben = desk.sign_in(Role.AGENT)
    case_id, plan_id = desk.write(running)
    page = ben.get(f"/cases/{case_id}/plans/{plan_id}").text
    assert "CN¥190.00 of CN¥600.00 paid" in page
    assert 'value="19000" max="60000"' in page
    assert "CN¥10.00 short" in page
    assert "Accepted" in page
    assert "Granted by Ben Okafor" in page
    assert in_groups(reference_of(plan_id, 2)) in page
    case = ben.get(f"/cases/{case_id}").text
    assert f'href="/cases/{case_id}/plans/{plan_id}"' in case
    assert f"/cases/{case_id}/plans/{plan_id}" in ben.get(f"/cases/{case_id}?tab=agreements").text


def test_the_page_says_by_which_channel_its_letters_go_and_why_not(desk: Desk) -> None:
    ben = desk.sign_in(Role.AGENT)
    case_id, plan_id = desk.write(offered)
    page = ben.get(f"/cases/{case_id}/plans/{plan_id}").text
    assert "Nothing was written to the customer about it." in page

    def by_post_only(session: Session) -> None:
        customer = session.get_one(Customer, session.get_one(Plan, plan_id).customer_id)
        customer.mobile = customer.email = ""

    desk.write(by_post_only)
    path = f"/cases/{case_id}/plans/{plan_id}"

    def done(what: str, **typed: str) -> str:
        ben.submit(f"{path}/{what}", from_plan="1", **typed)
        return ben.get(path).text

    page = done("accept", **AGREED)
    assert (
        "no SMS, no address on file for SMS; no e-mail, no address on file for e-mail; letter queued" in page
    )
    assert "Plan confirmation, letter: leaves from" in page
    assert "May not go" not in page, "it is told by post"

    def nowhere(session: Session) -> None:
        session.get_one(Customer, session.get_one(Plan, plan_id).customer_id).address_line1 = ""

    desk.write(nowhere)
    page = done("move", n="1", due_on="2026-04-22")
    assert "The payment is due on Apr 22, 2026 now." in page
    assert "no letter, no address on file for post" in page
    for channel in ("SMS", "e-mail", "letter"):
        assert f"Instalment moved, {channel}: no address on file for" in page
    assert page.count("May not go") == 3


def test_only_the_case_of_a_plan_shows_it_and_legal_only_reads(desk: Desk) -> None:
    desk.sign_in(Role.AGENT)
    case_id, plan_id = desk.write(offered)
    other, _ = desk.write(running)
    lena = desk.sign_in(Role.LEGAL)
    assert lena.get(f"/cases/{other}/plans/{plan_id}").status_code == 404
    page = lena.get(f"/cases/{case_id}/plans/{plan_id}").text
    assert "Waits for the customer" in page
    assert "Record the acceptance" not in page
    assert lena.submit(f"/cases/{case_id}/plans/{plan_id}/accept", from_plan="1").status_code == 403


def test_an_offer_is_accepted_and_cancelled_on_its_page(desk: Desk) -> None:
    ben = desk.sign_in(Role.AGENT)
    case_id, plan_id = desk.write(offered)
    path = f"/cases/{case_id}/plans/{plan_id}"
    refused = ben.submit(f"{path}/accept", **{**AGREED, "read_back": ""})
    assert refused.status_code == 422
    assert "tick this once they said yes" in refused.text
    claimed = ben.submit(f"{path}/accept", **{**AGREED, "acceptance": "payment", "read_back": ""})
    assert claimed.status_code == 422, "only the desk records that a payment or the page accepted it"
    assert ben.get(f"{path}/accept").headers["location"].startswith(f"{path}?do=accept-{plan_id}")
    done = ben.submit(f"{path}/accept", **AGREED, words="On the fifth")
    assert done.headers["location"] == path
    page = ben.get(path).text
    assert "Repayment plan accepted" in page
    assert "by telephone" in page
    assert (
        "First payment on Mar 20, 2026, by bank transfer. Read back, and they said yes. “On the fifth”"
        in page
    )
    assert desk.read(lambda session: session.get_one(Plan, plan_id).status) is PlanStatus.ACTIVE
    refused = ben.submit(f"{path}/cancel", from_plan="1", reason="")
    assert refused.status_code == 422
    assert "Say why." in refused.text
    assert "Payments of P-" in refused.text
    again = ben.get(f"{path}/cancel")
    assert again.headers["location"].startswith(f"{path}?do=cancel-{plan_id}")
    assert ben.submit(f"{path}/cancel", from_plan="1", reason="They asked").headers["location"] == path
    page = ben.get(path).text
    assert "They asked" in page
    assert "It ended on" in page
    assert f'href="{path.split("/plans/")[0]}/negotiate"' in page, "a debt that stands can be agreed on again"


def test_a_date_is_moved_and_a_payment_skipped_as_the_agreement_lets(desk: Desk) -> None:
    ben = desk.sign_in(Role.AGENT)
    case_id, plan_id = desk.write(offered)
    path = f"/cases/{case_id}/plans/{plan_id}"
    ben.submit(f"{path}/accept", **AGREED)
    assert "The agreement says no skip: you grant it" in ben.get(path).text

    def let_skip(session: Session) -> None:
        session.get_one(Plan, plan_id).skips_allowed = 1

    desk.write(let_skip)
    wrong = ben.submit(f"{path}/move", n="1", due_on="2026-07-01", reason="")
    assert wrong.status_code == 422
    assert "can be moved by at most" in wrong.text
    assert 'value="2026-07-01"' in wrong.text
    assert (
        ben.submit(f"{path}/move", n="1", due_on="2026-04-24", reason="Paid later").headers["location"]
        == path
    )
    assert ben.submit(f"{path}/skip", n="3", reason="Holiday").headers["location"] == path
    page = ben.get(path).text
    assert "moved from <time" in page
    assert "Skipped" in page
    assert "Paid later" in page
    assert "Holiday" in page
    assert "Skip a payment" not in page  # the one skip is used
    assert ben.submit(f"{path}/skip", n="1").status_code == 409


def test_a_skip_beyond_ones_limit_is_asked_of_a_manager(desk: Desk) -> None:
    ben = desk.sign_in(Role.AGENT)
    case_id, plan_id = desk.write(offered)
    path = f"/cases/{case_id}/plans/{plan_id}"
    ben.submit(f"{path}/accept", **AGREED)

    def grant_none(session: Session) -> None:
        session.get_one(Portfolio, session.get_one(Plan, plan_id).portfolio_id).agent_skips_a_year = 0

    desk.write(grant_none)
    refused = ben.submit(f"{path}/skip", n="3", reason="Holiday")
    assert refused.status_code == 422
    assert "An agent may grant no skip a year alone. Ask a manager to grant it." in refused.text
    assert 'value="Holiday"' in refused.text
    assert ben.submit(f"{path}/skip/request", n="3", reason="").status_code == 422
    assert ben.submit(f"{path}/skip/request", n="3", reason="Holiday").headers["location"] == path
    assert ben.get(f"{path}/skip/request").headers["location"].startswith(f"{path}?do=skip-{plan_id}")
    inbox = desk.sign_in(Role.MANAGER).get("/approvals").text
    assert "Skip of a payment" in inbox
    assert "Let them skip payment 3 of" in inbox


@pytest.mark.parametrize(
    ("day", "paid", "words"),
    [
        (date(2026, 3, 9), 0, ["To come", "To come"]),
        (date(2026, 3, 10), 0, ["Due today", "To come"]),
        (date(2026, 3, 13), 0, ["Late", "To come"]),
        (date(2026, 3, 14), 0, ["Missed", "To come"]),
        (date(2026, 3, 14), 100, ["Paid", "To come"]),
        (date(2026, 3, 9), 130, ["Paid", "Paid in part"]),
    ],
)
def test_a_payment_stands_as_its_day_and_its_money_say(day: date, paid: int, words: list[str]) -> None:
    parts = [Instalment(n, date(2026, 2 + n, 10), 100) for n in (1, 2)]
    receipts = [PlanPayment(date(2026, 3, 9), paid)] if paid else []
    lines = lines_of(progress(parts, receipts, on=day, grace_days=3), 1, runs=True)
    assert [line.words for line in lines] == words


def test_nothing_is_asked_any_more_of_an_agreement_that_ended() -> None:
    parts = [Instalment(1, date(2026, 3, 10), 100)]
    [line] = lines_of(progress(parts, [], on=TODAY, grace_days=3), 1, runs=False)
    assert line.words == "No longer due"


def test_the_page_is_whole_at_every_width_and_its_acts_have_keys(
    served: tuple[Desk, int], browser: Browser
) -> None:
    desk, _ = served
    case_id, plan_id = desk.write(running)
    tab = sign_in(desk, browser, "ben")
    tab.goto(f"/cases/{case_id}/plans/{plan_id}")
    tab.keyboard.press("z")
    tab.wait_for_selector("#cancel-reason:focus")
    tab.keyboard.type("They pay all at once")
    assert_fits_and_is_accessible(tab)
    ends = "all => all.map(each => each.getBoundingClientRect().right)"
    states = tab.eval_on_selector_all(".plan-lines .badge", ends)
    assert len(states) == 6
    assert max(states) <= 390, "how a payment stands is in sight on a telephone too"
    tab.keyboard.press("Escape")
    tab.keyboard.press("b")
    tab.wait_for_url(f"**/cases/{case_id}")
