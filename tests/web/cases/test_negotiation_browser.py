"""The negotiation page in a real browser: each fault stands beside its field, with scripts and without."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlmodel import Session, select

from app.casework.plans.models import Plan
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.axe import violations
from tests.web.desk import Desk
from tests.web.serving import serving, signed_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def desk(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with serving(sqlite_template, tmp_path_factory.mktemp("desk")) as served:
        yield served


@pytest.fixture(scope="module")
def path(desk: Desk) -> str:
    """The negotiation of a case that is 400.00 past due."""

    def late(session: Session) -> int:
        made = builders.delinquent_case(
            session,
            due_on=date(2026, 1, 15),
            on=date(2026, 3, 1),
            owner="ben",
            minimum=40_000,
            balance=180_000,
        )
        return id_of(made)

    return f"/cases/{desk.write(late)}/negotiate"


def fault_beside(tab: Page, field: str) -> str:
    """The fault that a screen reader says with the field; '' = the field is right."""
    return str(
        tab.eval_on_selector(
            field,
            """field => field.getAttribute("aria-invalid") !== "true" ? "" : field.getAttribute("aria-describedby")
              .split(" ").map((id) => document.getElementById(id).textContent).join(" ")""",
        )
    )


def test_a_fault_stands_beside_its_field_as_it_is_typed_and_goes_with_it(
    desk: Desk, path: str, browser: Browser
) -> None:
    tab = signed_in(desk, browser, Role.AGENT)
    tab.goto(path)
    tab.fill("#deal-pay", "a lot")
    tab.wait_for_selector("#deal-pay[aria-invalid=true]")
    assert "amount" in fault_beside(tab, "#deal-pay")
    tab.fill("#deal-payday", "2031-01-01")
    tab.fill("#deal-pay", "150")
    tab.wait_for_selector("#deal-payday[aria-invalid=true]")
    assert "of the last year or the next three months" in fault_beside(tab, "#deal-payday")
    assert fault_beside(tab, "#deal-pay") == ""
    assert violations(tab) == []
    says = "words => document.getElementById('deal-status').textContent.includes(words)"
    tab.wait_for_function(says, arg="three months")
    tab.fill("#deal-payday", "2026-03-05")
    tab.wait_for_selector("input[data-pick='1']", state="attached")
    assert tab.locator("#deal-ask .error").count() == 0
    tab.wait_for_function(says, arg=" offers. First: ")
    tab.context.close()


def test_without_scripts_each_fault_stands_there_too(desk: Desk, path: str, browser: Browser) -> None:
    tab = signed_in(desk, browser, Role.AGENT, scripts=False)
    tab.goto(path)
    tab.fill("#deal-pay", "150")
    tab.fill("#deal-payday", "2031-01-01")
    tab.click("text=Find offers")
    for field, fault in (("#deal-payday", "three months"), ("#deal-pay", "")):
        said = tab.get_attribute(field, "aria-describedby") or ""
        assert (fault in tab.inner_text(f"#{said}")) if fault else not said
    assert tab.input_value("#deal-pay") == "150"
    tab.fill("#deal-payday", "2026-03-05")
    tab.click("text=Find offers")
    tab.wait_for_selector("text=the most expected cash first")
    tab.click("text=They accept")
    assert tab.inner_text("#agree-read-back-error").startswith("Read the dates and amounts back")
    assert tab.get_attribute("#agree-read-back", "aria-describedby") == "agree-read-back-error"
    assert tab.get_attribute("input[name=option] >> nth=0", "aria-describedby") == "deal-option-error"
    tab.context.close()


def test_a_refusal_sent_by_key_is_no_acceptance(desk: Desk, path: str, browser: Browser) -> None:
    tab = signed_in(desk, browser, Role.AGENT)
    tab.goto(path)
    tab.fill("#deal-pay", "150")
    tab.fill("#deal-payday", "2026-03-05")
    tab.click("text=Find offers")
    tab.wait_for_selector("input[data-pick='1'][value^='o']", state="attached")
    tab.wait_for_load_state("load")
    tab.keyboard.press("1")
    tab.wait_for_selector("#agree-read-back:focus")
    tab.keyboard.press("Space")
    tab.keyboard.press("r")
    tab.wait_for_selector("#deal-refusal:focus")
    tab.keyboard.type("Too long for them")
    tab.keyboard.press("Control+Enter")
    tab.wait_for_selector(".flash >> text=The refusal is on record")
    assert desk.read(lambda session: session.scalars(select(Plan)).all()) == []
    tab.context.close()
