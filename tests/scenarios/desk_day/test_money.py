"""Waivers, amounts as people type them, one figure for one fact."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlmodel import select

from app.book.ledger.models import Entry, Waiver
from app.book.ledger.rules import EntryKind
from tests.scenarios.desk_day.formosa import LAI, LU, TODAY, Formosa, confirmed, flash


def test_a_waived_fee_leaves_past_due_days_and_bucket_as_they_were(day: Formosa) -> None:
    """Bug 2: the credit of a waiver undoes its fee and pays no minimum."""
    before = day.case_text(LAI)
    assert "NT$1,151" in before
    path = f"/accounts/{day.account(LAI)}"
    confirmed(
        day.mei, f"{path}/post", kind="fee", amount="300", effective_on=TODAY.isoformat(), description="late"
    )
    assert "NT$9,943" in day.case_text(LAI)
    fee = day.desk.read(lambda s: s.scalars(select(Entry.id).where(Entry.kind == EntryKind.FEE)).one())
    confirmed(day.ben, f"{path}/entries/{fee}/waive", amount="300", reason="asked for it by phone")
    waiver = day.desk.read(lambda s: s.scalars(select(Waiver.id)).one())
    flash(day.mei, day.mei.submit(f"/waivers/{waiver}/decide", approve="true"))
    for page in (day.case_text(LAI), day.text(path)):
        assert "NT$1,151" in page
        assert "NT$9,643" in page
        assert "30-59" in page
        assert "NT$851" not in page
    assert "1-29" not in day.case_text(LAI)


def test_case_and_account_say_one_number_of_days_and_one_balance(day: Formosa) -> None:
    """Contradictions: 34 on the case and 35 on the account; a balance beside another "balance after"."""
    case, account = day.case_text(LAI, "?tab=accounts"), day.text(f"/accounts/{day.account(LAI)}?tab=ledger")
    assert "Days 35 30-59" in case
    assert re.search(r"\b35 days?\b", account)
    assert not re.search(r"\b34\b", case + account)
    for page in (case, account):
        assert page.count("NT$9,643") >= 2, "the balance, and the balance after the last entry"


@pytest.mark.parametrize("typed", ["2,786", "NT$2,786", "２７８６", " 2 786 ", "2786.00"])
def test_an_amount_as_the_page_prints_it_or_a_keyboard_types_it_is_taken(day: Formosa, typed: str) -> None:
    """Bug 20: "2,786" where the page prints NT$2,786, and full-width digits."""
    terms = {"amount": typed, "due_on": (TODAY + timedelta(days=5)).isoformat()}
    assert "Promise of NT$2,786" in day.send(LU, "promise", **terms)


def test_a_part_of_a_dollar_is_refused_in_words(day: Formosa) -> None:
    """Bug 20: no talk of "decimals" to an agent, and no example that would be refused too."""
    due_on = (TODAY + timedelta(days=5)).isoformat()
    page = day.refused(LU, "promise", amount="3520.50", due_on=due_on)
    assert "Whole TWD only: enter 3520 or the next higher amount." in page
    assert "1250.00" not in page


def test_a_plan_of_less_than_a_dollar_an_instalment_says_so(day: Formosa) -> None:
    """Bug 25: 5 in 12 parts and no down payment."""
    first = (TODAY + timedelta(days=5)).isoformat()
    page = day.refused(LU, "plans", total="5", months="12", first_due_on=first)
    assert "down payment leaves" not in page
    assert "instalment" in page


def test_what_came_for_a_minimum_and_what_is_unpaid_add_up_to_it(day: Formosa) -> None:
    """Contradiction: minimum 2,179, came 1,803, unpaid 1,535; the account page had other figures."""
    day.pay(LU, 1_000)
    case = day.case_text(LU, "?tab=money")
    case = case[case.index("Ledger and statements") :]
    account = day.text(f"/accounts/{day.account(LU)}?tab=statements")
    account = account[account.index("Statements: due date") :]
    assert "NT$1,000 to the minimum of Feb 27, 2026" in case
    assert "NT$2,786 Unpaid NT$1,786" in case
    for table in (case, account):
        for figure in ("NT$2,786", "NT$1,000", "NT$1,786"):
            assert figure in table, figure
