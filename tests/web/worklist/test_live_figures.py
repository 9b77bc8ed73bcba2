"""Lists filter, sort and show what is owed at this second, however the money moved."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from sqlmodel import Session, select

from app.actions.feeds.loads import load
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind, FeedKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.debt import debt_now
from app.casework.cases.figures import refresh_tomorrow
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.accounts.test_account_corrections import change, confirm, do, look
from tests.web.desk import NOW, Desk
from tests.web.worklist.test_worklist import get, make_case, names_on

TODAY = NOW.date()


def account_of(desk: Desk, case_id: int) -> Account:
    def find(session: Session) -> Account:
        customer_id = session.get_one(CollectionsCase, case_id).customer_id
        return session.scalars(select(Account).where(Account.customer_id == customer_id)).one()

    return desk.read(find)


def shown(desk: Desk, case_id: int) -> tuple[int, int]:
    """(Past due, balance) by which lists go; what the case page folds at this moment must be the same."""

    def find(session: Session) -> tuple[int, int]:
        case = session.get_one(CollectionsCase, case_id)
        book = get_portfolio(session, builders.BOOK)
        owes = debt_now(session, book, case.customer_id, TODAY)
        assert (owes.past_due, owes.balance, owes.oldest) == (
            case.now_past_due_minor, case.now_balance_minor, case.now_oldest_due_on,
        )  # fmt: skip
        assert (case.past_due_minor, case.balance_minor) == (5_000, 100_000), "the night's own figures stay"
        return owes.past_due, owes.balance

    return desk.read(find)


def test_a_payment_and_its_reversal_move_the_list_in_the_same_second(desk: Desk) -> None:
    anna, bo = make_case(desk, "Anna", days=40), make_case(desk, "Bo", days=50)
    account = account_of(desk, bo)
    ben, mei = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER)
    assert names_on(get(ben, "?state=all&sort=-days")) == ["Bo", "Anna"]
    path = f"/accounts/{account.id}/post"
    said = do(ben, path, kind="payment", amount="20", effective_on=TODAY.isoformat())
    assert said == "Payment of CN¥20.00 is posted."
    assert shown(desk, bo) == (3_000, 98_000)
    assert names_on(get(ben, "?state=all&sort=past_due")) == ["Bo", "Anna"]
    do(ben, path, kind="payment", amount="30", effective_on=TODAY.isoformat())
    assert shown(desk, bo) == (0, 95_000)
    assert names_on(get(ben, "?state=all&bucket=30-59")) == ["Anna"], (
        "nothing is past due, so no bucket has it"
    )
    paid = desk.read(
        lambda session: session.scalars(
            select(Entry).where(Entry.account_id == account.id, Entry.amount_minor == -3_000)
        ).one()
    )
    do(mei, f"/accounts/{account.id}/entries/{paid.id}/reverse", reason="bounced")
    assert shown(desk, bo) == (3_000, 98_000)
    assert set(names_on(get(ben, "?state=all&bucket=30-59"))) == {"Anna", "Bo"}
    assert shown(desk, anna) == (5_000, 100_000)


def test_a_fee_its_waiver_and_a_preview_leave_the_true_balance(sqlite_desk: Desk) -> None:
    case_id = make_case(sqlite_desk, "Anna")
    account = account_of(sqlite_desk, case_id)
    mei = sqlite_desk.sign_in(Role.MANAGER)
    change(sqlite_desk, account.id, waive_limit_minor=10_000)
    fee = {"kind": "fee", "amount": "12", "effective_on": TODAY.isoformat(), "description": "late"}
    _, hidden = look(mei, f"/accounts/{account.id}/post", **fee)
    assert shown(sqlite_desk, case_id) == (5_000, 100_000), "a preview changes nothing"
    confirm(mei, f"/accounts/{account.id}/post", hidden)
    assert shown(sqlite_desk, case_id)[1] == 101_200
    posted = sqlite_desk.read(
        lambda session: session.scalars(select(Entry).where(Entry.kind == EntryKind.FEE)).one()
    )
    do(mei, f"/accounts/{account.id}/entries/{posted.id}/waive", amount="12", reason="first time")
    assert shown(sqlite_desk, case_id)[1] == 100_000


def test_a_file_of_payments_moves_every_case_at_once(desk: Desk, tmp_path: Path) -> None:
    cases = [make_case(desk, name) for name in ("Anna", "Bo", "Cai")]
    refs = [account_of(desk, case_id).reference for case_id in cases[:2]]
    file = tmp_path / "payments.csv"
    lines = [f"PAY-{n},{ref},{TODAY.isoformat()},20.00,transfer" for n, ref in enumerate(refs)]
    file.write_text("\n".join(["payment_ref,account_ref,paid_on,amount,method", *lines]))
    report = load(
        desk.engine, FeedKind.PAYMENTS, file, builders.BOOK, rejects_dir=tmp_path, by=Actor.user("mei"), now=NOW
    )  # fmt: skip
    assert (report.loaded, report.rejected) == (2, 0)
    assert [shown(desk, case_id) for case_id in cases] == [(3_000, 98_000), (3_000, 98_000), (5_000, 100_000)]
    assert names_on(get(desk.sign_in(Role.AGENT), "?state=all&sort=-past_due"))[0] == "Cai"


def test_a_due_date_that_passes_overnight_is_in_the_list_of_the_new_day(desk: Desk) -> None:
    case_id = make_case(desk, "Anna", days=20)

    def next_statement(session: Session) -> None:
        account = session.merge(account_of(desk, case_id))
        builders.statement(session, account, TODAY - timedelta(days=21), TODAY - timedelta(days=1), 8_000)
        book = get_portfolio(session, builders.BOOK)
        assert refresh_tomorrow(session, book, TODAY - timedelta(days=1)) == 1

    desk.write(next_statement)

    def figures(session: Session) -> tuple[int, date | None, int]:
        case = session.get_one(CollectionsCase, case_id)
        owes = debt_now(session, get_portfolio(session, builders.BOOK), case.customer_id, TODAY)
        return case.now_past_due_minor, case.now_oldest_due_on, owes.past_due

    past_due, oldest, now = desk.read(figures)
    assert past_due == now > 5_000
    assert oldest == TODAY - timedelta(days=20)
    assert id_of(account_of(desk, case_id))
