"""Payments without an account: the customers they suggest, and the reason why they wait."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account
from app.core.ids import id_of
from tests.scenarios.desk_day.formosa import HUANG, NOW, TODAY, Formosa, reference_of


def waits(day: Formosa, **changes: Any) -> int:
    def write(session: Session) -> int:
        given: dict[str, Any] = {
            "portfolio_id": session.get_one(Account, day.account(HUANG)).portfolio_id,
            "reference": "BANK-1", "paid_on": TODAY, "amount_minor": 3_000, "payer_name": HUANG,
            "payer_account": "", "remittance": "", "why": "no account is named in it", "received_at": NOW,
        }  # fmt: skip
        made = UnmatchedPayment.model_validate({**given, **changes})
        session.add(made)
        session.flush()
        return id_of(made)

    return day.desk.write(write)


def test_a_payer_with_the_name_of_one_customer_suggests_their_account(day: Formosa) -> None:
    """Bug 19: 黃明宏 paid, one customer of that name is 127 days late, "No account suggests itself"."""
    page = day.text(f"/unmatched/{waits(day)}")
    assert reference_of(day, HUANG) in page
    assert "The payer has the cardholder's name" in page.replace("&#39;", "'")
    assert "No account was found for this payment" not in page


def test_a_bank_account_that_was_not_told_is_not_said_to_be_remembered(day: Formosa) -> None:
    """Bug 19: "The payer's bank account is remembered" beside "Their account: not told"."""
    page = day.text(f"/unmatched/{waits(day)}?account={reference_of(day, HUANG)}")
    assert "not told" in page
    assert "is remembered" not in page
