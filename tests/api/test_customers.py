"""Contact data changed by programs, and what a creditor's file says decided by them."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from app.book.customers.events import CustomerChanged
from app.book.ledger.models import Account, Customer, ReportedChange
from app.book.ledger.rules import AccountStatus, ReportedWhat
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.api.program import Program, account_of, fields, late_case
from tests.web.desk import NOW

BOOK = "/portfolios/CARDS"


def holder_of(program: Program, account: Account) -> Customer:
    return program.desk.read(lambda session: session.get_one(Customer, account.customer_id))


def test_a_program_changes_a_number_and_never_reads_one(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    path = f"{BOOK}/customers/{holder_of(program, account).reference}"
    change = {"mobile": "+8613900000000", "city": "Suzhou", "reason": "told on the phone"}
    agent = program.as_(Role.AGENT)
    answer = agent.patch(path, change)
    assert answer.status_code == 200, answer.text
    assert answer.json()["changed"] == ["city", "mobile"]
    assert "+8613900000000" not in answer.text
    assert holder_of(program, account).mobile == "+8613900000000"
    assert agent.patch(path, change).json()["changed"] == []
    [event] = program.desk.read(lambda session: builders.events(session, CustomerChanged.KIND))
    assert (event["to"]["city"], event["by"]) == ("Suzhou", "token:agent program")


def test_what_is_wrong_is_named_and_nothing_is_changed(sqlite_program: Program) -> None:
    account = account_of(sqlite_program.desk, late_case(sqlite_program.desk))
    path = f"{BOOK}/customers/{holder_of(sqlite_program, account).reference}"
    for change, field in (
        ({"mobile": "12"}, "mobile"),
        ({"email": "nobody"}, "email"),
        ({"timezone": "EST"}, "timezone"),
        ({"country": "XX"}, "country"),
        ({"country": "US", "postcode": "12"}, "postcode"),
        ({"reason": ""}, "reason"),
    ):
        answer = sqlite_program.patch(path, {"reason": "phone", **change})
        assert (answer.status_code, fields(answer)) == (422, [field]), change
    assert sqlite_program.patch(f"{BOOK}/customers/nobody", {"reason": "phone"}).status_code == 404
    assert sqlite_program.as_(Role.LEGAL).patch(path, {"city": "X", "reason": "phone"}).status_code == 403


def reported(program: Program, account: Account, now: datetime = NOW) -> int:
    def write(session: Session) -> int:
        change = ReportedChange(
            portfolio_id=account.portfolio_id, account_id=id_of(account), what=ReportedWhat.STATUS, value="sold",
            was="active", reported_at=now,
        )  # fmt: skip
        session.add(change)
        session.flush()
        return id_of(change)

    return program.desk.write(write)


def test_a_managers_program_takes_over_what_the_file_says(program: Program) -> None:
    account = account_of(program.desk, late_case(program.desk))
    change_id = reported(program, account)
    agent = program.as_(Role.AGENT)
    listed = agent.get(f"{BOOK}/reported-changes").json()["items"]
    assert [(row["account_ref"], row["was"], row["value"]) for row in listed] == [
        (account.reference, "active", "sold")
    ]
    path = f"{BOOK}/reported-changes/{change_id}/decision"
    decision = {"decision": "accept", "reason": "they wrote"}
    assert agent.post(path, decision).status_code == 403
    answer = program.post(path, decision)
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    status = select(Account.status).where(Account.id == account.id)
    assert program.desk.read(lambda session: session.scalar(status)) is AccountStatus.SOLD
    assert program.post(path, decision).status_code == 409
    assert program.get(f"{BOOK}/reported-changes").json()["items"] == []
