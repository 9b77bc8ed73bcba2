"""The claim, part by part: what a lawyer would write for cards that were late, overpaid, charged off and paid since."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from app.legal.checklists.case_file import Entry
from app.legal.claim.amounts import Parts
from app.legal.claim.order import ORDERS, PaymentOrder, order_for
from app.legal.claim.parts import ClaimLine, Part, part_of
from app.legal.claim.statement import AccountClaim, account_claim, claim_statement
from tests.legal.builders import account, case_file, entry, portfolio

DAY = date(2026, 1, 10)
OLDEST, COSTS, PRINCIPAL = PaymentOrder


def on(days: int) -> date:
    return DAY + timedelta(days=days)


def entries(*told: tuple[str, str, int, int], **links: dict[str, str]) -> list[Entry]:
    """(reference, kind, days since `DAY`, amount); `links` names what an entry reverses or forgives."""
    return [
        entry(reference, kind, on(days), amount, description="", **links.get(reference, {}))
        for reference, kind, days, amount in told
    ]


def claimed(told: Sequence[Entry], order: PaymentOrder, gone: date | None = None) -> AccountClaim:
    return account_claim("A-77001", told, order, gone)


@pytest.mark.parametrize(
    ("reference", "description", "part"),
    [
        ("late-fee:S-1", "", Part.PENALTY),
        ("F-1", "Late payment fee", Part.PENALTY),
        ("F-2", "逾期违约金", Part.PENALTY),
        ("F-3", "Denda keterlambatan", Part.PENALTY),
        ("F-4", "Annual fee", Part.FEES),
        ("F-5", "Platinum plate fee", Part.FEES),
        ("F-6", "Court fee of claim 3AB", Part.COSTS),
        ("F-7", "Griffierecht", Part.COSTS),
        ("F-8", "", Part.FEES),
    ],
)
def test_a_fee_belongs_where_its_description_says(reference: str, description: str, part: Part) -> None:
    assert part_of("fee", reference, description) is part


def test_payments_pay_by_the_order_of_the_place() -> None:
    told = entries(
        ("T", "purchase", 0, 1_000), ("I", "interest", 1, 100), ("late-fee:1", "fee", 2, 50), ("P", "payment", 3, -120)
    )  # fmt: skip
    assert claimed(told, OLDEST).claimed == Parts(880, 100, 50)
    assert claimed(told, COSTS).claimed == Parts(1_000, 30, 0)
    assert claimed(told, PRINCIPAL).claimed == Parts(880, 100, 50)
    assert order_for("NL").order is COSTS
    assert order_for("US-NY@2026-01-01").order is OLDEST
    assert all(rule.citation for rule in ORDERS.values())


def test_a_charge_off_parts_what_was_before_from_what_came_since() -> None:
    told = entries(
        ("T", "purchase", 0, 1_000), ("I1", "interest", 30, 80), ("P1", "payment", 31, -100),
        ("I2", "interest", 200, 20), ("late-fee:2", "fee", 201, 30), ("R", "recovery", 210, -50),
    )  # fmt: skip
    card = claimed(told, COSTS, gone=on(180))
    assert card.at_charge_off == Parts(980, 0)
    assert card.line(ClaimLine.CHARGED, since=True) == Parts(0, 20, 30)
    assert card.line(ClaimLine.PAID, since=True) == Parts(0, -20, -30)
    assert card.claimed == Parts(980)
    assert claimed(told, COSTS).at_charge_off is None


def test_a_payment_that_came_back_is_owed_as_it_was() -> None:
    told = entries(
        ("T", "purchase", 0, 1_000), ("I", "interest", 5, 60), ("P", "payment", 6, -300), ("B", "reversal", 9, 300),
        B={"reverses": "P"},
    )  # fmt: skip
    card = claimed(told, COSTS)
    assert card.claimed == Parts(1_000, 60)
    assert card.line(ClaimLine.PAID, since=False) == Parts()
    assert claimed(told, COSTS, gone=on(7)).at_charge_off == Parts(760, 0)


def test_a_fee_taken_back_after_it_was_paid_frees_the_money_for_the_rest() -> None:
    told = entries(
        ("late-fee:1", "fee", 0, 40), ("T", "purchase", 1, 1_000), ("P", "payment", 2, -100), ("B", "reversal", 3, -40),
        B={"reverses": "late-fee:1"},
    )  # fmt: skip
    assert claimed(told, OLDEST).claimed == Parts(900)
    assert claimed(told, COSTS).claimed == Parts(900)


def test_a_waiver_pays_the_charge_that_it_forgives() -> None:
    told = entries(
        ("T", "purchase", 0, 1_000), ("I", "interest", 1, 70), ("late-fee:1", "fee", 2, 40), ("W", "credit", 3, -40),
        W={"forgives": "late-fee:1"},
    )  # fmt: skip
    assert claimed(told, OLDEST).claimed == Parts(1_000, 70)
    assert claimed(told, OLDEST).line(ClaimLine.CREDITED, since=False) == Parts(penalty=-40)
    # It goes there too if the fee was paid before: that money pays the next, and is owed again when it comes back.
    paid = entries(
        ("late-fee:1", "fee", 0, 40), ("T", "purchase", 1, 1_000), ("P", "payment", 2, -40), ("W", "credit", 3, -30),
        ("B", "reversal", 4, 40), W={"forgives": "late-fee:1"}, B={"reverses": "P"},
    )  # fmt: skip
    assert claimed(paid[:4], OLDEST).claimed == Parts(970)
    assert claimed(paid, OLDEST).claimed == Parts(1_000, penalty=10)


def test_an_overpayment_pays_what_is_charged_next() -> None:
    told = entries(
        ("T", "purchase", 0, 100),
        ("P", "payment", 1, -150),
        ("I", "interest", 2, 30),
        ("T2", "purchase", 3, 500),
    )
    card = claimed(told, COSTS)
    assert card.claimed == Parts(480)
    assert [each.parts for each in card.counted] == [Parts(100), Parts(-150), Parts(30, 0), Parts(500)]
    # The payment bounces: what it paid is owed again, the interest that it had covered too.
    back = [*told, entry("B", "reversal", on(9), 150, reverses="P")]
    assert claimed(back, COSTS).claimed == Parts(600, 30)


def test_an_opening_balance_is_principal_and_says_so() -> None:
    card = claimed(entries(("O", "opening_balance", 0, 900), ("I", "interest", 9, 10)), OLDEST)
    assert (card.claimed, card.unsplit_minor) == (Parts(900, 10), 900)


@pytest.mark.parametrize("order", PaymentOrder)
@pytest.mark.parametrize("seed", range(12))
def test_the_parts_always_sum_to_the_ledger(order: PaymentOrder, seed: int) -> None:
    """Entries of all kinds in any order, many of them reversed: each entry's parts sum to it, no part is below zero
    while something is owed, and what is undone leaves no trace."""
    chosen = random.Random(seed)
    told: list[Entry] = []
    for n in range(120):
        kind = chosen.choice(
            ["purchase", "interest", "fee", "payment", "refund", "credit", "adjustment", "reversal"]
        )
        day = on(n // 2)
        amount = chosen.randrange(1, 400)
        if kind == "reversal":
            free = [e for e in told if not e.reverses and e.reference not in {o.reverses for o in told}]
            if free:
                undone = chosen.choice(free)
                told.append(entry(f"N{n}", kind, day, -undone.amount_minor, reverses=undone.reference))
            continue
        sign = (
            chosen.choice([1, -1])
            if kind == "adjustment"
            else -1
            if kind in ("payment", "refund", "credit")
            else 1
        )
        fees = [e.reference for e in told if e.kind == "fee"]
        forgives = chosen.choice(fees) if kind == "credit" and fees else ""
        text = chosen.choice(["late", "court fee", "annual"]) if kind == "fee" else ""
        told.append(entry(f"N{n}", kind, day, sign * amount, description=text, forgives=forgives))
    card = claimed(told, order)
    assert all(each.parts.total == each.entry.amount_minor for each in card.counted)
    total = sum(each.amount_minor for each in told)
    assert card.claimed.total == total
    rest = (card.claimed.interest, card.claimed.penalty, card.claimed.fees, card.claimed.costs)
    assert min(rest) >= 0
    assert (card.claimed.principal >= 0) if total >= 0 else not any(rest)


def test_a_claim_sums_over_accounts_without_setting_off() -> None:
    case = case_file(
        portfolio=portfolio(currency="JPY", timezone="Asia/Tokyo"),
        accounts=(account(account_ref="B"), account(account_ref="A", charged_off_on=on(5))),
        entries=(
            entry("1", "purchase", on(0), 70, account_ref="B"),
            entry("2", "interest", on(1), 7, account_ref="B"),
            entry("3", "purchase", on(2), 50, account_ref="A"),
            entry("4", "recovery", on(9), -20, account_ref="A"),
        ),
        claimed_minor=107,
    )
    statement = claim_statement(case)
    assert [(each.account_ref, each.claimed.total) for each in statement.accounts] == [("A", 30), ("B", 77)]
    assert statement.claimed == Parts(100, 7)
    assert statement.accounts[0].at_charge_off == Parts(50)
