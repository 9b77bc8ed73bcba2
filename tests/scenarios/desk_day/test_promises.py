"""Promises, settlements and offers: their figures before, and their state after."""

from __future__ import annotations

from datetime import timedelta

from app.casework.approvals.models import ApprovalRequest
from app.casework.plans.models import Plan
from tests import builders
from tests.scenarios.desk_day.formosa import LAI, LU, TODAY, Formosa
from tests.web.cases.test_case import all_of

IN_A_WEEK = (TODAY + timedelta(days=7)).isoformat()


def test_a_promise_that_fell_due_unpaid_is_not_shown_as_running(day: Formosa) -> None:
    """Contradiction: badge "Promise to pay running" where it was due yesterday and nothing came."""
    tomorrow = TODAY + timedelta(days=1)
    day.send(LU, "promise", amount="2786", due_on=tomorrow.isoformat())
    assert "Promise to pay running" in day.case_text(LU)
    builders.close_day(day.desk.engine, tomorrow)
    day.later(days=2)
    page = day.case_text(LU)
    assert "Promise to pay running" not in page
    assert "Promise to pay: not paid when due Mar 3, 2026" in page
    assert "reminders paused until Mar 6, 2026" in page
    assert "NT$0 of it paid" in page
    assert (
        "was due" in day.text("/worklist?owner=all").lower()
        or "missed" in day.text("/worklist?owner=all").lower()
    )


def test_a_settlement_shows_what_is_owed_and_waived_before_it_is_offered(day: Formosa) -> None:
    """Bug 7: 67 % waived without a figure, a question or a second person."""
    form = day.text(f"/cases/{day.case(LAI)}?do=settlement", day.mei)
    assert "They owe NT$9,643" in form
    assert "NT$1,151 of it is past due, 35 days" in form
    asked = day.refused(LAI, "settlements", day.mei, amount="3,000", due_on=IN_A_WEEK)
    assert "They owe NT$9,643 and pay NT$3,000: NT$6,643, 68.9 %, is waived" in asked
    assert all_of(day.desk, Plan) == []
    own = day.refused(LAI, "settlements", amount="3,000", due_on=IN_A_WEEK)
    assert "manager" in own
    day.send(LAI, "settlements/request", amount="3,000", due_on=IN_A_WEEK, reason="A relative pays")
    [request] = all_of(day.desk, ApprovalRequest)
    assert request.asked_by == "user:ben"
    assert all_of(day.desk, Plan) == []


def test_a_settlement_says_one_way_in_which_it_is_accepted(day: Formosa) -> None:
    """Contradiction: "paying it accepts it" beside a button "Customer accepts"."""
    asked = day.mei.submit(f"/cases/{day.case(LAI)}/settlements", amount="9000", due_on=IN_A_WEEK)
    sure = asked.text.partition('name="sure" value="')[2].partition('"')[0]
    said = day.send(LAI, "settlements", day.mei, amount="9000", due_on=IN_A_WEEK, sure=sure)
    assert "NT$9,000 by Mar 9, 2026" in said
    assert "paying it accepts it" not in said
    page = day.case_text(LAI)
    assert ("Customer accepts" in page) == ("or says yes" in said)


def test_an_offer_of_another_case_or_of_a_past_day_is_no_open_item(day: Formosa) -> None:
    """Bug 18: an offer whose first payment passed stood as "Offered" with its schedule open."""
    first = (TODAY + timedelta(days=1)).isoformat()
    day.send(LU, "plans", day.mei, total="2786", months="2", first_due_on=first)
    assert "Offer waiting for an answer" in day.case_text(LU)
    builders.close_day(day.desk.engine, TODAY + timedelta(days=1))
    day.later(days=2)
    page = day.case_text(LU, "?tab=plans")
    assert "Offer waiting for an answer" not in page
    assert "The offer ended" in page or "the offer ended" in page
    assert " Offered " not in page.replace("Offered Mar", "")
