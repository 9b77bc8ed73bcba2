"""The page of a household: statement and answer by hand, totals, what is wrong beside its field, drafts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlmodel import Session, select

from app.casework.negotiation.household.models import AffordabilityAnswer, HouseholdStatement
from app.casework.negotiation.household.queries import household_of
from app.casework.negotiation.household.rules import Debt, Employment, Figure, FigureSource, Frequency, Tenure
from app.core.ids import id_of
from app.core.staff.models import FormDraft
from app.core.staff.rules import Role
from tests import builders
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.cases.test_two_people_browser import served, sign_in
from tests.web.desk import Browser, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
__all__ = ["served"]

TODAY = date(2026, 3, 2)
FORM = {
    "taken_on": "2026-03-02",
    "adults": "1",
    "children_under_16": "1",
    "tenure": "private_tenant",
    "work_part_time": "on",
    "total-earnings": "500",
    "total-earnings-every": "weekly",
    "total-earnings-source": "document",
    "total-earnings-of": "2026-02-27",
    "total-earnings-note": "Overtime in it.",
    "rent": "900.00",
    "rent-every": "monthly",
    "debt-2-creditor": "Other Bank",
    "debt-2-owed": "1000",
    "debt-2-kind": "other",
    "savings_considered": "on",
    "notes": "Baby in May.",
}


@pytest.fixture
def ben(sqlite_desk: Desk) -> Browser:
    return sqlite_desk.sign_in(Role.AGENT)


@pytest.fixture
def path(sqlite_desk: Desk) -> str:
    def write(session: Session) -> int:
        late = TODAY - timedelta(days=20)
        return id_of(builders.delinquent_case(session, due_on=late, on=TODAY - timedelta(days=1)))

    return f"/cases/{sqlite_desk.write(write)}/household"


def stored(desk: Desk) -> list[HouseholdStatement]:
    return desk.read(lambda session: list(session.scalars(select(HouseholdStatement))))


def test_a_statement_is_taken_by_hand(sqlite_desk: Desk, ben: Browser, path: str) -> None:
    assert "Not known yet" in ben.get(path).text
    assert f'href="{path}"' in ben.get(path.removesuffix("/household")).text
    seen = ben.submit(f"{path}/preview", **FORM)
    assert seen.status_code == 200
    assert "CN¥2,166.67" in seen.text
    assert 'value="Overtime in it."' in seen.text
    assert stored(sqlite_desk) == [], "a preview records nothing"
    part = ben.submit(f"{path}/preview", **FORM, fragment="1").text
    assert "<html" not in part
    assert "Our share" in part

    assert ben.submit(path, **FORM).status_code == 303
    [row] = stored(sqlite_desk)
    told = sqlite_desk.read(lambda session: household_of(session, row))
    assert told.figures == (
        Figure(
            "total-earnings",
            50_000,
            Frequency.WEEKLY,
            FigureSource.DOCUMENT,
            date(2026, 2, 27),
            "Overtime in it.",
        ),
        Figure("rent", 90_000),
    )
    assert told.debts == (Debt("Other Bank", 100_000),)
    assert (told.tenure, told.employment) == (Tenure.PRIVATE_TENANT, (Employment.PART_TIME,))
    assert (told.people.children_under_16, told.savings_considered, told.notes) == (1, True, "Baby in May.")
    shown = ben.get(path).text
    assert "a month</strong>, from the statement of" in shown
    assert 'name="rent" value="900.00"' in shown, "the next one begins with this one's figures"
    assert "Household statement recorded" in ben.get(path.removesuffix("/household")).text


def test_what_is_wrong_stands_beside_its_field_and_is_kept(
    sqlite_desk: Desk, ben: Browser, path: str
) -> None:
    wrong = {**FORM, "rent": "-5", "total-earnings": "9999999999", "debt-2-owed": "lots", "vehicles": "many"}
    answer = ben.submit(path, **wrong)
    assert answer.status_code == 422
    assert 'id="f-rent-error">An amount is not negative.' in answer.text
    assert 'value="lots"' in answer.text
    assert 'autocomplete="off" aria-invalid="true" aria-describedby="debt-2-error"' in answer.text
    assert 'id="f-vehicles-error">Write a whole number.' in answer.text
    answer = ben.submit(path, **{**FORM, "total-earnings": "9999999999"})
    assert 'id="f-total-earnings-error">This is too much for one household.' in answer.text
    assert stored(sqlite_desk) == []
    [draft] = sqlite_desk.read(lambda session: list(session.scalars(select(FormDraft))))
    assert draft.form == "household"
    part = ben.submit(f"{path}/preview", **{**FORM, "taken_on": "2026-03-03"}, fragment="1").text
    assert "The statement&#39;s day is in the future." in part
    assert ben.submit(path, **FORM).status_code == 303
    assert sqlite_desk.read(lambda session: list(session.scalars(select(FormDraft)))) == []


def test_two_answers_are_enough(sqlite_desk: Desk, ben: Browser, path: str) -> None:
    assert ben.submit(f"{path}/answer").status_code == 422
    answer = ben.submit(f"{path}/answer", monthly="-3")
    assert 'id="said-monthly-error">An amount is not negative.' in answer.text
    answer = ben.submit(
        f"{path}/answer",
        monthly="80",
        payday_on="2026-03-27",
        payday_cadence="fortnightly",
        payday_days_after="2",
    )
    assert answer.status_code == 303
    [row] = sqlite_desk.read(lambda session: list(session.scalars(select(AffordabilityAnswer))))
    assert (row.monthly_minor, row.payday_on, row.payday_days_after) == (8_000, date(2026, 3, 27), 2)
    shown = ben.get(path).text
    assert "CN¥80.00 a month" in shown
    assert "every two weeks" in shown


def test_the_legal_team_sees_what_can_be_paid_and_not_the_figures(
    sqlite_desk: Desk, ben: Browser, path: str
) -> None:
    ben.submit(path, **FORM)
    lars = sqlite_desk.sign_in(Role.LEGAL)
    shown = lars.get(path).text
    assert "from the statement of" in shown
    assert "Overtime in it." not in shown
    assert lars.submit(path, **FORM).status_code == 403


def test_the_page_in_a_browser(served: tuple[Desk, int], browser: Chromium) -> None:
    desk, case_id = served
    tab = sign_in(desk, browser, "ben")
    tab.goto(f"/cases/{case_id}/household")
    tab.fill("#f-total-earnings", "3000")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.wait_for_selector("#totals td:has-text('3,000')")
    tab.fill("#f-rent", "x")
    tab.wait_for_selector("#totals [role=alert]")
    tab.fill("#f-rent", "1000")
    tab.wait_for_selector("#totals td:has-text('2,000')")
    tab.reload()
    tab.wait_for_selector("form .draft")
    assert tab.input_value("#f-rent") == "1000", "typed figures survive a reload"
    assert_fits_and_is_accessible(tab)
