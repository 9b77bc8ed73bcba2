"""Rules of disputes: what a kind needs, what a decision concedes and leaves out, and the clocks of a pack."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from app.casework.disputes.rules import (
    Correction,
    Disputed,
    DisputeKind,
    DisputeOutcome,
    amount_of_entry,
    check_given,
    check_notice,
    conceded_by,
    covers_all,
    credited_on,
    left_out_after,
    promised_by,
)
from app.core.errors import Invalid
from app.policy.kinds.duty import end_of_cycles

UPHELD, PARTLY, REJECTED = DisputeOutcome.UPHELD, DisputeOutcome.PARTLY, DisputeOutcome.REJECTED
WITHDRAWN = DisputeOutcome.WITHDRAWN
NOT_MINE, AMOUNT, PAID = DisputeKind.NOT_MINE, DisputeKind.AMOUNT, DisputeKind.ALREADY_PAID
HERE, CREDITOR = Correction.HERE, Correction.CREDITOR
GIVEN = {"account_id": 1, "amount_minor": 100, "entry_id": 2, "statement_id": 3}


@pytest.mark.parametrize(
    ("kind", "missing", "field"),
    [
        (DisputeKind.WHOLE_DEBT, (), "amount"),
        (DisputeKind.IDENTITY, ("amount_minor",), "entry"),
        (DisputeKind.AMOUNT, ("account_id",), "account"),
        (DisputeKind.AMOUNT, ("amount_minor", "entry_id"), "amount"),
        (DisputeKind.TRANSACTION, ("entry_id",), "entry"),
        (DisputeKind.FEE, ("entry_id",), "entry"),
        (DisputeKind.BILLING_ERROR, ("statement_id",), "statement"),
        (DisputeKind.ALREADY_PAID, ("account_id",), "account"),
    ],
)
def test_a_dispute_has_what_its_kind_needs(kind: DisputeKind, missing: tuple[str, ...], field: str) -> None:
    given: dict[str, Any] = {name: value for name, value in GIVEN.items() if name not in missing}
    with pytest.raises(Invalid) as refused:
        check_given(Disputed(kind, **given))
    assert refused.value.field == field


def test_a_payment_of_an_unknown_sum_is_about_everything() -> None:
    check_given(Disputed(DisputeKind.ALREADY_PAID))
    assert covers_all(DisputeKind.ALREADY_PAID, None)
    assert not covers_all(DisputeKind.ALREADY_PAID, 1)
    assert covers_all(DisputeKind.NOT_MINE, None)


def test_the_amount_of_an_entry_is_at_most_the_entry() -> None:
    assert amount_of_entry(None, 500) == 500
    assert amount_of_entry(500, 500) == 500
    for given, entry in ((501, 500), (None, 0), (None, -500)):
        with pytest.raises(Invalid):
            amount_of_entry(given, entry)


@pytest.mark.parametrize(
    ("kind", "outcome", "amount", "given", "conceded"),
    [
        (AMOUNT, UPHELD, 100, None, 100),
        (AMOUNT, UPHELD, 100, 100, 100),
        (AMOUNT, UPHELD, 100, 99, "conceded"),
        (NOT_MINE, UPHELD, None, None, 0),
        (NOT_MINE, UPHELD, None, 40, 40),
        (PAID, UPHELD, None, None, "conceded"),
        (PAID, UPHELD, None, 0, "conceded"),
        (PAID, UPHELD, None, 1, 1),
        (PAID, REJECTED, None, None, 0),
        (AMOUNT, PARTLY, 100, 99, 99),
        (AMOUNT, PARTLY, 100, 1, 1),
        (AMOUNT, PARTLY, 100, 100, "conceded"),
        (AMOUNT, PARTLY, 100, 0, "conceded"),
        (AMOUNT, PARTLY, 100, None, "conceded"),
        (NOT_MINE, PARTLY, None, None, "conceded"),
        (NOT_MINE, PARTLY, None, 1, 1),
        (AMOUNT, REJECTED, 100, None, 0),
        (AMOUNT, REJECTED, 100, 1, "conceded"),
        (NOT_MINE, WITHDRAWN, None, None, 0),
    ],
)
def test_a_decision_concedes(
    kind: DisputeKind, outcome: DisputeOutcome, amount: int | None, given: int | None, conceded: int | str
) -> None:
    if isinstance(conceded, int):
        assert conceded_by(kind, outcome, amount, given) == conceded
        return
    with pytest.raises(Invalid) as refused:
        conceded_by(kind, outcome, amount, given)
    assert refused.value.field == conceded


@pytest.mark.parametrize(
    ("outcome", "amount", "conceded", "correction", "pays_later", "left_out"),
    [
        (UPHELD, 100, 100, HERE, False, 0),
        (UPHELD, 100, 100, CREDITOR, False, 100),
        (PARTLY, 100, 30, HERE, False, 0),
        (PARTLY, 100, 30, HERE, True, 70),
        (PARTLY, 100, 30, CREDITOR, True, 100),
        (PARTLY, 100, 30, CREDITOR, False, 30),
        (REJECTED, 100, 0, HERE, True, 100),
        (REJECTED, 100, 0, HERE, False, 0),
        (WITHDRAWN, 100, 0, HERE, True, 0),
        (UPHELD, None, 40, CREDITOR, False, 40),
        (REJECTED, None, 0, HERE, True, 0),
    ],
)
def test_what_nobody_asks_for_after_a_decision(  # noqa: PLR0913 - a table
    outcome: DisputeOutcome,
    amount: int | None,
    conceded: int,
    correction: Correction,
    pays_later: bool,
    left_out: int,
) -> None:
    assert left_out_after(outcome, amount, conceded, correction, pays_later=pays_later) == left_out


def test_the_notice_of_a_billing_error_counts_sixty_days() -> None:
    """12 CFR 1026.13(b)(1): received no later than 60 days after the first statement with the error."""
    closing_on = date(2026, 1, 10)
    check_notice(closing_on, closing_on + timedelta(days=60), 60)
    with pytest.raises(Invalid) as late:
        check_notice(closing_on, closing_on + timedelta(days=61), 60)
    assert late.value.field == "statement"


@pytest.mark.parametrize(
    ("arose_on", "ends_on"),
    [
        # Closing days are the 10th: the cycle in which the notice falls is not a complete one.
        (date(2026, 1, 10), date(2026, 3, 10)),
        (date(2026, 1, 11), date(2026, 4, 10)),
        (date(2026, 2, 9), date(2026, 4, 10)),
        (date(2025, 12, 1), date(2026, 2, 10)),
    ],
)
def test_two_complete_billing_cycles(arose_on: date, ends_on: date) -> None:
    """12 CFR 1026.13(c)(2): two complete billing cycles after the notice."""
    assert end_of_cycles(arose_on, 2, date(2026, 1, 10)) == ends_on


@pytest.mark.parametrize(("answer_in", "promised_in"), [(-1, 7), (0, 7), (1, 1), (30, 30)])
def test_no_letter_promises_an_answer_for_a_day_that_is_over(answer_in: int, promised_in: int) -> None:
    opened_on = date(2026, 6, 1)
    promised = promised_by(opened_on + timedelta(days=answer_in), opened_on)
    assert promised == opened_on + timedelta(days=promised_in)


@pytest.mark.parametrize(
    ("outcome", "conceded", "told"),
    [
        (UPHELD, 200, 27),
        (PARTLY, 199, 26),
        (PARTLY, 100, 13),
        (PARTLY, 1, 0),
        (REJECTED, 0, 27),
        (WITHDRAWN, 0, 27),
    ],
)
def test_a_part_that_is_conceded_was_credited_its_share(
    outcome: DisputeOutcome, conceded: int, told: int
) -> None:
    assert credited_on(outcome, 27, conceded, 200) == told
