"""`desk adviser` and `desk guidelines`: files and payments at the console, and their exit codes."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.actions.advisers.clients import NewAuthority, add_client
from app.casework.advisers.queries import get_adviser
from app.core.actor import Actor
from app.core.clock import SystemClock
from app.core.database.engine import make_engine, transaction
from app.core.settings import get_settings
from app.programs.cli.main import main
from tests import builders


def test_files_and_payments_of_an_adviser(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DESK_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("DESK_SECRET_KEY", "s" * 40)
    get_settings.cache_clear()

    def desk(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["desk", *arguments])
        status = 0
        try:
            main()
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 1
        out, err = capfd.readouterr()
        return status, out + err

    now = SystemClock().now()
    today = now.date()
    assert desk("adviser", "add", "help", "--name", "Help with Debt") == (0, "HELP: Help with Debt\n")
    assert desk("adviser", "list")[1] == f"{'HELP':<22}Help with Debt\n"
    with transaction(make_engine(sqlite_url)) as session:
        late = today - timedelta(days=20)
        case = builders.delinquent_case(session, due_on=late, on=today - timedelta(days=1)).reference
        authority = NewAuthority(date(2026, 1, 1))
        number = int(case.removeprefix("C-"))
        row = session.get_one(builders.CollectionsCase, number)
        helper = get_adviser(session, "HELP")
        add_client(session, helper, row, authority, builders.catalog(), by=Actor.user("mei"), now=now)

    offer = {"amount": "100.00", "first-on": str(today + timedelta(days=9))}
    plans = tmp_path / "plans.json"
    plans.write_text(json.dumps({"plans": [{"reference": case, "offer": offer}, {"reference": "C-999999"}]}))
    status, said = desk("adviser", "load", "HELP", str(plans), "--portfolio", "CARDS")
    assert status == 3, "done, and a line was rejected"
    assert said.splitlines()[0] == "2 read, 1 loaded, 0 unchanged, 1 rejected"
    assert "line 2, reference" in said
    status, said = desk("adviser", "load", "HELP", str(plans), "--portfolio", "CARDS", "--json")
    assert (status, json.loads(said)["loaded"], json.loads(said)["unchanged"]) == (3, 0, 1)

    schedule = tmp_path / "schedule.csv"
    schedule.write_text(f"reference,amount\n{case},20.00\n")
    pay = ("adviser", "pay", "HELP", str(schedule), "--portfolio", "CARDS")
    assert desk(*pay)[0] == 2
    told = (*pay, "--reference", "BK-1", "--paid-on", str(today - timedelta(days=1)), "--amount")
    assert desk(*told, "20.00") == (0, "20.00 CNY: 20.00 posted, 0.00 waiting\n")
    status, said = desk(*told, "21.00")
    assert (status, "was split already" in said) == (1, True)
    assert desk("adviser", "take-back", "HELP", "1", "--reason", "returned") == (
        0,
        "1 parts were taken back\n",
    )
    status, said = desk("adviser", "load", "NONE", str(plans), "--portfolio", "CARDS")
    assert (status, "no adviser" in said) == (1, True)

    figures = tmp_path / "figures.toml"
    figures.write_text(
        'categories = "uk"\ncurrency = "GBP"\nsource = "Invented"\ndated_on = 2026-04-06\nvalid_from = 2026-04-01\n'
        '[[figures]]\ncode = "total-personal"\nfirst_adult = "10.00"\nfurther_adult = "5.00"\n'
        'child_under_16 = "1.00"\nchild_16_18 = "1.00"\n'
    )
    assert desk("guidelines", "load", str(figures)) == (0, "Invented, valid from 2026-04-01: loaded\n")
    assert "loaded before" in desk("guidelines", "load", str(figures))[1]
    assert "Invented" in desk("guidelines", "list")[1]
