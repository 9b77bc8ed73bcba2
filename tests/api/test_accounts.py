"""Accounts as they stand, and payments entered one by one."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import select

from app.actions.feeds.loads import load
from app.book.ledger.events import AccountChanged, EntryPosted
from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind, FeedKind
from app.core.actor import SYSTEM
from app.core.staff.rules import Role
from tests import builders
from tests.api.program import CARD, NOW, TODAY, Program, account_of, fields, late_case


def a_payment(to: str, **changes: Any) -> dict[str, Any]:
    given = {
        "reference": "PSP-1",
        "account_ref": to,
        "amount": "20.00",
        "currency": "CNY",
        "paid_on": TODAY.isoformat(),
        "method": "bank transfer",
    }
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


def entries(program: Program, *kinds: EntryKind) -> list[Entry]:
    rows = program.desk.read(lambda session: session.scalars(select(Entry).order_by(Entry.id)).all())
    return [row for row in rows if row.kind in kinds]


def test_terms_of_an_account_are_changed_by_a_manager(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    path = f"/portfolios/CARDS/accounts/{account.reference}"
    new = {
        "credit_limit": "750.00",
        "currency": "CNY",
        "apr": "19.90",
        "card_last4": "0042",
        "reason": "told by the bank",
    }
    for _ in range(2):  # the second time nothing is different
        changed = program.patch(path, new).json()
        assert (changed["credit_limit"], changed["apr"], changed["card_last4"]) == ("750.00", "19.90", "0042")
    assert len(program.desk.read(lambda session: builders.events(session, AccountChanged.KIND))) == 1
    assert program.as_(Role.AGENT).patch(path, new).status_code == 403
    assert program.patch(path, {"credit_limit": "750.00", "reason": "x"}).status_code == 422
    assert program.patch(path, {"card_last4": "12345", "reason": "x"}).status_code == 422


def test_portfolios_say_how_far_their_days_are_closed(program: Program) -> None:
    with program.desk.engine.connect():
        program.desk.write(lambda session: builders.portfolio(session))
    (book,) = program.as_(Role.LEGAL).get("/portfolios").json()["items"]
    assert book["code"] == "CARDS"
    assert (book["currency"], book["policy_pack"], book["buckets"][:2]) == ("CNY", "cn", ["current", "1-29"])
    assert book["last_business_date"] is None
    builders.close_day(program.desk.engine, date(2026, 3, 1))
    assert program.get("/portfolios").json()["items"][0]["last_business_date"] == "2026-03-01"


def test_an_account_stands_where_its_last_payment_left_it(program: Program) -> None:
    case = late_case(program.desk)
    account = account_of(program.desk, case)
    path = f"/portfolios/CARDS/accounts/{account.reference}"
    before = program.as_(Role.LEGAL).get(path).json()
    assert (before["balance"], before["past_due_amount"], before["currency"]) == ("1000.00", "50.00", "CNY")
    assert (before["days_past_due"], before["bucket"], before["case"]) == (20, "1-29", case.reference)
    assert (before["apr"], before["card_last4"]) == ("18.00", account.card_last4)

    paid = program.post("/portfolios/CARDS/payments", a_payment(account.reference))
    assert paid.status_code == 201

    after = program.get(path).json()
    assert (after["balance"], after["past_due_amount"]) == ("980.00", "30.00")
    assert program.get("/portfolios/CARDS/accounts/none").status_code == 404
    assert program.get("/portfolios/NONE/accounts/none").status_code == 404


def test_a_payment_is_an_entry_and_an_event(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    answer = program.post("/portfolios/CARDS/payments", a_payment(account.reference))
    assert answer.json() == {
        "reference": "PSP-1",
        "account_ref": account.reference,
        "kind": "payment",
        "amount": "-20.00",
        "currency": "CNY",
        "effective_on": "2026-03-02",
        "posted_on": "2026-03-02",
        "description": "bank transfer",
        "reverses": None,
    }
    (row,) = entries(program, EntryKind.PAYMENT)
    assert (row.amount_minor, row.source, row.account_id) == (-2000, program.by, account.id)
    event = program.events(EntryPosted.KIND)[-1]
    assert (event["reference"], event["amount_minor"], event["by"]) == ("PSP-1", -2000, program.by)


def test_the_same_payment_is_entered_once_whatever_is_tried(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    body = a_payment(account.reference)
    first = program.post("/portfolios/CARDS/payments", body, key="once")
    again = program.post("/portfolios/CARDS/payments", body, key="once")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"

    other = program.post("/portfolios/CARDS/payments", {**body, "amount": "21.00"}, key="once")
    assert (other.status_code, fields(other)) == (422, ["Idempotency-Key"])
    new_key = program.post("/portfolios/CARDS/payments", body, key="twice")
    assert (new_key.status_code, fields(new_key)) == (409, [])
    assert len(entries(program, EntryKind.PAYMENT)) == 1
    assert len([e for e in program.events(EntryPosted.KIND) if e["reference"] == "PSP-1"]) == 1


def test_the_file_of_the_day_agrees_with_what_was_entered(program: Program, tmp_path: Path) -> None:
    account = account_of(program.desk, late_case(program.desk))
    yesterday = (TODAY - timedelta(days=1)).isoformat()
    program.post("/portfolios/CARDS/payments", a_payment(account.reference, paid_on=yesterday))
    file = tmp_path / "payments.csv"
    header = "payment_ref account_ref paid_on amount method"
    file.write_text(
        builders.csv_text(header, ("PSP-1", account.reference, yesterday, "20.00", "bank transfer"))
    )
    report = load(
        program.desk.engine,
        FeedKind.PAYMENTS,
        file,
        "CARDS",
        rejects_dir=tmp_path,
        by=SYSTEM,
        now=NOW,
    )
    assert (report.unchanged, report.loaded, report.conflicts) == (1, 0, 0)


def test_a_payment_that_is_wrong_names_the_field(sqlite_program: Program) -> None:
    account = account_of(sqlite_program.desk, late_case(sqlite_program.desk))
    table: list[Any] = [
        ({"amount": "0.00"}, "amount"),
        ({"amount": "-5.00"}, "amount"),
        ({"amount": "1.234"}, "amount"),
        ({"amount": 20}, "amount"),
        ({"amount": "99999999999999999.00"}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"paid_on": "2026-03-03"}, "paid_on"),
        ({"paid_on": "02.03.2026"}, "paid_on"),
        ({"paid_on": 20260302}, "paid_on"),
        ({"paid_on": "2026-02-30"}, "paid_on"),
        ({"account_ref": "none"}, "account_ref"),
        ({"reference": ""}, "reference"),
        ({"reference": "4111111111111111"}, "reference"),
        ({"method": f"card {CARD}"}, "method"),
        ({"method": "a\x00b"}, "method"),
        ({"method": "a\nb"}, "method"),
        ({"note": "hello"}, "note"),
        ({"currency": None}, "currency"),
    ]
    for changes, named in table:
        answer = sqlite_program.post("/portfolios/CARDS/payments", a_payment(account.reference, **changes))
        assert (answer.status_code, fields(answer)) == (422, [named])
        assert "4111" not in answer.text
    assert entries(sqlite_program, EntryKind.PAYMENT) == []


def test_a_bounced_payment_is_reversed_once_and_owed_again(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    program.post("/portfolios/CARDS/payments", a_payment(account.reference, amount="50.00"))
    path = f"/portfolios/CARDS/accounts/{account.reference}"
    assert program.get(path).json()["past_due_amount"] == "0.00"

    undo = {"reverses": "PSP-1", "reason": "insufficient funds"}
    mirror = program.post("/portfolios/CARDS/payments/reversals", undo).json()
    assert (mirror["kind"], mirror["amount"], mirror["reverses"]) == ("reversal", "50.00", "PSP-1")
    assert program.get(path).json()["past_due_amount"] == "50.00"
    (row,) = entries(program, EntryKind.REVERSAL)
    event = program.events(EntryPosted.KIND)[-1]
    assert (row.source, row.description) == (program.by, "insufficient funds")
    assert (event["kind"], event["reference"], event["by"]) == (EntryPosted.KIND, row.reference, program.by)

    assert program.post("/portfolios/CARDS/payments/reversals", undo).status_code == 409
    card = program.post("/portfolios/CARDS/payments/reversals", {**undo, "reason": f"card {CARD}"})
    assert (card.status_code, fields(card)) == (422, ["reason"])
    missing = program.post("/portfolios/CARDS/payments/reversals", {**undo, "reverses": "none"})
    assert (missing.status_code, fields(missing)) == (422, ["reverses"])
    opening = program.desk.read(
        lambda s: s.scalars(select(Entry.reference).where(Entry.kind == EntryKind.OPENING_BALANCE)).one()
    )
    wrong = program.post("/portfolios/CARDS/payments/reversals", {**undo, "reverses": opening})
    assert wrong.status_code == 409
    assert len(entries(program, EntryKind.REVERSAL)) == 1


def test_a_payment_with_the_longest_reference_can_be_reversed(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    longest = "R" * 80
    program.post("/portfolios/CARDS/payments", a_payment(account.reference, reference=longest))
    undo = {"reverses": longest, "reason": "bounced"}
    assert program.post("/portfolios/CARDS/payments/reversals", undo).status_code == 201
    assert len(entries(program, EntryKind.REVERSAL)) == 1


def test_only_managers_programs_enter_money(sqlite_program: Program) -> None:
    account = account_of(sqlite_program.desk, late_case(sqlite_program.desk))
    for role in (Role.AGENT, Role.LEGAL, Role.ADMIN):
        other = sqlite_program.as_(role)
        assert other.post("/portfolios/CARDS/payments", a_payment(account.reference)).status_code == 403
        undo = {"reverses": "PSP-1", "reason": "no"}
        assert other.post("/portfolios/CARDS/payments/reversals", undo).status_code == 403
    assert entries(sqlite_program, EntryKind.PAYMENT) == []
