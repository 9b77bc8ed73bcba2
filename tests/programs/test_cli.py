"""The public contract of the command line: one JSON object on standard output, and exit statuses scripts rely on."""

from __future__ import annotations

import csv
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app import __version__
from app.core.database.engine import make_engine, transaction
from app.core.settings import ROOT, get_settings
from app.programs.cli.main import main
from tests import builders
from tests.book.feeds.test_feeds import ACCOUNT, PAYMENT, STATEMENT


class Ran(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output as the one JSON object it must be."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        assert len(self.out.strip().splitlines()) == 1
        return found


Desk = Callable[..., Ran]


@pytest.fixture
def desk(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    monkeypatch.setenv("DESK_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("DESK_SECRET_KEY", "s" * 40)

    def run(*arguments: str) -> Ran:
        get_settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["desk", *arguments])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        return Ran(status, *capfd.readouterr())

    return run


ADD = ("portfolio", "add", "CARDS", "--currency", "CNY", "--timezone", builders.ZONE, "--policy", "cn")


def file(folder: Path, *rows: dict[str, str]) -> str:
    path = folder / f"{os.urandom(4).hex()}.csv"
    with path.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def test_from_an_empty_database_to_the_figures_of_a_day(desk: Desk, tmp_path: Path) -> None:
    assert desk(*ADD, "--json").json == {"portfolio": "CARDS"}
    book = ("--portfolio", "CARDS", "--json")

    report = desk("feed", "load", "accounts", file(tmp_path, ACCOUNT), *book)
    assert report.status == 0
    assert report.json == {
        "kind": "accounts", "read": 1, "loaded": 1, "unchanged": 0, "conflicts": 0, "rejected": 0,
        "rejects_file": None, "updated": 0, "warned": 0, "warnings_file": None, "notes": [],
    }  # fmt: skip
    purchase = {
        "transaction_ref": "T1", "account_ref": "A1", "posted_on": "2026-02-01", "kind": "purchase",
        "amount": "900.00", "description": "",
    }  # fmt: skip
    for kind, row in (("statements", STATEMENT), ("transactions", purchase), ("payments", PAYMENT)):
        row = row | ({"amount": "20.00"} if kind == "payments" else {})
        assert desk("feed", "load", kind, file(tmp_path, row), *book).json["loaded"] == 1

    closed = desk("day", "--date", "2026-03-08", "--json")
    done = closed.json["portfolios"]["CARDS"]
    assert closed.json["business_date"] == "2026-03-08"
    assert done["already_done"] is False
    assert [set(stage) for stage in done["stages"]] == [{"name", "seconds", "counts"}] * len(done["stages"])
    names = [stage["name"] for stage in done["stages"]]
    stages = (
        "charges age lifecycle assess cases experiments duties letters contacts "
        "satisfaction legal kpis thresholds invariants"
    )
    assert " ".join(names) == stages
    later = desk("day", "--date", "2026-03-11", "--portfolio", "CARDS", "--json").json
    assert later["portfolios"]["CARDS"]["caught_up"] == ["2026-03-09", "2026-03-10"]
    again = desk("day", "--date", "2026-03-11", "--json").json
    assert again["portfolios"]["CARDS"]["already_done"] is True

    aging = desk("aging", "--date", "2026-03-11", *book).json
    assert aging["accounts"] == 1
    assert aging["past_due_accounts"] == 1
    assert aging["past_due_amount"] == "25.00"
    assert aging["balance"] == "880.00"
    assert aging["buckets"]["1-29"] == {"accounts": 1, "balance": "880.00", "past_due": "25.00"}
    assert desk("aging", "--date", "2026-03-08", *book).json["past_due_amount"] == "0.00"

    figures = desk("kpis", "--date", "2026-03-11", *book).json
    overdue = figures["kpis"]["overdue_rate_balance_1"]
    assert (overdue["numerator"], overdue["denominator"], overdue["value"]) == ("880.00", "880.00", 1.0)
    assert overdue["definition"]
    assert figures["kpis"]["overdue_rate_accounts_30"]["numerator"] == 0
    assert figures["roll_forward"] == {
        "start": "0.00", "fell_past_due": "25.00", "paid": "0.00", "adjusted": "0.00", "end": "25.00",
    }  # fmt: skip

    assert desk("invariants", "--json") == Ran(0, '{"violations": []}\n', "")


def test_an_answer_of_the_gate_names_rule_citation_and_detail(desk: Desk, tmp_path: Path) -> None:
    desk(*ADD)
    desk("feed", "load", "accounts", file(tmp_path, ACCOUNT), "--portfolio", "CARDS")
    ask = ("explain", "--account", "A1", "--channel", "sms", "--json", "--at")
    assert desk(*ask, "2026-03-11T10:00:00+08:00").json["decision"] == "clear"
    night = desk(*ask, "2026-03-11T22:30:00+08:00").json
    assert (night["decision"], night["not_before"]) == ("wait", "2026-03-12T00:00:00.000000Z")
    assert {"rule", "citation", "detail"} <= set(night["reasons"][0])
    assert desk(*ask, "2026-03-11T10:00:00").status == 2, "an instant without an offset is a usage error"


def test_how_far_one_person_may_go_alone_is_changed_later(desk: Desk) -> None:
    desk(*ADD)
    assert desk("portfolio", "limit", "CARDS", "--agent-discount", "101").status == 2
    assert desk("portfolio", "limit", "CARDS", "--waive-limit", "-1").status == 1
    assert "waive 0 percent" in desk("portfolio", "limit", "CARDS").out
    changed = desk(
        "portfolio", "limit", "CARDS", "--agent-discount", "30", "--waive-limit", "25.5", "--json"
    ).json
    assert changed == {
        "portfolio": "CARDS", "agent_max_instalments": 12, "agent_max_discount_percent": 30, "waive_limit_minor": 2550,
    }  # fmt: skip
    assert desk("portfolio", "limit", "CARDS", "--agent-instalments", "6", "--json").json == {
        **changed, "agent_max_instalments": 6,
    }  # fmt: skip
    assert desk("portfolio", "limit", "NONE").status == 1


def test_every_setting_of_a_portfolio_can_be_seen_and_changed(desk: Desk) -> None:
    desk(*ADD)
    shown = desk("portfolio", "show", "CARDS", "--json").json["settings"]
    assert {"grace-days": "3", "legal-minimum": "0.00", "accrues": "no"}.items() <= shown.items()

    changed = desk(
        "portfolio",
        "set",
        "CARDS",
        "grace-days=5",
        "legal-minimum=250",
        "contact-phone=+31 20 555 0100",
        "--json",
    ).json["settings"]
    assert changed == shown | {
        "grace-days": "5",
        "legal-minimum": "250.00",
        "contact-phone": "+31 20 555 0100",
    }
    assert desk("portfolio", "show", "CARDS", "--json").json["settings"] == changed
    listed = desk("portfolio", "list", "--json").json["portfolios"]
    assert [(each["code"], each["accounts"], each["last_closed_on"]) for each in listed] == [
        ("CARDS", 0, None)
    ]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["grace-day=5"], "There is no portfolio setting 'grace-day'"),
        (["grace-days=61"], "grace-days takes a whole number from 0 to 60; '61' was given"),
        (["grace-days=5", "legal-minimum=-1"], "legal-minimum takes an amount in CNY"),
        (["late-fee=25"], "A late fee needs accrues=yes"),
        (["creditor="], "The creditor's name stands in every letter"),
        (["policy=nowhere"], "There is no policy pack 'nowhere'"),
        (["currency=USD"], "currency of portfolio CARDS is fixed"),
        (["bucket-edges=30,60"], "bucket-edges takes growing whole numbers"),
        (["timezone=EST5"], "timezone takes an IANA time zone"),
    ],
)
def test_a_setting_that_is_wrong_changes_nothing(desk: Desk, settings: list[str], says: str) -> None:
    desk(*ADD)
    before = desk("portfolio", "show", "CARDS").out
    ran = desk("portfolio", "set", "CARDS", *settings)
    assert ran.status == 1
    assert says in ran.err
    assert desk("portfolio", "show", "CARDS").out == before


def test_a_portfolio_is_tightened_from_a_file_and_never_loosened(desk: Desk, tmp_path: Path) -> None:
    desk(*ADD)
    desk("feed", "load", "accounts", file(tmp_path, ACCOUNT), "--portfolio", "CARDS")
    stricter, looser, nothing = (tmp_path / name for name in ("stricter.toml", "looser.toml", "nothing.toml"))
    stricter.write_text('[[rules]]\nid = "cn.hours_cba"\nopen = [{ from = "10:00", to = "18:00" }]\n')
    looser.write_text('[[rules]]\nid = "cn.hours_cba"\nopen = [{ from = "07:00", to = "18:00" }]\n')
    nothing.write_text("")
    at_nine = ("explain", "--account", "A1", "--channel", "sms", "--at", "2026-06-01T01:00:00Z", "--json")

    assert desk(*at_nine).json["decision"] == "clear"
    assert desk("portfolio", "tighten", "CARDS", str(stricter), "--json").json["rules"] == ["cn.hours_cba"]
    told = desk(*at_nine).json
    assert (told["decision"], told["reasons"][0]["rule"]) == ("wait", "cn.hours_cba")
    assert "tightened by the portfolio" in told["reasons"][0]["citation"]

    refused = desk("portfolio", "tighten", "CARDS", str(looser))
    assert refused.status == 1
    assert "cn.hours_cba: open" in refused.err
    assert desk(*at_nine).json["decision"] == "wait"
    assert desk("portfolio", "tighten", "CARDS", str(nothing)).status == 0
    assert desk(*at_nine).json["decision"] == "clear"
    assert desk("portfolio", "tighten", "CARDS", str(tmp_path / "nowhere.toml")).status == 1


def test_the_suppression_list_is_read_added_to_and_lifted(desk: Desk) -> None:
    told = ("--reason", "asked by telephone", "--by", "ann", "--json")
    assert desk("suppression", "add", "Anna@example.org", *told).json == {
        "address": "Anna@example.org", "added": True,
    }  # fmt: skip
    assert desk("suppression", "add", "anna@example.org", *told).json["added"] is False
    refused = desk("suppression", "add", "13900000000", *told)
    assert (refused.status, "begins with +" in refused.err) == (1, True)
    [row] = desk("suppression", "list", "--json").json["addresses"]
    assert (row["address"], row["channel"], row["reason"], row["detail"], row["by"]) == (
        "Anna@example.org", "email", "manual", "asked by telephone", "user:ann",
    )  # fmt: skip
    assert desk("suppression", "lift", "anna@example.org", "--by", "ann").status == 2, "not without a reason"
    assert desk("suppression", "lift", "anna@example.org", *told).json["lifted"] is True
    assert desk("suppression", "lift", "anna@example.org", *told).status == 1
    assert desk("suppression", "list", "--json").json == {"addresses": []}
    [row] = desk("suppression", "list", "ANNA@example.org", "--ended", "--json").json["addresses"]
    assert (row["ended_by"], row["ended_why"]) == ("user:ann", "asked by telephone")


def test_rejected_rows_are_exit_status_three_and_the_file_says_why(desk: Desk, tmp_path: Path) -> None:
    desk(*ADD)
    ran = desk(
        "feed", "load", "accounts", file(tmp_path, ACCOUNT, ACCOUNT | {"account_ref": "A2", "currency": "USD"}),
        "--portfolio", "CARDS", "--json",
    )  # fmt: skip
    rejects = Path(ran.json["rejects_file"])
    try:
        assert ran.status == 3
        assert (ran.json["read"], ran.json["loaded"], ran.json["rejected"]) == (2, 1, 1)
        [row] = csv.DictReader(rejects.read_text().splitlines())
        assert (row["line"], row["column"]) == ("3", "currency")
    finally:
        rejects.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("day", "--date", "2026-03-01", "--json"), 1, "no portfolio"),
        (("day", "--date", "2026-02-31"), 2, "not a date"),
        (("day",), 2, "--date"),
        (("aging", "--date", "2026-03-01", "--portfolio", "NOPE", "--json"), 1, "no portfolio 'NOPE'"),
        (("feed", "load", "gifts", "x.csv", "--portfolio", "CARDS"), 2, "gifts"),
        (("feed", "load", "payments", "x.csv", "--portfolio", "NOPE", "--json"), 1, "NOPE"),
        (("portfolio", "add", "X", "--currency", "XXX", "--timezone", "UTC", "--policy", "cn"), 1, "XXX"),
        (("portfolio", "add", "X", "--currency", "CNY", "--timezone", "Mars", "--policy", "cn"), 1, "Mars"),
        (
            ("portfolio", "add", "X", "--currency", "CNY", "--timezone", "UTC", "--policy", "xx"),
            1,
            "Packs: ",
        ),
        (("explain", "--account", "A9", "--channel", "sms", "--at", "2026-03-01T00:00:00Z"), 1, "no account"),
        (("explain", "--account", "A9", "--channel", "fax", "--at", "2026-03-01T00:00:00Z"), 2, "fax"),
        (("nonsense",), 2, "nonsense"),
    ],
)
def test_failures_say_what_is_wrong_on_standard_error_only(
    desk: Desk, arguments: tuple[str, ...], status: int, says: str
) -> None:
    ran = desk(*arguments)
    assert ran.status == status
    assert says in ran.err.replace("\n", " ")
    assert ran.out == ""
    assert "Traceback" not in ran.err


def test_a_day_that_is_not_over_is_refused_where_it_is_not(desk: Desk) -> None:
    desk(*ADD)
    ran = desk("day", "--date", "2198-12-31", "--json")
    assert (ran.status, ran.out) == (1, "")
    assert "2198-12-31 is not over in Asia/Shanghai" in ran.err.replace("\n", " ")
    assert "2198-12-31 16:00 UTC" in ran.err.replace("\n", " ")


def test_an_earlier_day_is_refused(desk: Desk) -> None:
    desk(*ADD)
    assert desk("day", "--date", "2026-03-05", "--json").status == 0
    ran = desk("day", "--date", "2026-03-04", "--json")
    assert (ran.status, ran.out) == (1, "")
    assert "lies before it" in ran.err


def test_a_database_without_its_schema_is_told_to_migrate(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DESK_DATABASE_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    ran = desk("invariants", "--json")
    assert ran.status == 1
    assert "desk migrate" in ran.err
    assert desk("migrate").status == 0
    assert desk("invariants", "--json").json == {"violations": []}


def test_a_violated_invariant_is_exit_status_one_with_its_rows(desk: Desk, sqlite_url: str) -> None:
    engine = make_engine(sqlite_url)
    with transaction(engine) as session:
        builders.late_customer(session, builders.portfolio(session), due_on=date(2026, 3, 10))
    builders.close_day(engine, date(2026, 3, 12))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE account_state SET past_due_minor = past_due_minor + 1")
    engine.dispose()
    ran = desk("invariants", "--json")
    assert ran.status == 1
    assert {v["invariant"] for v in ran.json["violations"]} >= {
        "states_match_movements",
        "states_match_spells",
    }


NOTIFICATION = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn><Ntfctn><Id>N</Id>'
    '<Ntry><Amt Ccy="CNY">45.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><ValDt><Dt>2026-02-20</Dt>'
    "</ValDt><AcctSvcrRef>B1</AcctSvcrRef><NtryDtls><TxDtls><RmtInf><Ustrd>who am I</Ustrd></RmtInf></TxDtls>"
    "</NtryDtls></Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
)


def test_a_creditors_own_layout_is_previewed_and_then_loaded(desk: Desk, tmp_path: Path) -> None:
    desk(*ADD)
    book = ("--portfolio", "CARDS", "--json")
    desk("feed", "load", "accounts", file(tmp_path, ACCOUNT), *book)
    mapping = tmp_path / "theirs.toml"
    mapping.write_text(
        'decimal = ","\n[columns]\npayment_ref = "Nr"\naccount_ref = "Konto"\npaid_on = "Tag"\namount = "Betrag"\n'
        '[constants]\nmethod = "transfer"\n'
    )
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("Nr;Konto;Tag;Betrag\nP1;A1;2026-03-01;45,00\nP2;A1;2026-03-01;45.00\n")
    shown = desk("feed", "preview", "payments", str(theirs), *book, "--mapping", str(mapping), "--rows", "1")
    assert shown.status == 3
    assert shown.json == {
        "kind": "payments",
        "file": "theirs.csv",
        "read_as": "UTF-8, separated by semicolons",
        "columns": [
            {"column": "payment_ref", "source": "column Nr"},
            {"column": "account_ref", "source": "column Konto"},
            {"column": "paid_on", "source": "column Tag"},
            {"column": "amount", "source": "column Betrag"},
            {"column": "method", "source": "always 'transfer'"},
        ],
        "ignored": [],
        "rows": [
            {
                "line": 2,
                "values": {
                    "payment_ref": "P1",
                    "account_ref": "A1",
                    "paid_on": "2026-03-01",
                    "amount": "45.00",
                    "method": "transfer",
                },
            }
        ],
        "rejects": [
            {
                "line": 3,
                "column": "amount",
                "reason": "is not a number written like '1234,56': '45.00'",
            }
        ],
        "read": 2,
        "understood": 1,
        "rejected": 1,
        "warned": 0,
        "told": [],
        "notes": [],
    }
    loaded = desk("feed", "load", "payments", str(theirs), *book, "--mapping", str(mapping))
    assert (loaded.status, loaded.json["loaded"], loaded.json["rejected"]) == (3, 1, 1)
    said = desk(
        "feed", "preview", "payments", str(theirs), "--portfolio", "CARDS", "--mapping", str(mapping)
    ).out
    assert "amount            from column Betrag" in said
    assert "line 3 would be rejected: amount is not a number" in said


def test_money_of_a_bank_that_nobody_can_be_found_for_is_told(desk: Desk, tmp_path: Path) -> None:
    desk(*ADD)
    path = tmp_path / "camt.xml"
    path.write_text(NOTIFICATION)
    assert "who am I" in desk("feed", "preview", "camt054", str(path), "--portfolio", "CARDS").out
    loaded = desk("feed", "load", "camt054", str(path), "--portfolio", "CARDS")
    assert loaded.status == 0
    assert "camt054: read 1, loaded 1" in loaded.out
    assert (
        "1 unmatched payment of 45.00 CNY waits for a person to match it, the oldest since 2026-02-20"
        in loaded.out
    )
    again = desk("feed", "load", "camt054", str(path), "--portfolio", "CARDS", "--json")
    assert again.json == {
        "kind": "camt054", "read": 1, "loaded": 0, "unchanged": 1, "conflicts": 0, "rejected": 0,
        "rejects_file": None, "updated": 0, "warned": 0, "warnings_file": None, "notes": [],
    }  # fmt: skip
    assert (
        desk("feed", "load", "camt054", str(path), "--portfolio", "CARDS", "--mapping", str(path)).status == 2
    )


def test_an_agency_is_told_what_is_past_due(desk: Desk, tmp_path: Path) -> None:
    desk(*ADD, "--source", "reported", "--collector", "third_party")
    book = ("--portfolio", "CARDS", "--json")
    desk("feed", "load", "accounts", file(tmp_path, ACCOUNT), *book)
    position = {
        "account_ref": "A1", "as_of": "2026-03-01", "balance": "900.00", "past_due_amount": "90.00",
        "oldest_due_on": "2026-01-20",
    }  # fmt: skip
    assert desk("feed", "load", "positions", file(tmp_path, position), *book).json["loaded"] == 1
    refused = desk("feed", "load", "statements", file(tmp_path, STATEMENT), *book)
    assert refused.status == 1
    assert "takes past due from the creditor's positions" in refused.err
    assert desk("day", "--date", "2026-03-01", *book).status == 0
    aging = desk("aging", "--date", "2026-03-01", *book).json
    assert (aging["balance"], aging["past_due_amount"]) == ("900.00", "90.00")
    assert aging["buckets"]["30-59"]["accounts"] == 1
    payment = {**PAYMENT, "paid_on": "2026-02-20"}
    assert desk("feed", "load", "payments", file(tmp_path, payment), *book).json["loaded"] == 1
    assert desk("day", "--date", "2026-03-02", *book).status == 0
    assert desk("aging", "--date", "2026-03-02", *book).json["balance"] == "900.00"
    assert desk("invariants").status == 0


def test_version_and_name(desk: Desk) -> None:
    assert desk("--version").out == f"desk {__version__}\n"
    assert "Usage: desk " in desk("--help").out
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_staff_are_listed_changed_and_deactivated(desk: Desk) -> None:
    desk("migrate")
    made = desk("user", "add", "ann", "--role", "agent", "--name", "Ann Lee", "--json").json
    assert (made["username"], made["role"]) == ("ann", "agent")
    listed = desk("user", "list", "--json").json["users"]
    assert [(each["username"], each["role"], each["active"], each["password"]) for each in listed] == [
        ("ann", "agent", True, "temporary")
    ]
    assert desk("user", "role", "ann", "manager", "--json").json["role"] == "manager"
    desk("user", "add", "bo", "--role", "agent", "--team", "Late stage")
    assert desk("user", "team", "ann", " late  STAGE", "--json").status == 0
    assert {each["team"] for each in desk("user", "list", "--json").json["users"]} == {"Late stage"}, (
        "one spelling"
    )
    again = desk("user", "reset", "ann", "--json").json
    assert again["password"] != made["password"]
    assert desk("user", "deactivate", "ann", "--json").json["active"] is False
    assert desk("user", "activate", "ann", "--json").json["active"] is True
    nobody = desk("user", "role", "nobody", "legal")
    assert (nobody.status, nobody.err) == (1, "desk: There is no user 'nobody'. See: desk user list\n")


def test_a_token_is_listed_and_revoked_by_its_name(desk: Desk) -> None:
    desk("migrate")
    token = desk("token", "add", "--role", "legal", "--name", "archive", "--json").json["token"]
    listed = desk("token", "list", "--json").json["tokens"]
    assert [(each["name"], each["role"], each["revoked_at"]) for each in listed] == [
        ("archive", "legal", None)
    ]
    assert token.startswith(listed[0]["begins"])
    assert desk("token", "revoke", "archive", "--json").json["revoked_at"]
    assert desk("token", "list", "--json").json["tokens"][0]["revoked_at"]
    desk("user", "add", "ann", "--role", "manager")
    assert (
        desk("token", "add", "--role", "manager", "--name", "ledger", "--for", "ann", "--json").json["owner"]
        == "ann"
    )
    assert [each["owner"] for each in desk("token", "list", "--json").json["tokens"]] == ["ann", None]
    unknown = desk("token", "add", "--role", "manager", "--name", "other", "--for", "bob")
    assert unknown.err == "desk: There is no active member of staff with this user name.\n"
    assert desk("token", "revoke", "other").err == "desk: There is no token 'other'. See: desk token list\n"


def test_status_says_what_to_do_next(desk: Desk, tmp_path: Path) -> None:
    desk("migrate")
    empty = desk("status", "--json")
    assert empty.status == 1
    assert empty.json["attention"][0] == "There is no portfolio. Open one with: desk portfolio add"
    desk(*ADD)
    found = desk("status", "--json").json
    assert [each["code"] for each in found["portfolios"]] == ["CARDS"]
    due = found["portfolios"][0]["due_on"]
    assert found["attention"][0] == (
        "CARDS has no accounts yet. Load them with: desk feed load accounts FILE --portfolio CARDS"
    )
    assert "No worker is running" in found["attention"][1]
    desk("feed", "load", "accounts", file(tmp_path, ACCOUNT), "--portfolio", "CARDS")
    assert desk("status", "--json").json["attention"][0] == (
        f"CARDS has closed no day yet. Close the first with: desk day --portfolio CARDS --date {due}"
    )


def test_serve_says_why_it_cannot_listen(desk: Desk) -> None:
    desk("migrate")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = desk("serve", "--port", port)
    assert ran.status == 1
    assert f"Cannot listen on 127.0.0.1, port {port}: another program listens there." in ran.err


def test_a_wrong_statement_is_replaced_or_withdrawn(desk: Desk, tmp_path: Path) -> None:
    desk(*ADD)
    book = ("--portfolio", "CARDS", "--json")
    for kind, row in (("accounts", ACCOUNT), ("statements", STATEMENT)):
        assert desk("feed", "load", kind, file(tmp_path, row), *book).status == 0
    again = STATEMENT | {"statement_ref": "AGAIN"}
    assert desk("feed", "load", "statements", file(tmp_path, again), *book).json["conflicts"] == 1
    named = STATEMENT["statement_ref"]
    wrong = desk("statement", "replace", named, *book, "--minimum", "ten", "--reason", "typed")
    assert (wrong.status, wrong.out) == (1, "")
    done = desk(
        "statement", "replace", named, *book, "--minimum", "1.00", "--new-ref", "AGAIN", "--reason", "typed"
    )
    assert (done.status, done.json["replaced_by"]) == (0, "AGAIN")
    missing = desk("statement", "withdraw", named, *book, "--reason", "another's")
    assert (missing.status, "There is no statement" in missing.err) == (1, True)
    assert desk("statement", "withdraw", "AGAIN", *book, "--reason", "another's").json["withdrawn"] is True


def test_an_agency_with_twilio_is_warned_when_its_portfolio_is_opened(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider's policy, before a message is written: Twilio errors 30863, 30460, 30869."""
    for name, value in (
        ("SMS", "twilio"),
        ("TWILIO_ACCOUNT_SID", "AC1"),
        ("TWILIO_AUTH_TOKEN", "t"),
        ("TWILIO_FROM", "+12125550100"),
    ):
        monkeypatch.setenv(f"DESK_{name}", value)
    assert desk("migrate").status == 0
    opened = desk(
        "portfolio", "add", "AGENCY", "--currency", "USD", "--timezone", "America/New_York", "--policy",
        "us-third-party", "--collector", "third_party", "--contact-phone", "+12125550100",
    )  # fmt: skip
    assert opened.status == 0
    assert "! AGENCY: no SMS leaves to customers in United States." in opened.err
    found = desk("doctor", "--json")
    assert found.status == 1
    assert [each["check"] for each in found.json["findings"]] == ["forbidden"]
    assert desk("portfolio", "set", "AGENCY", "policy=twilio").status == 1
    monkeypatch.setenv("DESK_SMS", "console")
    assert desk("doctor").out == "Nothing is wrong with the set-up.\n"


def test_a_pack_is_adopted_by_name_and_taken_back(desk: Desk) -> None:
    assert desk("migrate").status == 0
    assert desk(*ADD, "--contact-phone", "1").status == 0
    adopted = desk("portfolio", "adopt", "CARDS", "at", "nl", "--reason", "counsel's letter", "--json")
    assert adopted.json == {"portfolio": "CARDS", "country": "AT", "pack": "nl"}
    assert desk("portfolio", "adopt", "CARDS", "AT", "none", "--reason", "withdrawn").status == 0
    refused = desk("portfolio", "adopt", "CARDS", "CN", "nl", "--reason", "x")
    assert refused.status == 1
    assert "is covered by cn" in refused.err
