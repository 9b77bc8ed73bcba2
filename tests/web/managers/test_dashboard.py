"""The manager's figures: shown, explained, adding up, and each with the rows behind it."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date, timedelta

import pytest

from app.book.delinquency.facts import MovementKind
from app.book.delinquency.queries import aging, roll_forward
from app.book.portfolios.models import DailyRun, Portfolio
from app.core.dates import month_start
from app.core.staff.rules import Role
from app.outreach.outbox.models import Heartbeat
from app.reporting.kpis import history
from app.reporting.kpis.buckets import buckets_at_close, buckets_now, month_at_close
from app.reporting.kpis.queries import month_roll_forward
from app.reporting.kpis.rules import Figure
from tests.web import book
from tests.web.book import LAST_ON, RESTATED_ON, lived_in
from tests.web.desk import NOW, Browser, Desk


@pytest.fixture
def lived(desk: Desk) -> book.Book:
    return lived_in(desk.engine)


@pytest.fixture
def manager(desk: Desk, lived: book.Book) -> Browser:
    return desk.sign_in(Role.MANAGER)


def rows_of(answer_text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer_text.removeprefix("\ufeff"))))


def test_only_managers_open_it(sqlite_desk: Desk) -> None:
    for role in Role:
        status = sqlite_desk.sign_in(role).get("/dashboard").status_code
        assert status == (200 if role is Role.MANAGER else 403), role


def test_an_empty_desk_says_what_to_do_first(sqlite_desk: Desk) -> None:
    manager = sqlite_desk.sign_in(Role.MANAGER)
    assert "desk portfolio add" in manager.get("/dashboard").text
    sqlite_desk.write(lambda session: book.builders.portfolio(session))
    page = manager.get("/dashboard").text
    assert "Close a first business day" in page
    assert "desk day --date" in page
    assert manager.get("/dashboard?portfolio=NOPE").status_code == 404


def test_a_portfolio_without_figures_leads_to_those_that_have_some(
    desk: Desk, manager: Browser, lived: book.Book
) -> None:
    desk.write(lambda session: book.builders.portfolio(session, "AAA"))
    assert "Harbour Bank (CARDS)" in manager.get("/dashboard").text
    assert 'href="/dashboard?portfolio=CARDS"' in manager.get("/dashboard?portfolio=AAA").text


def test_figures_stand_with_what_they_count(manager: Browser, lived: book.Book) -> None:
    page = manager.get("/dashboard").text
    assert "4 of 5" in page  # all but Eva are 1+ days past due
    assert "1 of 5" in page  # Cai is 90+
    assert "Closes exactly" in page
    assert "all invariants hold" in page
    behind = f"/figures/overdue_rate_accounts_90?portfolio=CARDS&amp;date={LAST_ON}&amp;part=numerator"
    assert behind in page
    listed = manager.get(behind.replace("&amp;", "&"))
    assert "Cai Dong" in listed.text
    assert "1 listed, 1 together" in listed.text
    rows = rows_of(manager.get(behind.replace("&amp;", "&") + "&format=csv").text)
    assert [(row["kind"], row["amount"], row["unit"]) for row in rows] == [("account", "1", "accounts")]
    assert "Out of" in listed.text
    assert manager.get(f"/figures/profit?portfolio=CARDS&date={LAST_ON}").status_code == 404
    assert "has not closed" in manager.get("/figures/recovery_rate?portfolio=CARDS&date=2031-01-01").text
    assert "/worklist?portfolio=CARDS&amp;bucket=90-119" in page


def test_the_rows_behind_an_overdue_rate_sum_to_its_numerator(manager: Browser, lived: book.Book) -> None:
    for on in (LAST_ON, LAST_ON - timedelta(days=2)):  # from the states, and from the ledger of a past day
        figures = {row["kpi"]: row for row in rows_of(manager.get("/dashboard?format=csv").text)
                   if row["business_date"] == str(on)}  # fmt: skip
        for days in (1, 30, 60, 90):
            where = f"/dashboard/accounts?portfolio=CARDS&on={on}&days={days}"
            rows = rows_of(manager.get(where + "&format=csv").text)
            assert len(rows) == int(figures[f"overdue_rate_accounts_{days}"]["numerator"])
            total = sum(float(row["balance"]) for row in rows)
            assert total == float(figures[f"overdue_rate_balance_{days}"]["numerator"])
    page = manager.get(where).text
    assert "Cai Dong" in page
    assert 'href="/cases/' in page


def test_the_movements_behind_the_month_sum_to_its_lines(
    desk: Desk, manager: Browser, lived: book.Book
) -> None:
    first = month_start(LAST_ON)
    roll = desk.read(lambda session: roll_forward(session, lived.portfolio_id, first, LAST_ON))
    assert roll.closes
    for kind, expected in (("fell_past_due", roll.fell_past_due), ("paid", roll.paid)):
        where = f"/dashboard/movements?portfolio=CARDS&kind={kind}&first={first}&last={LAST_ON}"
        rows = rows_of(manager.get(where + "&format=csv").text)
        assert sum(round(100 * float(row["amount"])) for row in rows) == expected
        days = [row["on"] for row in rows]
        assert days == sorted(days, reverse=True)
        assert manager.get(where).status_code == 200
    february = f"/dashboard/movements?portfolio=CARDS&kind=paid&first=2026-02-01&last={LAST_ON}"
    assert "Bo Chen" in manager.get(february).text


def test_the_roll_forward_of_buckets_closes_and_leads_to_its_lists(
    desk: Desk, manager: Browser, lived: book.Book
) -> None:
    on = month_start(LAST_ON) - timedelta(days=1)
    where = f"/trends/roll-forward?portfolio=CARDS&date={on}"
    shown = manager.get(where).text
    assert "Closes exactly" in shown
    rows = {row["bucket"]: row for row in rows_of(manager.get(where + "&format=csv").text)}
    roll = desk.read(lambda session: month_roll_forward(session, lived.portfolio_id, on))
    assert round(100 * float(rows["all"]["closing"])) == roll.end > 0
    assert round(100 * float(rows["all"]["fell"])) == roll.fell_past_due > 0
    bucket, row = next((bucket, row) for bucket, row in rows.items() if float(row["closing"]))
    listed = f"/figures/roll_forward_closing?portfolio=CARDS&date={on}&dimension=bucket&member={bucket}"
    things = rows_of(manager.get(listed + "&format=csv").text)
    assert sum(float(each["amount"]) for each in things) == float(row["closing"])
    assert manager.get(where + "&format=xlsx").headers["content-type"].endswith("spreadsheetml.sheet")


def test_a_restated_day_keeps_both_figures(manager: Browser, lived: book.Book) -> None:
    rows = rows_of(manager.get("/dashboard?format=csv").text)
    [row] = [r for r in rows if r["business_date"] == str(RESTATED_ON) and r["kpi"] == "recovery_rate"]
    assert (row["version"], row["first_numerator"], row["numerator"]) == ("2", "0.00", "20.00")
    page = manager.get("/dashboard").text
    assert "restated since the night" in page
    assert "as first reported" in page


@pytest.mark.parametrize(
    ("first", "current", "restated"),
    [((30, 10_000), (30, 10_000), False), ((30, 10_000), (31, 10_400), False), ((30, 10_000), (31, 10_000), True),
     ((0, 0), (0, 0), False), ((0, 0), (1, 1), True)],
)  # fmt: skip
def test_a_figure_that_reads_the_same_is_not_listed_as_restated(
    first: tuple[int, int], current: tuple[int, int], restated: bool
) -> None:
    then, now = Figure("recovery_rate", *first), Figure("recovery_rate", *current)
    point = history.Point(LAST_ON, now, then, version=2, definition="1", computed_at=NOW)
    assert point.restated is restated


def test_pages_of_movements_follow_each_other_by_day(desk: Desk, lived: book.Book) -> None:
    def read(session: book.builders.Session) -> None:
        span = (lived.portfolio_id, MovementKind.FELL_PAST_DUE, date(2026, 1, 1), LAST_ON)
        whole = history.movements(session, *span)
        pages, after = [], None
        while rows := history.movements(session, *span, after=after, limit=2):
            pages += rows
            after = (rows[-1].on, rows[-1].movement_id)
        assert len(whole) > 2
        assert pages == whole

    desk.read(read)


def test_buckets_over_time_are_those_of_each_day(desk: Desk, lived: book.Book) -> None:
    def compare(session: book.builders.Session) -> None:
        portfolio = session.get_one(Portfolio, lived.portfolio_id)
        first = date(2026, 2, 20)  # before any day was closed: spells reach back
        series = history.past_due_by_bucket(session, portfolio, first, LAST_ON)
        for n in range((LAST_ON - first).days + 1):
            buckets = aging(session, portfolio, first + timedelta(days=n)).buckets
            for label, amounts in series.items():
                assert amounts[n] == buckets[label].past_due, (label, n)
        kept, now = buckets_at_close(session, portfolio, LAST_ON), buckets_now(session, portfolio)
        assert kept == now
        assert month_at_close(session, portfolio, LAST_ON) == month_roll_forward(
            session, lived.portfolio_id, LAST_ON
        )
        for label, total in kept.items():
            assert total == aging(session, portfolio, LAST_ON).buckets[label]

    desk.read(compare)


def test_charts_have_their_figures_in_a_table(manager: Browser, lived: book.Book) -> None:
    page = manager.get("/dashboard?days=30").text
    specs = [json.loads(text) for text in re.findall(r"data-chart>(.*?)</script>", page, re.S)]
    assert [spec["type"] for spec in specs] == ["line", "bar", "line", "line"]
    assert len(specs[0]["labels"]) == 4
    assert page.count("<summary>Figures</summary>") == 4


def test_silent_workers_and_a_day_that_did_not_finish_are_said(
    desk: Desk, manager: Browser, lived: book.Book
) -> None:
    assert "None alive" in manager.get("/dashboard").text
    beat = NOW - timedelta(seconds=20)
    desk.write(lambda s: s.add(Heartbeat(worker="box-1", at=beat, started_at=beat)))
    desk.write(lambda s: s.add(Heartbeat(worker="box-2", at=NOW - timedelta(hours=1), started_at=beat)))
    page = manager.get("/dashboard").text
    assert "1 alive" in page
    assert "Silent" in page
    stages = json.dumps([{"name": "invariants", "seconds": 0.1, "counts": {"violations": 2}}])
    begun = DailyRun(
        portfolio_id=lived.portfolio_id, business_date=date(2026, 3, 2), started_at=NOW, stages=stages
    )
    desk.write(lambda session: session.add(begun))
    page = manager.get("/dashboard").text
    assert "Not finished" in page
    assert "2 rows violate an invariant" in page


def test_a_day_that_is_not_closed_has_no_rows(manager: Browser, lived: book.Book) -> None:
    for path in (
        "/dashboard/accounts?portfolio=CARDS&on=2026-03-09&days=1",
        "/dashboard/movements?portfolio=CARDS&kind=paid&first=2026-03-01&last=2026-03-09",
        f"/dashboard/accounts?portfolio=NOPE&on={LAST_ON}&days=1",
    ):
        assert manager.get(path).status_code == 404
    assert manager.get(f"/dashboard/accounts?portfolio=CARDS&on={LAST_ON}&days=0").status_code == 422
