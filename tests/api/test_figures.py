"""The gate's answer, aging and key figures: the very JSON the commands print."""

import json
from datetime import date
from typing import Any

import pytest
from sqlmodel import Session, col, select
from typer.testing import CliRunner

from app.book.ledger.models import Account
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from app.programs.cli import figures, gate
from app.programs.cli import main as cli
from tests import builders
from tests.api.program import Program, account_of, fields, late_case

LAST = date(2026, 3, 2)


@pytest.fixture
def closed(program: Program) -> Program:
    """Two late customers and two closed days."""

    def book(session: Session) -> None:
        made = builders.portfolio(session)
        builders.late_customer(session, made, due_on=date(2026, 2, 27), minimum=5_000)
        builders.late_customer(session, made, due_on=date(2026, 1, 20), minimum=7_050)

    program.desk.write(book)
    for on in (date(2026, 3, 1), LAST):
        builders.close_day(program.desk.engine, on)
    return program


def printed(program: Program, monkeypatch: pytest.MonkeyPatch, *words: str) -> Any:
    """What the command prints with --json."""
    for module in (figures, gate):
        monkeypatch.setattr(module, "migrated_engine", lambda: program.desk.engine)
    result = CliRunner().invoke(cli.app, [*words, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_aging_is_what_the_command_prints(closed: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = closed.get("/portfolios/CARDS/aging", date="2026-03-02")
    shown = answer.json()
    assert (shown["accounts"], shown["past_due_accounts"], shown["past_due_amount"]) == (2, 2, "120.50")
    assert shown["buckets"]["1-29"] == {"accounts": 1, "balance": "1000.00", "past_due": "50.00"}
    assert shown["buckets"]["30-59"]["past_due"] == "70.50"
    words = ("aging", "--date", "2026-03-02", "--portfolio", "CARDS")
    assert shown == printed(closed, monkeypatch, *words)
    earlier = closed.get("/portfolios/CARDS/aging", date="2026-01-25").json()
    assert (earlier["past_due_amount"], earlier["buckets"]["1-29"]["accounts"]) == ("70.50", 1)


def test_an_account_stood_as_known_now_or_as_known_then(
    closed: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A payment of 20 that comes in after its day was closed changes that day, but not what was known on it."""
    account = closed.desk.read(
        lambda session: session.scalars(select(Account).order_by(col(Account.id))).first()
    )
    assert account is not None
    with transaction(closed.desk.engine) as session:
        builders.payment(
            session, account, 2_000, date(2026, 3, 1), posted_on=date(2026, 3, 3), reference="LATE"
        )
    path = f"/portfolios/CARDS/accounts/{account.reference}/standing"
    now = closed.get(path, on="2026-03-02").json()
    then = closed.get(path, on="2026-03-02", known_on="2026-03-02").json()
    assert (then["balance"], then["past_due_amount"], then["days_past_due"]) == ("1000.00", "50.00", 3)
    assert (now["balance"], now["past_due_amount"], now["days_past_due"]) == ("980.00", "30.00", 3)
    assert (now["oldest_due_on"], now["bucket"]) == ("2026-02-27", "1-29")
    words = ("account", "--account", account.reference, "--portfolio", "CARDS", "--date", "2026-03-02")
    assert now == printed(closed, monkeypatch, *words)
    assert then == printed(closed, monkeypatch, *words, "--known-on", "2026-03-02")
    assert fields(closed.get(path)) == ["on"]
    assert closed.get("/portfolios/CARDS/accounts/none/standing", on="2026-03-02").status_code == 404


def test_key_figures_are_what_the_command_prints(closed: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = closed.get("/portfolios/CARDS/kpis", date="2026-03-02").json()
    assert (shown["portfolio"], shown["currency"]) == ("CARDS", "CNY")
    rate = shown["kpis"]["overdue_rate_accounts_30"]
    assert (rate["numerator"], rate["denominator"], rate["value"]) == (1, 2, 0.5)
    assert shown["kpis"]["overdue_rate_balance_30"]["numerator"] == "1000.00"
    assert shown["roll_forward"]["end"] == "120.50"
    assert shown == printed(closed, monkeypatch, "kpis", "--date", "2026-03-02", "--portfolio", "CARDS")
    assert closed.get("/portfolios/CARDS/kpis", date="2026-03-05").status_code == 404


def test_a_series_has_the_closed_days(closed: Program) -> None:
    query = {"from": "2026-02-01", "to": "2026-03-31", "kpi": "overdue_rate_accounts_1"}
    shown = closed.get("/portfolios/CARDS/kpis/series", **query).json()
    assert [day["business_date"] for day in shown["days"]] == ["2026-03-01", "2026-03-02"]
    assert [list(day["kpis"]) for day in shown["days"]] == [["overdue_rate_accounts_1"]] * 2
    path = "/portfolios/CARDS/kpis/series"
    assert fields(closed.get(path, **{"from": "2026-03-02", "to": "2026-03-01"})) == ["to"]
    assert fields(closed.get(path, **{"from": "2024-03-02", "to": "2026-03-01"})) == ["to"]
    assert fields(closed.get(path, **{"from": "2026-03-01", "to": "2026-03-01", "kpi": "x"})) == ["kpi"]


def test_a_date_that_is_none_is_refused(sqlite_program: Program) -> None:
    for on in ("", "1772323200", "2026-3-2", "0001-01-01", "9999-12-31", "2026-02-30"):
        for path in ("/portfolios/CARDS/aging", "/portfolios/CARDS/kpis"):
            assert fields(sqlite_program.get(path, date=on)) == ["date"], on


def test_only_managers_programs_read_figures(sqlite_program: Program) -> None:
    for role in (Role.AGENT, Role.LEGAL, Role.ADMIN):
        other = sqlite_program.as_(role)
        for path in ("aging", "kpis", "kpis/series"):
            assert other.get(f"/portfolios/CARDS/{path}", date="2026-03-02").status_code == 403


# --- the gate -----------------------------------------------------------------------------------------------


def test_the_gate_answers_as_the_command_does(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    account = account_of(program.desk, late_case(program.desk)).reference
    agent = program.as_(Role.AGENT)
    answers = {}
    for hour in (10, 23):
        at = f"2026-03-02T{hour}:00:00+08:00"
        answer = agent.get("/contacts/explain", account=account, channel="sms", at=at)
        assert answer.status_code == 200, answer.text
        answers[hour] = answer.json()
        words = ("explain", "--account", account, "--channel", "sms", "--at", at)
        assert answers[hour] == printed(program, monkeypatch, *words)
    assert answers[10]["decision"] == "clear"
    assert answers[23]["decision"] == "wait"
    assert all(reason["rule"] and reason["citation"] for reason in answers[23]["reasons"])
    assert answers[23]["not_before"] == "2026-03-03T00:00:00.000000Z"


def test_a_question_that_makes_no_sense_is_refused(sqlite_program: Program) -> None:
    table: list[Any] = [
        ({"channel": "fax"}, "channel"),
        ({"at": "2026-03-02T10:00:00"}, "at"),
        ({"at": "2026-03-02T10:00:00 08:00"}, "at"),
        ({"purpose": "revenge"}, "purpose"),
        ({"account": ""}, "account"),
        ({"account": "a\x00b"}, "account"),
    ]
    for changes, named in table:
        query = {"account": "AC-1", "channel": "sms", "at": "2026-03-02T10:00:00Z", **changes}
        assert fields(sqlite_program.get("/contacts/explain", **query)) == [named]


def test_an_unknown_account_is_not_found(program: Program) -> None:
    query = {"account": "none", "channel": "sms", "at": "2026-03-02T10:00:00Z"}
    assert program.get("/contacts/explain", **query).status_code == 404
    assert program.as_(Role.LEGAL).get("/contacts/explain", **query).status_code == 403
