"""Corrections by programs: who may, what it answers, and that it is done once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlmodel import Session, select

from app.book.ledger.events import PaymentMoved
from app.book.ledger.models import Entry, Statement
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.agreements import promise_to_pay
from tests.api.program import CARD, TODAY, Program, account_of, fields, late_case

BOOK = "/portfolios/CARDS"


def a_fee(to: str, **changes: Any) -> dict[str, Any]:
    given = {
        "account_ref": to,
        "kind": "fee",
        "amount": "30.00",
        "currency": "CNY",
        "effective_on": TODAY.isoformat(),
        "description": "late fee",
        "reference": "F-1",
    }
    return {**given, **changes}


def test_an_entry_by_hand_is_answered_as_the_ledger_has_it(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    made = program.post(f"{BOOK}/entries", a_fee(account.reference), key="fee")
    assert (made.status_code, made.json()["amount"], made.json()["reference"]) == (201, "30.00", "F-1")
    again = program.post(f"{BOOK}/entries", a_fee(account.reference), key="fee")
    assert (again.json(), again.headers["idempotent-replayed"]) == (made.json(), "true")
    assert program.post(f"{BOOK}/entries", a_fee(account.reference)).status_code == 409
    lowered = a_fee(account.reference, kind="adjustment", amount="-5.00", reference="")
    refused = program.post(f"{BOOK}/entries", lowered)
    assert refused.status_code in (403, 409), "a credit takes two people where nobody has a limit"
    program.desk.write(lambda session: setattr(session.get_one(Portfolio, 1), "waive_limit_minor", 500))
    assert program.post(f"{BOOK}/entries", lowered).json()["amount"] == "-5.00"
    undone = program.post(f"{BOOK}/entries/reversals", {"reverses": "F-1", "reason": "wrong"}).json()
    assert (undone["kind"], undone["amount"], undone["reverses"]) == ("reversal", "-30.00", "F-1")
    twice = program.post(f"{BOOK}/entries/reversals", {"reverses": "F-1", "reason": "wrong"})
    assert twice.status_code == 409


def test_what_is_wrong_is_named_and_nothing_is_posted(sqlite_program: Program) -> None:
    account = account_of(sqlite_program.desk, late_case(sqlite_program.desk))
    table: list[tuple[dict[str, Any], str]] = [
        ({"amount": "-30.00"}, "amount"),
        ({"amount": "0.00"}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"kind": "write_off"}, "kind"),
        ({"effective_on": (TODAY + timedelta(days=1)).isoformat()}, "effective_on"),
        ({"account_ref": "none"}, "account_ref"),
        ({"description": ""}, "description"),
        ({"description": f"card {CARD}"}, "description"),
        ({"reference": CARD.replace(" ", "")}, "reference"),
    ]
    for changes, named in table:
        answer = sqlite_program.post(f"{BOOK}/entries", a_fee(account.reference, **changes))
        assert (answer.status_code, fields(answer)) == (422, [named]), changes
    rows = sqlite_program.desk.read(
        lambda s: s.scalars(select(Entry).where(Entry.kind == EntryKind.FEE)).all()
    )
    assert rows == []


def test_a_waiver_needs_two_programs_above_the_limit(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    program.post(f"{BOOK}/entries", a_fee(account.reference))
    asked = {"entry": "F-1", "amount": "30.00", "currency": "CNY", "reason": "first time"}
    agent = program.as_(Role.AGENT)
    waiting = agent.post(f"{BOOK}/waivers", asked).json()
    assert (waiting["status"], waiting["alone"], waiting["requested_by"]) == ("requested", False, agent.by)
    assert [w["id"] for w in agent.get(f"{BOOK}/waivers", status="requested").json()["items"]] == [
        waiting["id"]
    ]
    path = f"{BOOK}/waivers/{waiting['id']}/decision"
    assert agent.post(path, {"decision": "approve"}).status_code == 403
    assert fields(program.post(path, {"decision": "decline"})) == ["note"]
    done = program.post(path, {"decision": "approve"}).json()
    assert (done["status"], done["decided_by"]) == ("approved", program.by)
    assert program.post(path, {"decision": "approve"}).status_code == 409
    assert program.get(f"{BOOK}/waivers", status="requested").json()["items"] == []


def test_a_payment_is_moved_and_an_overpayment_paid_out(program: Program) -> None:
    wrong = account_of(program.desk, late_case(program.desk))
    right = account_of(program.desk, late_case(program.desk))
    paid = a_fee(wrong.reference, kind="payment", amount="1200.00", reference="P-1")
    program.post(f"{BOOK}/entries", paid)
    moved = program.post(
        f"{BOOK}/payments/moves",
        {"reference": "P-1", "to_account_ref": right.reference, "reason": "wrong reference"},
    ).json()
    assert (moved["account_ref"], moved["reference"], moved["amount"]) == (
        right.reference,
        "P-1:moved",
        "-1200.00",
    )
    assert len(program.events(PaymentMoved.KIND)) == 2
    account = program.get(f"{BOOK}/accounts/{right.reference}").json()
    assert account["balance"] == "-200.00"
    out = {"account_ref": right.reference, "amount": "200.01", "currency": "CNY", "description": "back"}
    assert program.post(f"{BOOK}/payouts", out).status_code == 409
    assert program.post(f"{BOOK}/payouts", {**out, "amount": "150.00"}).status_code == 201
    builders.close_day(program.desk.engine, TODAY)
    listed = program.get(f"{BOOK}/credit-balances").json()["items"]
    assert listed == [{"account_ref": right.reference, "overpaid": "50.00", "currency": "CNY"}]


def test_status_pauses_and_re_ages(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    sold = {"account_ref": account.reference, "to": "sold", "on": TODAY.isoformat(), "reason": "to a buyer"}
    assert program.post(f"{BOOK}/status-changes", sold).json() == {
        "account_ref": account.reference,
        "status": "sold",
        "ended_on": TODAY.isoformat(),
    }
    refused = program.post(f"{BOOK}/status-changes", sold)
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "An account does not go from sold to sold.",
    )
    back = {**sold, "to": "active", "reason": "the sale fell through"}
    assert program.post(f"{BOOK}/status-changes", back).json()["ended_on"] is None

    pause = {
        "account_ref": account.reference,
        "kind": "hardship",
        "from_on": date(2026, 2, 20).isoformat(),
        "reason": "lost the job",
    }
    made = program.post(f"{BOOK}/pauses", pause).json()
    assert (made["from_on"], made["to_on"]) == ("2026-02-20", None)
    ended = program.post(f"{BOOK}/pauses/{made['id']}/end", {"on": "2026-02-25"}).json()
    assert ended["to_on"] == "2026-02-25"
    assert program.get(f"{BOOK}/accounts/{account.reference}").json()["days_past_due"] == 15

    again = program.post(f"{BOOK}/re-ages", {"account_ref": account.reference, "reason": "pays again"})
    assert (again.status_code, again.json()["detail"]) == (409, "The policy pack has no rule for re-aging.")
    program.desk.write(lambda s: setattr(s.scalars(select(Portfolio)).one(), "pack", "us-third-party"))
    again = program.post(f"{BOOK}/re-ages", {"account_ref": account.reference, "reason": "pays again"})
    assert again.json()["detail"] == "Only 1 of 3 minimum payments have fallen due."


def test_only_managers_programs_correct(sqlite_program: Program) -> None:
    account = account_of(sqlite_program.desk, late_case(sqlite_program.desk))
    agent = sqlite_program.as_(Role.AGENT)
    for path, body in (
        ("entries", a_fee(account.reference)),
        ("entries/reversals", {"reverses": "F-1", "reason": "x"}),
        ("payments/moves", {"reference": "P", "to_account_ref": "A", "reason": "x"}),
        ("payouts", {"account_ref": "A", "amount": "1", "currency": "CNY", "description": "x"}),
        ("status-changes", {"account_ref": "A", "to": "sold", "on": "2026-03-01", "reason": "x"}),
        ("pauses", {"account_ref": "A", "kind": "dispute", "from_on": "2026-03-01", "reason": "x"}),
        ("re-ages", {"account_ref": "A", "reason": "x"}),
    ):
        assert agent.post(f"{BOOK}/{path}", body).status_code == 403, path
    for role in (Role.LEGAL, Role.ADMIN):
        asked = {"entry": "F-1", "amount": "1", "currency": "CNY", "reason": "x"}
        assert sqlite_program.as_(role).post(f"{BOOK}/waivers", asked).status_code == 403


def test_a_statement_is_replaced_and_withdrawn_by_a_managers_program(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    read = program.desk.read
    [reference] = read(lambda s: s.scalars(select(Statement.reference)).all())
    wanted = {"statement_ref": reference, "minimum_due": "45.00", "currency": "CNY", "reason": "issued again"}
    assert program.as_(Role.AGENT).post(f"{BOOK}/statements/replacements", wanted).status_code == 403
    made = program.post(
        f"{BOOK}/statements/replacements", {**wanted, "new_statement_ref": "S-NEW"}, key="once"
    )
    assert made.status_code == 201, made.text
    assert (made.json()["statement_ref"], made.json()["replaced_by"], made.json()["withdrawn"]) == (
        reference, "S-NEW", False,
    )  # fmt: skip
    again = program.post(
        f"{BOOK}/statements/replacements", {**wanted, "new_statement_ref": "S-NEW"}, key="once"
    )
    assert again.json() == made.json()
    [row] = read(lambda s: s.scalars(select(Statement)).all())
    assert (row.reference, row.minimum_due_minor) == ("S-NEW", 4_500)
    wrong = program.post(
        f"{BOOK}/statements/replacements",
        {"statement_ref": "S-NEW", "minimum_due": "-1.00", "currency": "CNY", "reason": "no"},
    )
    assert (wrong.status_code, fields(wrong)) == (422, ["minimum_due"])
    gone = program.post(f"{BOOK}/statements/withdrawals", {"statement_ref": "S-NEW", "reason": "another's"})
    assert (gone.status_code, gone.json()["withdrawn"]) == (201, True)
    assert (
        program.post(f"{BOOK}/statements/withdrawals", {"statement_ref": "S-NEW", "reason": "x"}).status_code
        == 404
    )
    listed = program.get(f"{BOOK}/statements/replaced", account_ref=account.reference).json()
    assert [(each["statement_ref"], each["minimum_due"]) for each in listed["items"]] == [
        ("S-NEW", "45.00"), (reference, made.json()["minimum_due"]),
    ]  # fmt: skip


def test_a_payment_that_was_made_in_time_lets_its_broken_agreement_run_on(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    due_on = TODAY - timedelta(days=8)

    def agree(session: Session) -> int:
        case = session.scalars(select(CollectionsCase)).one()
        made = {"by": "user:ann", "today": due_on, "now": builders.at(due_on)}
        return id_of(promise_to_pay(session, case, 2_000, due_on, **made))

    plan_id = program.desk.write(agree)
    builders.close_day(program.desk.engine, TODAY - timedelta(days=4))
    assert program.desk.read(lambda session: session.get_one(Plan, plan_id).status) is PlanStatus.BROKEN
    paid = a_fee(account.reference, kind="payment", amount="20.00", effective_on=due_on.isoformat())
    assert program.post(f"{BOOK}/entries", paid).status_code == 201
    status = program.desk.read(lambda session: session.get_one(Plan, plan_id).status)
    assert status is PlanStatus.ACTIVE, "the night keeps it"
