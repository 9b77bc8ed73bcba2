"""The form of a plan: its kinds, the limit of each field, and an error beside the field that it is about."""

from __future__ import annotations

import re
from datetime import date

import pytest
from sqlmodel import Session, select

from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import Browser, Desk

TERMS = {"total": "600", "months": "12", "first_due_on": "2026-03-20", "terms": "hardship"}
STEPPED = {**TERMS, "terms": "reduced", "reduced_payments": "3", "reduced_amount": "25"}
TOKEN = {**TERMS, "terms": "token", "total": "15", "months": "3"}


@pytest.fixture
def case_id(sqlite_desk: Desk) -> int:
    """A late customer who owes 1,000.00, of which 50.00 has been past due for 29 days."""

    def case(session: Session) -> int:
        made = builders.delinquent_case(session, due_on=date(2026, 2, 1), on=date(2026, 3, 1))
        portfolio = session.scalars(select(Portfolio)).one()
        portfolio.agent_relief_months = 3
        portfolio.agent_lowers_rate = True
        return id_of(made)

    sqlite_desk.sign_in(Role.MANAGER)
    return sqlite_desk.write(case)


@pytest.fixture
def ben(sqlite_desk: Desk) -> Browser:
    return sqlite_desk.sign_in(Role.AGENT)


def plan_of(desk: Desk) -> Plan:
    return desk.read(lambda session: session.scalars(select(Plan)).one())


def error_at(page: str, field: str) -> str:
    found = re.search(rf'id="plan-{field}-error">([^<]*)', page)
    return found[1] if found else ""


def test_the_form_names_each_limit_and_offers_payments_that_grow(
    sqlite_desk: Desk, ben: Browser, case_id: int
) -> None:
    form = ben.get(f"/cases/{case_id}?do=plan").text
    for words in (
        "Hardship plan, smaller payments first",
        "You may grant 3 months",
        "stays owed",
        "can be waived",
    ):
        assert words in form, words
    shown = ben.submit(f"/cases/{case_id}/plans/preview", **STEPPED).text
    assert shown.count("CN¥25.00") == 3, "the schedule comes without a script"
    assert shown.count("CN¥58.34") == 8
    answer = ben.submit(f"/cases/{case_id}/plans", **STEPPED)
    assert answer.status_code == 303, answer.text
    plan = plan_of(sqlite_desk)
    assert (plan.kind, plan.total_minor, plan.review_on) == (PlanKind.HARDSHIP, 60_000, date(2026, 5, 20))
    page = ben.get(f"/cases/{case_id}/plans/{plan.id}").text
    assert (
        "You pay CN¥25.00 3 times, the first on Mar 20, 2026, and from Jun 22, 2026 on CN¥58.34 each" in page
    )


@pytest.mark.parametrize("accrues", [True, False])
def test_token_payments_are_looked_at_twice(
    sqlite_desk: Desk, ben: Browser, case_id: int, accrues: bool
) -> None:
    sqlite_desk.write(lambda s: setattr(s.scalars(select(Portfolio)).one(), "accrues", accrues))
    asked = ben.submit(f"/cases/{case_id}/plans", **TOKEN)
    assert "CN¥985.00 stays owed. Is that right?" in asked.text
    sure = re.search(r'name="sure" value="(token:[0-9:]+)"', asked.text)
    assert sure
    assert ben.submit(f"/cases/{case_id}/plans", **TOKEN, sure=sure[1]).status_code == 303
    plan = plan_of(sqlite_desk)
    rate = 0 if accrues else None
    assert (plan.is_token, plan.apr_millionths, plan.total_minor) == (True, rate, 1_500)
    page = ben.get(f"/cases/{case_id}/plans/{plan.id}").text
    assert "The rest stays owed, and we talk about it by May 20, 2026. Is that right?" in page


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({**STEPPED, "reduced_payments": "4"}, "reduced-payments", "beyond the 3 that an agent may grant"),
        ({**STEPPED, "reduced_payments": ""}, "reduced-payments", "Write a whole number"),
        ({**STEPPED, "reduced_amount": "x"}, "reduced-amount", "amount"),
        ({**TERMS, "reduced_amount": "25"}, "reduced-amount", "or leave this empty"),
        ({**TOKEN, "total": ""}, "total", "sum of all token payments"),
        ({**TOKEN, "down_payment": "5"}, "terms", "Token payments are all alike"),
        ({**TERMS, "apr": "5.99999"}, "apr", "at most 4 decimals"),
        ({**TERMS, "waived_fees": "1"}, "waived", "can be waived"),
        ({**TERMS, "skips": "99"}, "skips", "may be skipped"),
        ({**TERMS, "re_age": "on"}, "re-age", "re-age"),
        ({**TERMS, "review_on": "2026-05-20"}, "review", "Only token or reduced payments"),
        ({**TERMS, "terms": "gift"}, "terms", "Choose one"),
    ],
)
def test_what_cannot_be_granted_is_said_beside_its_field(
    sqlite_desk: Desk, ben: Browser, case_id: int, typed: dict[str, str], field: str, says: str
) -> None:
    page = ben.submit(f"/cases/{case_id}/plans", **{"sure": "", **typed})
    assert page.status_code == 422
    assert says in error_at(page.text, field), page.text
    assert sqlite_desk.read(lambda session: session.scalars(select(Plan)).all()) == []


def test_beyond_ones_limit_the_same_form_asks_a_manager(
    sqlite_desk: Desk, ben: Browser, case_id: int
) -> None:
    typed = {**STEPPED, "reduced_payments": "4", "reason": "Parental leave until July"}
    assert ben.submit(f"/cases/{case_id}/plans/request", **typed).status_code == 303
    request = sqlite_desk.read(lambda session: session.scalars(select(ApprovalRequest)).one())
    assert request.kind.value == "hardship"
    story = sqlite_desk.sign_in(Role.MANAGER).get("/approvals").text
    assert re.search("looked at again with the customer on <strong><time[^>]*>Jun 22, 2026", story)
    assert "Schedule of 12 payments, CN¥600.00 in all" in story
    assert "3 months of token or smaller payments alone" in story
    promised = ben.submit(f"/cases/{case_id}/promise", amount="50", due_on="2026-03-10", sure="")
    assert promised.status_code == 303
    later = sqlite_desk.sign_in(Role.MANAGER).get("/approvals").text
    assert re.search("It cannot be granted now: Promise to pay P-[0-9]+ is running", later)
