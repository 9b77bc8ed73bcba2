"""Three lives of agreements by page, in a real browser: two cards at different rates, renegotiated, an adviser's."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pypdfium2
import pytest
from sqlmodel import Session, col, select

from app.book.delinquency.service import fold_accounts
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.balances import balance_of
from app.book.ledger.models import Account, Customer
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.figures import refresh_touched
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.programs.ports import make_paper
from tests import builders
from tests.web.axe import violations
from tests.web.desk import NOW, Desk
from tests.web.serving import serving, signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def desk(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serving(sqlite_template, tmp_path_factory.mktemp("desk")) as served:
        served.app.state.ports = replace(served.app.state.ports, paper=make_paper())
        served.write(lambda session: builders.portfolio(session, accrues=True, agent_max_instalments=36))
        yield served


def today(desk: Desk) -> date:
    return desk.clock.now().date()


def late_case(desk: Desk) -> int:
    """A case of ben's with 400.00 past due of 1,800.00, on a gold card at 18 %."""

    def late(session: Session) -> int:
        due_on, on = today(desk) - 46 * DAY, today(desk) - DAY
        made = builders.delinquent_case(
            session, due_on=due_on, on=on, owner="ben", minimum=40_000, balance=180_000
        )
        return id_of(made)

    return desk.write(late)


def plans_of(desk: Desk, case_id: int) -> list[Plan]:
    query = select(Plan).where(Plan.case_id == case_id).order_by(col(Plan.id))
    return desk.read(lambda session: list(session.scalars(query)))


def shot(tab: Page, name: str) -> None:
    assert violations(tab) == []
    if folder := os.environ.get("DESK_TEST_SHOTS"):
        tab.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def accept(tab: Page) -> None:
    """What the customer says yes to is read back first."""
    tab.check("#agree-read-back")
    tab.get_by_role("button", name="Record the acceptance").click()
    tab.wait_for_selector(".flash >> text=accepted")


def negotiate(tab: Page, pay: str, first: date, *, in_writing: bool = False) -> None:
    """From the page of negotiation to a plan of what they can pay a month: accepted, or offered in writing."""
    tab.wait_for_url("**/negotiate")
    tab.fill("#deal-pay", pay)
    tab.fill("#deal-payday", first.isoformat())
    tab.click("text=Find offers")
    tab.wait_for_selector("input[data-pick][value^='o']", state="attached")
    tab.check("tr[data-kind=long_plan] input[name=option] >> nth=0")
    shot(tab, f"negotiate-{pay}")
    if not in_writing:
        tab.check("#agree-read-back")
    tab.get_by_role("button", name="Send the offer" if in_writing else "They accept").click()
    tab.wait_for_url("**/plans/*")


def test_two_cards_each_with_its_rate_before_and_now(desk: Desk, browser: Browser) -> None:
    case_id = late_case(desk)

    def second_card(session: Session) -> None:
        case = session.get_one(CollectionsCase, case_id)
        for card in session.scalars(select(Account).where(Account.customer_id == case.customer_id)):
            card.card_last4 = "1111"
        holder = session.get_one(Customer, case.customer_id)
        store = builders.account(
            session, holder, product="Store card", card_last4="2222", apr_millionths=50_000
        )
        due_on = today(desk) - 40 * DAY
        builders.entry(session, store, EntryKind.OPENING_BALANCE, 60_000, due_on - 50 * DAY)
        builders.statement(session, store, due_on - 20 * DAY, due_on, 10_000, balance=60_000)
        fold_accounts(
            session, session.scalars(select(Portfolio)).one(), [id_of(store)], through=today(desk) - DAY
        )
        refresh_touched(session, desk.clock.now())

    desk.write(second_card)

    # A lower rate is a manager's to grant: the agent's form says so beside the rate, and asks.
    tab = signed_in(desk, browser, Role.AGENT)
    tab.goto(f"/cases/{case_id}?do=plan")
    tab.select_option("#plan-terms", "hardship")
    tab.fill("#plan-total", "1200")
    tab.fill("#plan-months", "6")
    tab.fill("#plan-first", (today(desk) + 10 * DAY).isoformat())
    if not tab.is_visible("#plan-apr"):
        tab.click("text=Rate, fees, skips")
    tab.fill("#plan-apr", "6")
    tab.get_by_role("button", name="Offer this plan").click()
    tab.wait_for_selector("#plan-apr-error")
    shot(tab, "a1-refused")
    if not tab.is_visible("#plan-reason"):
        tab.click("#do-plan >> text=Beyond your limit?")
    tab.fill("#plan-reason", "Lost the job, begins anew in May")
    tab.click("#do-plan >> text=Send to a manager")
    tab.wait_for_selector(".flash")
    shot(tab, "a2-asked")
    tab.context.close()

    manager = signed_in(desk, browser, Role.MANAGER)
    manager.goto("/approvals")
    shot(manager, "a3-approval")
    manager.get_by_role("button", name="Approve").click()
    manager.wait_for_selector(".flash")
    shot(manager, "a4-approved")
    manager.context.close()

    [plan] = plans_of(desk, case_id)
    tab = signed_in(desk, browser, Role.AGENT)
    tab.goto(f"/cases/{case_id}/plans/{plan.id}")
    shot(tab, "a5-offer")
    accept(tab)
    shot(tab, "a6-accepted")
    terms = tab.inner_text("section[aria-labelledby=terms-title]")
    assert "Gold card ending 1111: 6 % a year while it is kept, 18 % before" in terms
    assert "Store card ending 2222: 5 % a year, as before" in terms
    printed = tab.context.request.get(f"/cases/{case_id}/plans/{plan.id}/agreement.pdf")
    if folder := os.environ.get("DESK_TEST_SHOTS"):
        for n, page in enumerate(pypdfium2.PdfDocument(printed.body())):
            page.render(scale=1.3).to_pil().save(Path(folder) / f"a7-print-{n}.png")
    text = " ".join(
        " ".join(
            page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(printed.body())
        ).split()
    )
    for words in ("Gold card", "1111", "18%", "6%", "Store card", "2222", "5%"):
        assert words in text, text
    tab.context.close()


def test_an_advisers_proposals_and_one_payment_for_all_of_them(desk: Desk, browser: Browser) -> None:
    cases = [late_case(desk) for _ in range(4)]
    references = [f"C-{case_id:06d}" for case_id in cases]
    tab = signed_in(desk, browser, Role.MANAGER)
    tab.goto("/advisers")
    tab.fill("#f-code", "HELP")
    tab.fill("#f-name", "Help with Debt")
    tab.fill("#f-email", "plans@help.example")
    tab.get_by_role("button", name="Add adviser").click()
    tab.wait_for_url("**/advisers/HELP")
    shot(tab, "c1-adviser")
    tab.context.close()

    # The rest is an agent's work: who is advised, what is proposed for them, and what came for them.
    tab = signed_in(desk, browser, Role.AGENT)
    tab.goto("/advisers/HELP")
    for n, reference in enumerate(references):
        tab.fill("#client-case", reference)
        tab.fill("#client-from", (today(desk) - 30 * DAY).isoformat())
        tab.fill("#client-reference", f"H-{n}")
        tab.get_by_role("button", name="Put on file").click()
        tab.wait_for_selector(f"text=H-{n}, authority")
    first_on = (today(desk) + 10 * DAY).isoformat()
    plans = [
        {"reference": reference, "offer": {"amount": amount, "frequency": "monthly", "first-on": first_on}}
        for reference, amount in zip([*references, "C-999999"], ["100.00"] * 3 + ["40.00"] * 2, strict=True)
    ]
    tab.select_option("#load-portfolio", builders.BOOK)
    content = json.dumps({"plans": plans}).encode()
    tab.set_input_files(
        "#load-file", {"name": "march.json", "mimeType": "application/json", "buffer": content}
    )
    tab.get_by_role("button", name="Load").click()
    tab.wait_for_selector("h1:has-text('march.json')")
    shot(tab, "c2-proposals")
    assert "C-999999" in tab.inner_text("section[aria-labelledby=h-rejects]")
    tab.get_by_role("button", name="Accept 3 within your limits").click()
    tab.wait_for_selector("text=3 of 4 decided")
    shot(tab, "c3-accepted")
    assert "accept it where it is within a manager’s limit" in tab.inner_text("main")
    manager = signed_in(desk, browser, Role.MANAGER)
    manager.goto(tab.url)
    manager.get_by_role("button", name="Accept", exact=True).click()
    manager.wait_for_selector("text=4 of 4 decided")
    manager.context.close()
    agreed = [plans_of(desk, case_id)[0] for case_id in cases]
    assert [plan.status for plan in agreed] == [PlanStatus.ACTIVE] * 4

    # One payment for all four plans, with a line that names nothing of ours.
    lines = [f"{plan.reference},100.00" for plan in agreed]
    schedule = "\n".join(["reference,amount", *lines, "P-999999,40.00"]).encode()
    tab.goto("/advisers/HELP")
    tab.select_option("#split-portfolio", builders.BOOK)
    tab.fill("#split-reference", "BK-77")
    tab.fill("#split-paid", today(desk).isoformat())
    tab.fill("#split-amount", "440")
    tab.set_input_files("#split-schedule", {"name": "s.csv", "mimeType": "text/csv", "buffer": schedule})
    shot(tab, "c4-split")
    tab.get_by_role("button", name="Split payment").click()
    tab.wait_for_selector("h1:has-text('Lump payment')")
    shot(tab, "c5-lump")
    assert "CN¥40.00 of it waits for a person" in tab.inner_text(".flash")

    # A person finds whose the rest is.
    waiting = desk.read(lambda session: session.scalars(select(UnmatchedPayment)).one())
    tab.click("td a:has-text('Open the payment')")
    tab.wait_for_url(f"**/unmatched/{waiting.id}")
    shot(tab, "c6-unmatched")
    tab.goto(f"/cases/{cases[0]}/plans/{agreed[0].id}")
    shot(tab, "c7-plan")
    assert "CN¥100.00 of" in tab.inner_text("#progress-title")

    def owed(session: Session) -> list[int]:
        query = select(Account).join(CollectionsCase, col(CollectionsCase.customer_id) == Account.customer_id)
        query = query.where(col(CollectionsCase.id).in_(cases)).order_by(col(Account.id))
        return [balance_of(session, id_of(each), today(desk)) for each in session.scalars(query)]

    assert desk.read(owed) == [170_000] * 4
    tab.context.close()


def test_a_plan_is_renegotiated_broken_and_negotiated_again(desk: Desk, browser: Browser) -> None:
    case_id = late_case(desk)
    tab = signed_in(desk, browser, Role.AGENT)
    tab.goto(f"/cases/{case_id}/negotiate")
    negotiate(tab, "150", today(desk) + 3 * DAY)
    [old] = plans_of(desk, case_id)

    # They earn less: the running plan is renegotiated from its page, in writing. Until they accept it goes on.
    tab.click("text=Renegotiate")
    tab.wait_for_url("**/negotiate")
    assert old.reference in tab.inner_text("main .notice >> nth=0")
    negotiate(tab, "90", today(desk) + 3 * DAY, in_writing=True)
    _, new = plans_of(desk, case_id)
    shot(tab, "b1-offer")
    assert "Offered in place of" in tab.inner_text("main")
    tab.goto(f"/cases/{case_id}/plans/{old.id}")
    shot(tab, "b1-offered-instead")
    assert f"Repayment plan {new.reference} is offered in its place." in tab.inner_text("main")
    assert "took its place" not in tab.inner_text("main")
    assert "Active" in tab.inner_text("p.lead")
    tab.click(f"main .notice a[href$='/plans/{new.id}']")
    tab.wait_for_url(f"**/plans/{new.id}")
    accept(tab)
    shot(tab, "b1-new")
    history = tab.inner_text("section[aria-labelledby=history-title]")
    assert f"Renegotiated from\nRepayment plan {old.reference}: " in history
    assert "Replaced" in history
    tab.click(f"a[href$='/plans/{old.id}']")
    tab.wait_for_url(f"**/plans/{old.id}")
    shot(tab, "b2-old")
    assert f"Renegotiated: Repayment plan {new.reference} took its place." in tab.inner_text("main")
    assert "Replaced" in tab.inner_text("p.lead")
    assert f"Renegotiate {new.reference}" in tab.inner_text("section[aria-labelledby=acts-title]")
    assert "Will not leave" in tab.inner_text("section[aria-labelledby=written-title]")
    tab.goto(f"/cases/{case_id}?tab=agreements")
    shot(tab, "b3-case")
    tab.context.close()

    # Nothing comes. The night after the grace the plan is broken, and its page leads to the next one.
    day = today(desk)
    while plans_of(desk, case_id)[1].status is PlanStatus.ACTIVE:
        builders.close_day(desk.engine, day)
        day += DAY
        assert day < NOW.date() + 20 * DAY
    desk.clock.at = builders.at(day, 10)
    tab = signed_in(desk, browser, Role.AGENT)
    tab.goto(f"/cases/{case_id}/plans/{new.id}")
    shot(tab, "b4-broken")
    tab.click("text=Negotiate again")
    negotiate(tab, "80", today(desk) + 3 * DAY)
    shot(tab, "b5-again")
    last = plans_of(desk, case_id)[-1]
    assert last.status is PlanStatus.ACTIVE
    tab.goto(f"/cases/{case_id}/plans/{new.id}")
    shot(tab, "b6-broken-later")
    assert f"Repayment plan {last.reference} was agreed since, and runs now." in tab.inner_text("main")
    tab.context.close()
