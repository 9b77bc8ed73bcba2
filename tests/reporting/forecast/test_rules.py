"""Expected cash by hand, its record against guesses, and the coverage of its intervals on a known truth."""

from __future__ import annotations

import random
from datetime import date

import pytest

from app.book.delinquency.days import CURRENT
from app.core.dates import add_months
from app.reporting.forecast.flows import AGREEMENT, MonthFlow, Roll, expect, rates_of
from app.reporting.forecast.rules import PastForecast, back_test, conformal, judge

EARLY, LATE = "1-29", "30+"


def flow(n: int, early: int, late: int, *, fell: int = 1_000, due: int = 0, noise: float = 1.0) -> MonthFlow:
    """Half of early is paid and 40 % of it rolls; a tenth of late is paid and 70 % stays; a fifth of new is paid and
    the rest is early; agreements pay 80 % of what is due."""
    paid = {EARLY: early * 0.5, LATE: late * 0.1, CURRENT: fell * 0.2, AGREEMENT: due * 0.8}
    return MonthFlow(
        add_months(date(2016, 1, 31), n),
        {
            (EARLY, LATE): Roll(4, int(early * 0.8), int(early * 0.4)),
            (EARLY, CURRENT): Roll(1, early - int(early * 0.8), 0),
            (LATE, LATE): Roll(7, late, int(late * 0.7)),
            (CURRENT, EARLY): Roll(9, 0, int(fell * 0.8)),
        },
        fell,
        {bucket: int(amount * noise) for bucket, amount in paid.items()},
        {1: due, 2: due, 3: due},
    )


def test_three_months_by_hand() -> None:
    flows = [flow(n, 800, 2_000, due=500) for n in range(6)]
    rates = rates_of(flows, 1.0)
    assert rates.yields == pytest.approx({EARLY: 0.5, LATE: 0.1, CURRENT: 0.2, AGREEMENT: 0.8})
    assert rates.rolls[EARLY, LATE] == pytest.approx(0.4)
    found = expect(flows, {EARLY: 1_000, LATE: 3_000}, {1: 500, 2: 400, 3: 0}, 1.0)
    # Month 1: 500 + 300 + 200 of new. Then early 800, late 400 + 2,100: 400 + 250 + 200.
    # Then early 800, late 320 + 1,750: 400 + 207 + 200.
    assert [each.rolled for each in found] == pytest.approx([1_000, 1_850, 2_657])
    assert [each.agreed for each in found] == pytest.approx([400, 720, 720])
    assert found[2].cash == pytest.approx(3_377)


def test_an_agreement_counts_by_its_chance_of_being_kept() -> None:
    flows = [flow(n, 800, 2_000, due=500) for n in range(6)]
    certain, doubtful = (expect(flows, {}, {1: 500, 2: 500, 3: 500}, kept) for kept in (1.0, 0.9))
    assert doubtful[0].agreed == pytest.approx(certain[0].agreed), (
        "the yield was measured with the same chance"
    )
    assert doubtful[2].agreed == pytest.approx(400 * (1 + 0.9 + 0.81))


def history(months: int, seed: int, shocks: float = 0.08) -> list[MonthFlow]:
    """A portfolio whose new arrears wander, with noise in what is paid."""
    draw, flows = random.Random(seed), []
    early, late, fell = 80_000, 200_000, 100_000.0
    for n in range(months):
        fell = 30_000 + 0.7 * fell + draw.gauss(0, 15_000)
        month = flow(n, early, late, fell=int(fell), due=50_000, noise=max(0.2, draw.gauss(1, shocks)))
        flows.append(month)
        early, late = month.ended[EARLY], month.ended[LATE]
    return flows


def test_the_80_percent_interval_covers_75_to_85_percent_on_back_test() -> None:
    flows = history(500, 12)
    past = back_test(flows, 0.95)
    assert len([p for p in past if p.months == 1]) == 494
    now = expect(flows, flows[-1].ended, {1: 50_000, 2: 50_000, 3: 50_000}, 0.95)
    for each in judge(now, past):
        assert each.covered is not None
        assert 0.75 <= each.covered <= 0.85
        assert each.is_shown
        assert each.low is not None
        assert each.high is not None
        assert each.low < each.expected.cash < each.high
        assert each.error is not None
        assert each.error_last_month is not None
        assert each.error < each.error_last_month


def test_a_forecast_knows_nothing_of_later_months() -> None:
    flows = history(30, 3)
    other = [*flows[:20], *history(30, 4)[20:]]
    before = [p.said for p in back_test(flows, 0.95) if p.made_on < flows[19].ends_on]
    assert before == [p.said for p in back_test(other, 0.95) if p.made_on < flows[19].ends_on]


def past(n: int, said: float, came: int, last_month: int, last_year: int | None = None) -> PastForecast:
    return PastForecast(add_months(date(2025, 1, 31), n), 1, said, came, last_month, last_year)


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        ([past(n, 110, 100, 130, 120) for n in range(8)], ""),
        ([past(n, 110, 100, 105, 120) for n in range(8)], "same as last month"),
        ([past(n, 110, 100, 110, 120) for n in range(8)], "same as last month"),
        ([past(n, 110, 100, 130, 104) for n in range(8)], "same months last year"),
        ([past(n, 110, 100, 130) for n in range(5)], "Too little history: 5"),
        ([], "Too little history: 0"),
    ],
)
def test_it_is_not_shown_where_a_guess_was_nearer(tests: list[PastForecast], why: str) -> None:
    now = expect([flow(n, 800, 2_000) for n in range(6)], {EARLY: 800}, {}, 1.0)[:1]
    [found] = judge(now, tests)
    assert why in found.why
    assert found.is_shown is (why == "")
    assert (found.low is None) is (why != "")


def test_the_width_is_the_rank_of_split_conformal_prediction() -> None:
    assert conformal([]) is None
    assert conformal([1, 2, 3]) is None, "four misses are the fewest that give 80 %"
    assert conformal([4, 1, 3, 2]) == 4
    assert conformal(list(range(1, 10))) == 8
