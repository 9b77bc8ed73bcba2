"""The frame in a real browser: accessible, without a violation of the policy, usable from the keyboard."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import pytest
import uvicorn
from fastapi import APIRouter, Form
from sqlalchemy.engine import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.core.clock import SystemClock
from app.core.settings import Settings
from app.core.staff.rules import Role
from app.http.doors import AnyStaff
from app.http.rendering import environment
from app.web import rendering
from app.web.lists import Column
from tests import builders
from tests.web.axe import assert_fits_and_is_accessible, violations
from tests.web.desk import PASSWORD, Desk, make_ports

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SPECIMEN = """
{% extends "base.html" %}
{% block title %}Specimen{% endblock %}
{% block scripts %}{{ ui.chart_scripts() }}{% endblock %}
{% block actions %}<a class="button primary" href="#x" data-key="p"
 data-key-label="Record a promise">Promise</a>{% endblock %}
{% block content %}
<div class="grid-4">{{ ui.kpi("Recovered", "12.3%", "/account", "this month") }}{{ ui.kpi("Broken", "4", tone="bad") }}
{{ ui.kpi("Kept", 1200 | number, tone="good") }}{{ ui.kpi("Waiting", 7, tone="warn") }}</div>
{{ ui.tabs([("Timeline", "/specimen", true), ("Ledger", "/account", false)], "Case") }}
{% for tone in ["good", "warn", "bad", "info", "neutral"] %}{{ ui.badge(tone, tone) }}
{% call ui.notice(tone, "Do not contact") %}Until 9:00, <a href="/account">why</a>.{% endcall %}{% endfor %}
<div class="grid-2">{{ ui.chart("Recovery", {"type": "line", "labels": ["Jan", "Feb", "Mar"], "unit": "percent",
 "series": [{"name": "Recovered", "values": [0.1, 0.2, 0.15]}]}, open=true) }}
{{ ui.chart("Cash </script><b>", {"type": "bar", "labels": ["1-29", "30-59"], "unit": "EUR", "stacked": true,
 "series": [{"name": "Paid", "values": [100, 20]}, {"name": "Due", "values": [50, 70]}]}) }}</div>
{% call ui.filters() %}{{ ui.field("q", "Name") }}
{{ ui.select("stage", "Stage", [("", "any"), ("a", "early")]) }}{% endcall %}
{% call ui.data_table(columns, "Cases", csv=true, rows=true, default_sort="-owed", total=2) %}
<tr><th scope="row"><a href="/account">Ada</a></th><td class="num">{{ 123 | money("EUR") }}</td></tr>
<tr><th scope="row"><a href="/account/password">Bo</a></th><td class="num">{{ 99 | money("EUR") }}</td></tr>
{% endcall %}{{ ui.pager("abc", 2) }}
<ol class="timeline"><li data-tone="good"><span class="when">today</span><p>Paid</p></li><li><p>Called</p></li></ol>
{{ ui.empty("Nothing yet", "Load a feed.", "/account", "Load") }}
<form class="card stack" method="post" action="/specimen">{{ csrf_field() }}
{{ ui.field("note", "Note", rows=3, keep=true, error="Say more.", hint="What was agreed") }}
{{ ui.checkbox("agreed", "Agreed", hint="by telephone") }}<button class="button" type="submit">Save</button></form>
{% endblock %}
"""


@pytest.fixture
def desk(sqlite_engine: Engine, free_port: int) -> Iterator[Desk]:
    """The application served over a real socket, with a page that shows every part."""
    settings = Settings.model_validate(
        {"secret_key": "s" * 40, "public_url": f"http://127.0.0.1:{free_port}", "log_level": "ERROR"}
    )
    desk = Desk(sqlite_engine, settings=settings, ports=make_ports(SystemClock(), settings))
    desk.clock.at = SystemClock().now()
    for role in Role:
        desk.sign_in(role)
    router = APIRouter()

    @router.get("/specimen")
    def specimen(request: Request, _staff: AnyStaff) -> Response:
        columns = [Column("Name", "name"), Column("Owed", "owed", numeric=True)]
        template = environment().from_string(SPECIMEN)
        return HTMLResponse(template.render(**rendering._frame(request), flashes=[], columns=columns))

    @router.post("/specimen")
    def save(request: Request, _staff: AnyStaff, note: Annotated[str, Form()] = "") -> Response:
        return rendering.redirect(request, "/specimen", "Saved.")

    desk.add(router)
    server = uvicorn.Server(uvicorn.Config(desk.app, port=free_port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield desk
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def tab(desk: Desk, browser: Browser) -> Iterator[Page]:
    """A tab that fails the test when the console says anything about the policy or an error of ours."""
    context = browser.new_context(base_url=desk.settings.public_url, viewport={"width": 1440, "height": 900})
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    yield tab
    context.close()
    assert [
        text for text in said if not text.startswith("Failed to load resource: the server responded")
    ] == []


def log_in(tab: Page, username: str) -> None:
    tab.goto("/login")
    tab.fill("#f-username", username)
    tab.fill("#f-password", PASSWORD)
    tab.press("#f-password", "Enter")
    tab.wait_for_url(lambda url: "/login" not in url)


def test_signing_in_and_administration_are_accessible_at_both_widths(tab: Page) -> None:
    tab.goto("/login")
    assert violations(tab) == []
    tab.fill("#f-username", "alma")
    tab.fill("#f-password", "wrong")
    tab.press("#f-password", "Enter")
    tab.wait_for_selector('[role="alert"]')
    assert violations(tab) == []
    log_in(tab, "alma")
    for path in (
        "/admin/staff",
        "/admin/staff/new",
        "/admin/staff/1",
        "/admin/tokens",
        "/admin/tokens/new",
        "/account",
        "/account/password",
        "/nothing-here",
    ):
        tab.goto(path)
        assert_fits_and_is_accessible(tab, 320)


def test_every_part_is_accessible_and_within_the_policy(tab: Page) -> None:
    log_in(tab, "ben")
    tab.goto("/specimen")
    tab.wait_for_function("window.Chart && Object.keys(Chart.instances).length === 2")
    assert violations(tab) == []
    assert_fits_and_is_accessible(tab, 320)


def test_every_part_is_accessible_in_the_dark(tab: Page) -> None:
    """The colours of the reader's system; every text still has its contrast."""
    log_in(tab, "ben")
    tab.emulate_media(color_scheme="dark")
    tab.goto("/specimen")
    assert tab.title().startswith("Specimen")
    ink, ground = tab.evaluate(
        "() => [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (ink, ground) == ("rgb(230, 233, 240)", "rgb(16, 19, 26)")
    assert_fits_and_is_accessible(tab)


def test_the_api_page_keeps_to_the_policy(tab: Page) -> None:
    tab.goto("/api/docs")
    tab.wait_for_selector(".opblock")


def test_rows_are_walked_with_j_and_k_and_opened_with_enter(tab: Page) -> None:
    log_in(tab, "ben")
    tab.goto("/specimen")
    current: Callable[[], str] = lambda: tab.inner_text("tr.is-current a")  # noqa: E731
    for key, name in [("j", "Ada"), ("j", "Bo"), ("j", "Bo"), ("k", "Ada"), ("j", "Bo")]:
        tab.keyboard.press(key)
        assert current() == name
    tab.keyboard.press("?")
    assert "Record a promise" in tab.inner_text("dialog[open]")
    tab.keyboard.press("Escape")
    tab.keyboard.press("p")
    assert tab.url.endswith("#x")
    tab.keyboard.press("/")
    assert tab.evaluate("document.activeElement.name") == "q"
    tab.keyboard.type("jk?")
    assert tab.input_value("form.find [name=q]") == "jk?"
    tab.locator("tr", has_text="Bo").locator("a").focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/account/password")


def test_typed_text_survives_a_lost_page_and_goes_once_it_is_sent(tab: Page) -> None:
    from playwright.sync_api import expect

    log_in(tab, "ben")
    tab.goto("/specimen")
    tab.fill("[name=note]", "promised 50 on Friday")
    tab.goto("/account")
    tab.goto("/specimen")
    expect(tab.locator("[name=note]")).to_have_value("promised 50 on Friday")

    cookies = tab.context.cookies()
    tab.context.clear_cookies()
    tab.click("text=Save")
    tab.wait_for_url("**/login?next=*")
    tab.context.add_cookies(cookies)  # signed in again
    tab.goto("/specimen")
    expect(tab.locator("[name=note]")).to_have_value("promised 50 on Friday")

    tab.click("text=Save")
    expect(tab.locator("[name=note]")).to_have_value("")


def test_nothing_needs_a_script(desk: Desk, browser: Browser) -> None:
    context = browser.new_context(base_url=desk.settings.public_url, java_script_enabled=False)
    tab = context.new_page()
    log_in(tab, "alma")
    tab.goto("/admin/tokens/new")
    tab.fill("#f-name", "core bank")
    tab.check("input[value=manager]")
    tab.click("button.primary")
    assert tab.inner_text(".secret-value").startswith("desk_")
    context.close()


def test_a_customer_is_found_from_any_page_by_the_keyboard(desk: Desk, tab: Page) -> None:
    on = desk.clock.now().date()
    case = desk.write(lambda s: builders.delinquent_case(s, due_on=on - timedelta(days=30), on=on))
    log_in(tab, "ben")
    tab.goto("/account")
    tab.keyboard.press("Control+k")
    tab.keyboard.type("anna exa", delay=20)
    tab.wait_for_selector("#find-list [role=option]")
    field = tab.locator("form.find input[type=search]")
    assert field.get_attribute("aria-expanded") == "true"
    assert violations(tab) == []
    tab.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == "find-0"
    tab.keyboard.press("Escape")
    assert field.get_attribute("aria-expanded") == "false"
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"**/cases/{case.id}")


def test_single_keys_can_be_switched_off_but_ctrl_k_stays(desk: Desk, tab: Page) -> None:
    log_in(tab, "ben")
    tab.goto("/account")
    tab.uncheck("#f-single_keys")
    tab.click("form:has-text('Single-key') button")
    tab.wait_for_selector("body[data-keys=off]")
    tab.keyboard.press("/")
    tab.keyboard.press("?")
    assert tab.evaluate("document.activeElement.tagName") == "BODY"
    assert tab.locator("dialog[open]").count() == 0
    tab.keyboard.press("Control+k")
    assert tab.evaluate("document.activeElement.name") == "q"
