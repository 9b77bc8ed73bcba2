"""The morning page and the trends: what they say, where they lead, and what they refuse in a sentence."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.feeds.reading import workbook
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from app.reporting.changes.models import FigureLook
from tests import builders
from tests.reporting.kpis.lived import LAST
from tests.web.book import LAST_ON, lived_in
from tests.web.desk import Browser, Desk
from tests.web.managers.test_dashboard import rows_of
from tests.web.managers.test_returns import lived_desk


@pytest.fixture
def manager(desk: Desk) -> Browser:
    lived_in(desk.engine)
    return desk.sign_in(Role.MANAGER)


def test_it_says_what_waits_with_the_counts_of_the_lists(desk: Desk, manager: Browser) -> None:
    page = manager.get("/morning").text
    for place, count in re.findall(r'<a href="(/worklist[^"]+)"><strong class="decide-n">(\d+)', page):
        listed = manager.get(place.replace("&amp;", "&") + "&format=csv").text
        assert len(rows_of(listed)) == int(count), place
    assert "What needs a decision" in page
    assert "No worker is alive" in page
    for title in ("Recovery success rate", "Customer satisfaction", "Co-operation with legal"):
        assert title in page
    assert "Nothing yet" in page


def test_what_changed_is_explained_by_slices_and_a_look_is_kept(desk: Desk, manager: Browser) -> None:
    page = manager.get("/morning?compare=yesterday").text
    assert "against the day before" in page.lower()
    assert "dimension=bucket&amp;member=" in page
    marks = desk.read(lambda session: session.get(FigureLook, ("mei", 1)))
    assert marks is not None
    assert (marks.seen_on, marks.before_on) == (LAST_ON, None)

    def earlier(session: Session) -> None:
        mark = session.get_one(FigureLook, ("mei", 1))
        mark.seen_on = date(2026, 2, 27)

    desk.write(earlier)
    assert "your last look" in manager.get("/morning").text


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("/morning?date=2020-01-01", "The first closed day of CARDS is"),
        ("/morning?date=tomorrow", "is not a day. Write it as"),
        ("/morning?compare=never", "Choose one of yesterday"),
        ("/morning?product=Gold", "has no product"),
        ("/trends?figure=profit", "There is no key figure"),
        ("/trends?first=2026-03-01&last=2026-02-01", "Swap the two days"),
        ("/trends?last=2020-01-01&first=2019-12-01", "there are no figures up to"),
        ("/trends?first=2031-01-01&last=2031-01-02", "there are no figures from"),
        ("/trends?dimension=shoe", "has no slices by"),
        ("/trends?compare=never", "Nothing is compared with"),
        ("/trends/flow?date=2020-01-01", "The first closed day of CARDS is"),
        ("/trends/roll-forward?date=soon", "is not a day. Write it as"),
        ("/trends/cohorts?curve=profit", "There is no curve"),
        ("/trends/classes?scheme=basel", "There is no scheme"),
    ],
)
def test_what_cannot_be_gets_a_sentence(manager: Browser, place: str, sentence: str) -> None:
    answer = manager.get(place)
    assert answer.status_code in (404, 422)
    assert sentence in answer.text.replace("&#39;", "'")


def test_a_trend_is_the_same_in_table_csv_and_workbook(manager: Browser, tmp_path: Path) -> None:
    place = "/trends?portfolio=CARDS&figure=overdue_rate_balance_1&compare=before"
    assert "Overdue rate by balance, 1+ days" in manager.get(place).text
    rows = rows_of(manager.get(place + "&format=csv").text)
    dashboard = {
        row["business_date"]: row["numerator"]
        for row in rows_of(manager.get("/dashboard?format=csv").text)
        if row["kpi"] == "overdue_rate_balance_1"
    }
    assert {row["date"]: row["numerator"] for row in rows} == dashboard
    file = tmp_path / "trend.xlsx"
    file.write_bytes(manager.get(place + "&format=xlsx").content)
    header, *cells = workbook.rows(file)
    assert header[:2] == ["line", "date"]
    assert [row[1] for row in cells] == [row["date"] for row in rows]
    assert [float(row[3]) for row in cells] == [float(row["numerator"]) for row in rows]
    by_bucket = rows_of(manager.get(place + "&dimension=bucket&format=csv").text)
    day = str(LAST_ON)
    assert sum(float(row["numerator"]) for row in by_bucket if row["date"] == day) == float(dashboard[day])


def test_each_cell_of_the_flow_leads_to_its_accounts(manager: Browser) -> None:
    page = manager.get("/trends/flow?portfolio=CARDS").text
    links = re.findall(
        r'<td class="num heat-\d"><a href="([^"]+)">.*?<span class="small">(\d+)</span>', page, re.S
    )
    assert links
    for href, accounts in links:
        assert len(rows_of(manager.get(href.replace("&amp;", "&") + "&format=csv").text)) == int(accounts)


def test_cohorts_and_classes_say_the_same_on_page_in_file_and_in_lists(
    manager: Browser, tmp_path: Path
) -> None:
    place = f"/trends/cohorts?portfolio=CARDS&curve=late-30&date={LAST_ON}"
    page = manager.get(place).text
    rows = rows_of(manager.get(place + "&format=csv").text)
    last = [row for row in rows if row["date"] == str(LAST_ON)]
    assert last
    assert sum(int(row["denominator"]) for row in last) == 5, "all five accounts are in a cohort"
    for row in last:
        href = (
            f"/figures/overdue_rate_accounts_30?portfolio=CARDS&date={LAST_ON}&part=numerator&dimension=placement"
            f"&member={row['cohort']}"
        )
        assert href.replace("&", "&amp;") in page
        assert len(rows_of(manager.get(href + "&format=csv").text)) == int(row["numerator"])
    file = tmp_path / "cohorts.xlsx"
    file.write_bytes(manager.get(place + "&format=xlsx").content)
    header, *cells = workbook.rows(file)
    assert [(cell[0], cell[2]) for cell in cells] == [(row["cohort"], row["date"]) for row in rows]
    assert header[0] == "cohort"
    assert "Nothing yet" in manager.get("/trends/cohorts?portfolio=CARDS&curve=charge-off").text
    place = f"/trends/classes?portfolio=CARDS&scheme=cn_card&date={LAST_ON}"
    page = manager.get(place).text
    assert "Order 2011 No. 2, art. 92" in page
    by_class = {
        row["class"]: int(row["accounts"]) for row in rows_of(manager.get(place + "&format=csv").text)
    }
    assert sum(by_class.values()) == 4, "all but Eva are past due"
    for name, accounts in by_class.items():
        href = (
            f"/figures/supervisory_class_accounts?portfolio=CARDS&date={LAST_ON}&dimension=cn_card"
            f"&member={name.replace(' ', '+')}&format=csv"
        )
        assert len(rows_of(manager.get(href).text)) == accounts, name


def test_complaints_read_as_so_many_of_a_thousand_accounts(engine: Engine) -> None:
    """Two complaints of the customers of seven accounts."""
    manager = lived_desk(engine).sign_in(Role.MANAGER)
    page = manager.get(f"/morning?portfolio=CARDS&date={LAST}").text
    assert "285.7 per 1,000" in page
    trend = manager.get("/trends?portfolio=CARDS&figure=complaints_per_1000").text
    assert '"unit":"count"' in trend
    assert "285.714" in trend


def test_cohorts_open_on_the_first_curve_that_has_a_value(engine: Engine) -> None:
    """Nothing was placed, paid or charged off: the accounts that are late come first."""
    with transaction(engine) as session:
        book = builders.portfolio(session)
        builders.late_customer(session, book, due_on=date(2026, 1, 20), minimum=10_000, balance=100_000)
    builders.close_day(engine, date(2026, 3, 2))
    manager = Desk(engine).sign_in(Role.MANAGER)
    assert '<option value="late-30" selected>' in manager.get("/trends/cohorts?portfolio=CARDS").text


def test_a_figure_of_the_page_leads_to_what_it_counts_and_its_trend(engine: Engine) -> None:
    manager = lived_desk(engine).sign_in(Role.MANAGER)
    page = manager.get(f"/morning?portfolio=CARDS&date={LAST}").text
    assert len(page.encode()) < 60_000
    places = re.findall(r'<a class="kpi-link" href="([^"]+)"', page)
    assert len(places) > 30
    for place in places:
        behind = manager.get(place.replace("&amp;", "&")).text
        (trend,) = re.findall(r'<a class="button" href="(/trends\?[^"]+)">Trend</a>', behind)
        assert manager.get(trend.replace("&amp;", "&")).status_code == 200, place


def test_figures_that_count_nothing_are_named_together(manager: Browser) -> None:
    page = manager.get("/morning").text
    empty = re.findall(r"Nothing yet: (.*?)\.</p>", page, re.DOTALL)
    assert empty
    for names in empty:
        assert "/trends?portfolio=" in names
        assert "kpi-value" not in names
