"""Thresholds: limits as people type them, crossed or not, judged once a day, alerts that end when a figure is back."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.core.database.engine import reading, table_of, transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.operations.alerts.rules import AlertKind
from app.operations.alerts.service import ended_alerts, open_alerts
from app.operations.thresholds.rules import (
    Limit,
    Measured,
    Pair,
    ThresholdTest,
    is_crossed,
    limit_words,
    read_limit,
    require_judged,
)
from app.operations.thresholds.service import (
    change_threshold,
    end_threshold,
    judge,
    set_threshold,
    thresholds_of,
)
from app.reporting.kpis.definitions.catalog import DEFINITIONS
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.rules import Dimension, Statistic, Unit
from tests import builders
from tests.operations.digests.story import FIGURE, MEI, NOW, SUNDAY, close, open_book, the_book
from tests.web.book import LAST_ON, lived_in

ABOVE, BELOW, CHANGED = ThresholdTest
VALUE, COUNTED = Measured
SHARE = DEFINITIONS[FIGURE]
DAYS = next(each for each in DEFINITIONS.values() if each.unit is Unit.DAYS)
MONEY = next(
    each for each in DEFINITIONS.values() if each.unit is Unit.MONEY and each.statistic is Statistic.RATIO
)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("test", "measured", "amount", "now", "before", "crossed"),
    [
        (ABOVE, VALUE, 125_000, (124, 1000), None, False),
        (ABOVE, VALUE, 125_000, (125, 1000), None, False),  # at the limit it has not crossed it
        (ABOVE, VALUE, 125_000, (126, 1000), None, True),
        (BELOW, VALUE, 125_000, (124, 1000), None, True),
        (BELOW, VALUE, 125_000, (125, 1000), None, False),
        (BELOW, VALUE, 125_000, (126, 1000), None, False),
        (ABOVE, VALUE, 333_333, (1, 3), None, True),  # a third is more, by less than a float can tell
        (CHANGED, VALUE, 20_000, (119, 1000), (100, 1000), False),
        (CHANGED, VALUE, 20_000, (120, 1000), (100, 1000), False),
        (CHANGED, VALUE, 20_000, (121, 1000), (100, 1000), True),
        (CHANGED, VALUE, 20_000, (79, 1000), (100, 1000), True),
        (CHANGED, VALUE, 20_000, (121, 1000), None, None),
        (ABOVE, COUNTED, 100_000, (100_000, 5), None, False),
        (ABOVE, COUNTED, 100_000, (100_001, 0), None, True),
        (ABOVE, VALUE, 0, (1, 0), None, None),
        (BELOW, VALUE, 0, None, None, None),
    ],
)
def test_below_at_and_above(
    test: ThresholdTest,
    measured: Measured,
    amount: int,
    now: Pair | None,
    before: Pair | None,
    crossed: bool | None,
) -> None:
    assert is_crossed(Limit(test, measured, amount), now, before) is crossed


@pytest.mark.parametrize(
    ("text", "amount", "words"),
    [
        ("12.5 %", 125_000, "above 12.5 %"),
        ("12,5%", 125_000, "above 12.5 %"),
        ("12.5", 125_000, "above 12.5 %"),
        (" 1,250.25 % ", 12_502_500, "above 1,250.25 %"),
        ("0", 0, "above 0 %"),
        ("2 points", 20_000, "above 2 %"),
    ],
)
def test_a_share_as_people_type_it(text: str, amount: int, words: str) -> None:
    assert read_limit(text, SHARE, VALUE, "CNY") == amount
    assert limit_words(Limit(ABOVE, VALUE, amount), SHARE, "CNY") == words


def test_days_money_and_counts_as_people_type_them() -> None:
    assert read_limit("4.5 days", DAYS, VALUE, "CNY") == 4_500_000
    assert read_limit("1,000.00", MONEY, COUNTED, "CNY") == 100_000
    assert read_limit("1,000", MONEY, COUNTED, "TWD") == 1_000
    assert read_limit("1,000", SHARE, COUNTED, "CNY") == 1_000
    words = [
        limit_words(Limit(CHANGED, VALUE, 20_000), SHARE, "CNY"),
        limit_words(Limit(BELOW, VALUE, 4_500_000), DAYS, "CNY"),
        limit_words(Limit(ABOVE, COUNTED, 123_456_700), MONEY, "CNY"),
        limit_words(Limit(ABOVE, COUNTED, 1_000), SHARE, "CNY"),
    ]
    assert words == [
        "changed by more than 2 points since a week before",
        "below 4.5 days",
        "above CNY 1,234,567.00",
        "above 1,000 accounts",
    ]


@pytest.mark.parametrize("text", ["2.5", "2.5 per 1,000", "2,5"])
def test_so_many_of_a_thousand_as_people_type_them(text: str) -> None:
    complaints = DEFINITIONS["complaints_per_1000"]
    assert read_limit(text, complaints, VALUE, "CNY") == 2_500
    assert limit_words(Limit(ABOVE, VALUE, 2_500), complaints, "CNY") == "above 2.5 per 1,000"
    assert is_crossed(Limit(ABOVE, VALUE, 2_500), (3, 1_000), None)


@pytest.mark.parametrize("text", ["", "much", "-3", "1e3", "12.34567", "1234567", "1.2.3", "٣", "12 % more"])
def test_what_is_no_share_is_refused_beside_the_field(text: str) -> None:
    with pytest.raises(Invalid, match="percentage such as 12.5 %") as refused:
        read_limit(text, SHARE, VALUE, "CNY")
    assert refused.value.field == "limit"


@pytest.mark.parametrize(
    ("text", "definition"), [("-5", MONEY), ("1.234,5x", MONEY), ("1.5", SHARE), ("-1", SHARE), ("", SHARE)]
)
def test_what_is_no_amount_is_refused_beside_the_field(text: str, definition: object) -> None:
    with pytest.raises(Invalid) as refused:
        read_limit(text, definition, COUNTED, "CNY")  # type: ignore[arg-type]
    assert refused.value.field == "limit"


def test_what_cannot_be_judged_is_refused() -> None:
    cells = next(each for each in DEFINITIONS.values() if not each.is_tile)
    for definition, measured, dimension, field in (
        (cells, VALUE, "", "dimension"),
        (SHARE, VALUE, "shoe", "dimension"),
        (DAYS, COUNTED, "", "measured"),
    ):
        with pytest.raises(Invalid) as refused:
            require_judged(definition, measured, dimension)
        assert refused.value.field == field
    require_judged(cells, VALUE, Dimension.MOVE)


# --- with a database ----------------------------------------------------------------------------------------


def above(session: Session, portfolio: Portfolio, limit: str = "12.5 %", **changes: object) -> int:
    given: dict[str, object] = {"test": ABOVE, **changes}
    return id_of(set_threshold(session, portfolio, FIGURE, limit, by=MEI, now=NOW, **given))  # type: ignore[arg-type]


def state(session: Session) -> tuple[list[tuple[str, int]], int]:
    """Open alerts of thresholds with their times, and how many are over."""
    session.expire_all()
    found = [(each.subject, each.times) for each in open_alerts(session) if each.kind is AlertKind.THRESHOLD]
    return found, len(ended_alerts(session))


def test_a_crossed_one_is_an_alert_until_it_is_back(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = open_book(session)
        above(session, portfolio)
        for n, (late, crossed, seen) in enumerate([
            (12, 0, ([], 0)),
            (13, 1, ([("CARDS, threshold 1", 1)], 0)),
            (14, 1, ([("CARDS, threshold 1", 2)], 0)),
            (0, 0, ([], 1)),
        ]):  # fmt: skip
            on = SUNDAY + n * DAY
            close(session, portfolio, on, late)
            assert judge(session, portfolio, on, now=NOW) == crossed
            assert judge(session, portfolio, on, now=NOW) == crossed  # the stage was killed and runs again
            assert state(session) == seen
            if crossed:
                (alert,) = open_alerts(session)
                assert (
                    f"30+ days is {late} % at the end of {on}. The threshold: above 12.5 %." in alert.detail
                )
                assert thresholds_of(session, id_of(portfolio), crossed=True)[0].crossed_on == SUNDAY + DAY


def test_a_day_without_a_value_leaves_it_as_it_was_and_a_restated_one_raises_nothing(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = open_book(session)
        above(session, portfolio)
        close(session, portfolio, SUNDAY, 10)
        judge(session, portfolio, SUNDAY, now=NOW)
        session.execute(sa.update(table_of(KpiSnapshot)).values(numerator=90))
        judge(session, portfolio, SUNDAY, now=NOW)  # restated since
        assert state(session) == ([], 0)
        close(session, portfolio, SUNDAY + DAY, 50)
        judge(session, portfolio, SUNDAY + DAY, now=NOW)
        close(session, portfolio, SUNDAY + 2 * DAY, 0, of=0)
        assert judge(session, portfolio, SUNDAY + 2 * DAY, now=NOW) == 1
        assert state(session) == ([("CARDS, threshold 1", 1)], 0)


def test_a_change_since_a_week_before_and_a_slice(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = open_book(session)
        close(session, portfolio, SUNDAY - 7 * DAY, 10)
        above(session, portfolio, "2", test=CHANGED)
        above(session, portfolio, "20", dimension="bucket", member="30-59")
        close(session, portfolio, SUNDAY, 7)
        assert judge(session, portfolio, SUNDAY, now=NOW) == 1
        (alert,) = open_alerts(session)
        assert "is 7 % at the end of 2026-03-01, 10 % a week before" in alert.detail
        close(
            session, portfolio, SUNDAY + DAY, 11
        )  # 22 % of its bucket; the week before its day has no figures
        assert judge(session, portfolio, SUNDAY + DAY, now=NOW) == 2
        assert [row.member for row in thresholds_of(session, id_of(portfolio), crossed=True)] == ["", "30-59"]


def test_each_change_is_on_record_with_before_and_after(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = open_book(session)
        close(session, portfolio, SUNDAY, 30)
        threshold = above(session, portfolio)
        judge(session, portfolio, SUNDAY, now=NOW)
        change_threshold(session, portfolio, threshold, "12.5%", test=ABOVE, by=MEI, now=NOW)  # as it is
        assert len(state(session)[0]) == 1
        change_threshold(session, portfolio, threshold, "10", test=BELOW, by=MEI, now=NOW)
        assert state(session) == ([], 1)
        end_threshold(session, portfolio, threshold, by=MEI, now=NOW)
        assert thresholds_of(session, id_of(portfolio)) == []
        told = builders.events(session, "threshold.set", "threshold.changed", "threshold.ended")
        with pytest.raises(Conflict, match="has ended"):
            end_threshold(session, portfolio, threshold, by=MEI, now=NOW)
        with pytest.raises(NotFound):
            end_threshold(session, portfolio, threshold + 1, by=MEI, now=NOW)
    assert [(each.get("limit"), each.get("was"), each.get("now")) for each in told] == [
        ("above 12.5 %", None, None),
        (None, "above 12.5 %", "below 10 %"),
        ("below 10 %", None, None),
    ]


def test_what_cannot_be_set_is_refused_beside_its_field(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio = open_book(session)
        close(session, portfolio, SUNDAY, 30)
        for changes, field in (
            ({"dimension": "bucket", "member": "31-60"}, "member"),
            ({"dimension": "agent", "member": "ben"}, "member"),
            ({"limit": "a lot"}, "limit"),
        ):
            with pytest.raises(Invalid) as refused:
                above(session, portfolio, **changes)
            assert refused.value.field == field
        with pytest.raises(NotFound, match="no key figure"):
            set_threshold(session, portfolio, "profit", "1", test=ABOVE, by=MEI, now=NOW)


def test_the_night_judges_and_the_simulation_of_a_night_does_not(engine: Engine) -> None:
    lived_in(engine)
    with transaction(engine) as session:
        above(session, the_book(session), "0")
    builders.close_day(engine, LAST_ON + DAY)
    with reading(engine) as session:
        assert state(session) == ([("CARDS, threshold 1", 1)], 0)
