"""Payments no account was found for: seen, looked up, matched once or returned."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlmodel import Session, select

from app.book.feeds.events import PaymentMatched
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import UnmatchedStatus
from app.book.portfolios.models import Portfolio
from app.core.staff.rules import Role
from tests import builders
from tests.web.accounts.test_account import an_account
from tests.web.accounts.test_account_corrections import words
from tests.web.desk import NOW, Browser, Desk


def waits(desk: Desk, account_id: int, **changes: Any) -> int:
    """50.00 of somebody who wrote something that no account is called."""

    def write(session: Session) -> int:
        book = session.get_one(Portfolio, session.get_one(Account, account_id).portfolio_id)
        given: dict[str, Any] = {
            "portfolio_id": book.id,
            "reference": "BANK-1",
            "paid_on": date(2026, 2, 20),
            "amount_minor": 5_000,
            "payer_name": "<i>Berg</i> Anna",
            "payer_account": "…4821",
            "remittance": "card payment, thank you",
            "why": "no account is named",
            "received_at": NOW,
        }
        made = UnmatchedPayment.model_validate({**given, **changes})
        session.add(made)
        session.flush()
        assert made.id is not None
        return made.id

    return desk.write(write)


def reference_of(desk: Desk, account_id: int) -> str:
    return desk.read(lambda session: session.get_one(Account, account_id).reference)


@pytest.fixture
def ben(desk: Desk) -> Browser:
    return desk.sign_in(Role.AGENT)


def test_what_waits_is_counted_and_listed_with_the_oldest_first(desk: Desk, ben: Browser) -> None:
    assert "No payment waits to be matched" in ben.get("/unmatched").text
    account_id = an_account(desk)
    waits(desk, account_id)
    waits(desk, account_id, reference="BANK-2", paid_on=date(2026, 1, 5), payer_name="", remittance="")
    answer = ben.get("/unmatched")
    page = words(answer)
    assert "Unmatched 2 waiting" in page
    assert "Feb 20, 2026 10 days ago" in page
    assert page.index("Payer not named") < page.index("Berg")
    assert "&lt;i&gt;Berg&lt;/i&gt; Anna" in answer.text
    assert "2 waiting" in words(ben.get("/worklist"))  # on every page


def test_a_candidate_is_chosen_looked_at_and_matched_once(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)
    reference = reference_of(desk, account_id)
    payment_id = waits(desk, account_id, payer_name="Anna Berg", remittance=f"for {reference[:-1]}")
    page = words(ben.get(f"/unmatched/{payment_id}"))
    assert reference in page
    assert "Whose it may be" in page
    looked = words(ben.get(f"/unmatched/{payment_id}", params={"account": f" {reference} "}))
    assert f"Post CN¥50.00 to {reference}" in looked
    assert "Days past due 29" in looked
    assert ben.submit(f"/unmatched/{payment_id}/match", account=reference).status_code == 303
    again = ben.submit(f"/unmatched/{payment_id}/match", account=reference)
    assert again.status_code == 409
    assert "is matched already" in again.text
    entries = desk.read(
        lambda session: session.scalars(select(Entry).where(Entry.reference == "BANK-1")).all()
    )
    assert [(entry.account_id, entry.effective_on) for entry in entries] == [(account_id, date(2026, 2, 20))]
    assert len(desk.read(lambda session: builders.events(session, PaymentMatched.KIND))) == 1
    done = words(ben.get("/unmatched?status=matched"))
    assert f"Posted to {reference}" in done
    assert "Ben Okafor" in done
    assert f"Posted to {reference}" in words(ben.get(f"/unmatched/{payment_id}"))


def test_an_unknown_reference_is_refused_beside_its_field(desk: Desk, ben: Browser) -> None:
    payment_id = waits(desk, an_account(desk))
    assert "There is no account with this reference" in ben.get(f"/unmatched/{payment_id}?account=no").text
    refused = ben.submit(f"/unmatched/{payment_id}/match", account="no")
    assert refused.status_code == 422
    assert "There is no account with this reference" in refused.text
    assert ben.submit(f"/unmatched/{payment_id}/match").status_code == 422
    assert ben.get("/unmatched/999").status_code == 404


def test_a_manager_returns_it_with_a_reason(desk: Desk, ben: Browser) -> None:
    mei = desk.sign_in(Role.MANAGER)
    payment_id = waits(desk, an_account(desk))
    path = f"/unmatched/{payment_id}/return"
    assert ben.submit(path, note="not ours").status_code == 403
    assert "Return it" not in ben.get(f"/unmatched/{payment_id}").text
    refused = mei.submit(path, note=" ")
    assert refused.status_code == 422
    assert "Say why it goes back" in refused.text
    assert mei.submit(path, note="meant for a neighbour").status_code == 303
    row = desk.read(lambda session: session.get_one(UnmatchedPayment, payment_id))
    assert (row.status, row.note) == (UnmatchedStatus.RETURNED, "meant for a neighbour")
    assert "Returned: meant for a neighbour" in words(mei.get("/unmatched?status=returned"))


def test_the_legal_team_and_administrators_stay_outside(sqlite_desk: Desk) -> None:
    payment_id = waits(sqlite_desk, an_account(sqlite_desk))
    for role in (Role.LEGAL, Role.ADMIN):
        for path in ("/unmatched", f"/unmatched/{payment_id}"):
            assert sqlite_desk.sign_in(role).get(path).status_code == 403


@pytest.mark.parametrize(
    ("wanted", "is_found"),
    [
        ("bank-1", True),
        ("berg", True),
        ("thank you", True),
        ("50.00", True),
        ("50", True),
        ("50.01", False),
        ("nobody", False),
    ],
)
def test_a_payment_is_found_by_reference_payer_text_and_amount(
    desk: Desk, ben: Browser, wanted: str, is_found: bool
) -> None:
    payment_id = waits(desk, an_account(desk))
    shown = ben.get(f"/unmatched?q={wanted}").text
    assert (f'href="/unmatched/{payment_id}"' in shown) is is_found
    assert ("No payment matches" in shown) is not is_found


def test_a_bank_account_is_remembered_only_where_one_is_told(desk: Desk, ben: Browser) -> None:
    account_id = an_account(desk)
    chosen = f"?account={reference_of(desk, account_id)}"
    untold = waits(desk, account_id, payer_account="")
    told = waits(desk, account_id, reference="BANK-2", payer_key="k" * 64)
    assert "bank account is remembered" not in ben.get(f"/unmatched/{untold}{chosen}").text
    assert "bank account is remembered" in ben.get(f"/unmatched/{told}{chosen}").text
