"""The future is refused, and what is older than its account, by every feed and by the night."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.feeds.loads import load
from app.book.feeds.bank.matching import match_payment
from app.book.feeds.models import UnmatchedPayment
from app.book.feeds.preview import preview
from app.book.feeds.reading.dates import DATE_RULES, refusal
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.models import Entry
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.ids import id_of
from app.operations.day.closing import NotOver, require_over
from tests import builders

TODAY, OPENED = date(2026, 3, 1), date(2024, 1, 15)
FUTURE = "is in the future: today is 2026-03-01"
EARLY = "is before the account was opened on 2024-01-15"


@pytest.mark.parametrize(
    ("kind", "values", "why"),
    [
        (FeedKind.PAYMENTS, {"effective_on": date(2026, 3, 1)}, ""),
        (FeedKind.PAYMENTS, {"effective_on": date(2026, 3, 2)}, FUTURE),
        (FeedKind.PAYMENTS, {"effective_on": date(2062, 3, 1)}, FUTURE),
        (FeedKind.PAYMENTS, {"effective_on": date(2024, 1, 15)}, ""),
        (FeedKind.PAYMENTS, {"effective_on": date(2024, 1, 14)}, EARLY),
        (FeedKind.TRANSACTIONS, {"effective_on": date(2026, 3, 2)}, FUTURE),
        (FeedKind.TRANSACTIONS, {"effective_on": date(1962, 3, 1)}, EARLY),
        (FeedKind.POSITIONS, {"as_of": date(2026, 3, 1)}, ""),
        (FeedKind.POSITIONS, {"as_of": date(2026, 3, 2)}, FUTURE),
        (FeedKind.POSITIONS, {"as_of": date(2024, 1, 14)}, EARLY),
        (FeedKind.ACCOUNTS, {"opened_on": date(2026, 3, 1), "placed_on": None}, ""),
        (FeedKind.ACCOUNTS, {"opened_on": date(2026, 3, 2), "placed_on": None}, FUTURE),
        (FeedKind.ACCOUNTS, {"opened_on": OPENED, "placed_on": date(2026, 4, 1)}, ""),
        (FeedKind.ACCOUNTS, {"opened_on": OPENED, "placed_on": date(2026, 4, 2)}, FUTURE),
        (FeedKind.STATEMENTS, {"closing_on": date(2026, 4, 1), "due_on": date(2026, 4, 20)}, ""),
        (FeedKind.STATEMENTS, {"closing_on": date(2026, 4, 2), "due_on": date(2026, 4, 20)}, FUTURE),
        (FeedKind.STATEMENTS, {"closing_on": date(2024, 1, 14), "due_on": date(2024, 2, 1)}, EARLY),
        (FeedKind.STATEMENTS, {"closing_on": date(2026, 2, 1), "due_on": date(2027, 2, 2)}, ""),
        (
            FeedKind.STATEMENTS,
            {"closing_on": date(2026, 2, 1), "due_on": date(2027, 2, 3)},
            "is more than 366 days after closing_on 2026-02-01",
        ),
    ],
)
def test_a_day_is_neither_to_come_nor_before_its_account(
    kind: FeedKind, values: dict[str, date | None], why: str
) -> None:
    found = [said for rule in DATE_RULES[kind] if (said := refusal(rule, values, TODAY, OPENED))]
    assert bool(found) == bool(why)
    assert why in "".join(found)


PAYMENTS = "payment_ref,account_ref,paid_on,amount,method\n"
OF_2062, OF_2027 = "P-1,A1,2062-11-20,50.00,typed 2062 for 2026\n", "P-2,A1,2027-02-20,50.00,\n"
OF_1962, TOO_EARLY = "P-3,A1,1962-11-20,50.00,\n", "P-4,A1,2024-01-14,50.00,two weeks before opening\n"
GOOD = "P-5,A1,2026-03-01,50.00,today\n"


def _feed(engine: Engine, folder: Path, kind: FeedKind, text: str) -> LoadReport:
    path = folder / "feed.csv"
    path.write_text(text)
    return load(
        engine,
        kind,
        path,
        builders.BOOK,
        rejects_dir=folder / "rejects",
        by=Actor.user("ann"),
        now=builders.NOW,
    )


def _reasons(report: LoadReport) -> str:
    assert report.rejects_file
    return Path(report.rejects_file).read_text()


def test_payments_of_the_future_or_before_the_opening_are_rejected_by_name(
    engine: Engine, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        holder = builders.customer(session, builders.portfolio(session))
        builders.account(session, holder, reference="A1", opened_on=OPENED)
    report = _feed(
        engine, tmp_path, FeedKind.PAYMENTS, PAYMENTS + OF_2062 + OF_2027 + OF_1962 + TOO_EARLY + GOOD
    )
    assert (report.loaded, report.rejected) == (1, 4)
    said = _reasons(report)
    assert f"2,paid_on,2062-11-20 {FUTURE}" in said
    assert f"4,paid_on,1962-11-20 {EARLY}" in said
    with transaction(engine) as session:
        assert session.scalars(select(Entry)).one().reference == "P-5"
        portfolio = session.scalars(select(Portfolio)).one()
        (tmp_path / "feed.csv").write_text(PAYMENTS + OF_2062 + GOOD)
        shown = preview(portfolio, FeedKind.PAYMENTS, tmp_path / "feed.csv", today=TODAY)
    assert [reject.reason for reject in shown.rejects] == [f"2062-11-20 {FUTURE}"]


def test_an_account_that_is_opened_tomorrow_is_not_here_yet(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        builders.portfolio(session)
    head = (
        "account_ref,customer_ref,full_name,language,country,timezone,address_line1,city,postcode,mobile,email,"
        "card_last4,product,currency,credit_limit,apr,opened_on\n"
    )
    row = "A{n},C{n},Anna,en,CN,,,,,,,1234,Gold,CNY,1.00,0,{on}\n"
    report = _feed(
        engine,
        tmp_path,
        FeedKind.ACCOUNTS,
        head + row.format(n=1, on="2026-03-02") + row.format(n=2, on="2026-03-01"),
    )
    assert (report.loaded, report.rejected) == (1, 1)
    assert FUTURE in _reasons(report)


def test_a_waiting_payment_is_not_matched_to_an_account_that_was_opened_later(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = builders.portfolio(session)
        late = builders.account(session, builders.customer(session, portfolio), opened_on=TODAY)
        waiting = UnmatchedPayment(
            portfolio_id=id_of(portfolio),
            reference="B1",
            paid_on=TODAY - timedelta(days=1),
            amount_minor=100,
            received_at=builders.NOW,
        )
        session.add(waiting)
        session.flush()
        with pytest.raises(Invalid, match="was opened on 2026-03-01, after this day"):
            match_payment(session, waiting, late, by=Actor.user("ann"), now=builders.NOW)


@pytest.mark.parametrize(
    ("zone", "over_at"),
    [
        ("Asia/Shanghai", datetime(2026, 3, 9, 16, 0, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 10, 4, 0, tzinfo=UTC)),
        ("Pacific/Honolulu", datetime(2026, 3, 10, 10, 0, tzinfo=UTC)),
    ],
)
def test_a_day_is_closed_when_it_is_over_where_the_portfolio_is(
    engine: Engine, zone: str, over_at: datetime
) -> None:
    on, a_second = date(2026, 3, 9), timedelta(seconds=1)
    with transaction(engine) as session:
        portfolio = builders.portfolio(session, timezone=zone)
        said = f"2026-03-09 is not over in {zone}.*2026-03-10 00:00 there .{over_at:%Y-%m-%d %H:%M} UTC"
        with pytest.raises(NotOver, match=said):
            require_over(portfolio, on, over_at - a_second)
        require_over(portfolio, on, over_at)
    with pytest.raises(NotOver, match="2026-03-10 is not over"):
        builders.close_day(engine, on + timedelta(days=1), now=over_at - a_second)
    (report,) = builders.close_day(engine, on, now=over_at)
    assert report.business_date == on
    with pytest.raises(NotOver):
        builders.close_day(engine, on + timedelta(days=31), now=over_at)
