"""Clocks of disputes by place: below, at and above the days of each, and until when something counts as told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from app.casework.disputes.clocks import clocks_of, told_by
from app.casework.disputes.rules import DisputeKind, check_told, is_late
from app.core.errors import Invalid
from app.policy.packfile import shipped_packs
from app.policy.sections.disputes import strictest_disputes

AMOUNT, FEE, UNAUTHORISED = DisputeKind.AMOUNT, DisputeKind.FEE, DisputeKind.UNAUTHORISED
FRIDAY, MONDAY = date(2026, 6, 5), date(2026, 6, 8)
OF_A_DAY = ("uk", "nl", "no", "de")


@pytest.mark.parametrize("code", OF_A_DAY)
@pytest.mark.parametrize(
    ("received_on", "answer_by"), [(date(2026, 6, 4), FRIDAY), (FRIDAY, MONDAY), (date(2026, 6, 6), MONDAY)]
)
def test_an_unauthorised_transaction_is_refunded_by_the_end_of_the_next_business_day(
    code: str, received_on: date, answer_by: date
) -> None:
    pack = shipped_packs()[code]
    clocks = clocks_of(UNAUTHORISED, pack, received_on, pack.country, None)
    assert (clocks.answer_by, clocks.by_law, clocks.verified) == (answer_by, True, False)
    assert clocks.citation
    assert not is_late(clocks.answer_by, answer_by)
    assert is_late(clocks.answer_by, answer_by + timedelta(days=1))


@pytest.mark.parametrize(
    ("code", "kind", "days"),
    [("cn", AMOUNT, 15), ("cn", UNAUTHORISED, 15), ("in", FEE, 30), ("in", DisputeKind.WHOLE_DEBT, 30)],
)
def test_a_disputed_bill_is_answered_within_days(code: str, kind: DisputeKind, days: int) -> None:
    pack = shipped_packs()[code]
    clocks = clocks_of(kind, pack, FRIDAY, pack.country, None)
    assert (clocks.answer_by, clocks.by_law) == (FRIDAY + timedelta(days=days), True)


def test_singapore_counts_business_days() -> None:
    """21 of them from Friday, 5 June: no public holiday lies between."""
    clocks = clocks_of(UNAUTHORISED, shipped_packs()["sg"], FRIDAY, "SG", None)
    assert clocks.answer_by == date(2026, 7, 6)


@pytest.mark.parametrize("code", ["uk", "nl", "no", "de", "sg", "hk", "au"])
def test_where_no_law_names_a_day_the_aim_is_ours(code: str) -> None:
    clocks = clocks_of(AMOUNT, shipped_packs()[code], FRIDAY, "GB", None)
    assert (clocks.answer_by, clocks.by_law, clocks.citation) == (FRIDAY + timedelta(days=30), False, "")


@pytest.mark.parametrize("code", OF_A_DAY)
@pytest.mark.parametrize(("after", "counts"), [(-1, True), (0, True), (1, False)])
def test_it_has_to_be_told_within_thirteen_months(code: str, after: int, counts: bool) -> None:
    last = told_by(UNAUTHORISED, shipped_packs()[code], date(2025, 5, 1))
    assert last == date(2026, 6, 1)
    received_on = last + timedelta(days=after)
    if counts:
        check_told(last, received_on)
        return
    with pytest.raises(Invalid, match="dispute of a transaction") as refused:
        check_told(last, received_on)
    assert refused.value.field == "entry"


def test_where_no_day_ends_it_a_late_one_counts() -> None:
    assert told_by(UNAUTHORISED, shipped_packs()["cn"], date(2020, 1, 1)) is None
    assert told_by(UNAUTHORISED, shipped_packs()["us-first-party"], date(2020, 1, 1)) is None
    check_told(None, FRIDAY)


def test_of_two_packs_all_clocks_count_and_one_bars_the_claim_for_both() -> None:
    uk, india = (shipped_packs()[code].disputes for code in ("uk", "in"))
    assert uk
    assert india
    both = strictest_disputes([uk, india])
    assert both is not None
    assert (len(both.clocks), both.bars_claim, india.bars_claim) == (2, True, False)
