"""Peers by page, API and command: one file, all or nothing."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest
from sqlmodel import Session

from app.core.ids import id_of
from app.core.settings import get_settings
from app.core.staff.rules import Role
from app.programs.cli.main import main
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.peers.models import PeerFile, PeerValue
from tests import builders
from tests.api.program import Program
from tests.reporting.peers.test_reading import FRED, PHILADELPHIA
from tests.web.desk import Browser, Desk

QUARTER = date(2025, 9, 30)


def own_figure(session: Session) -> None:
    book = builders.portfolio(session)
    session.add(
        KpiSnapshot(
            portfolio_id=id_of(book), business_date=QUARTER, kpi="overdue_rate_balance_30", definition="1",
            numerator=8_000, denominator=100_000, computed_at=builders.NOW,
        )
    )  # fmt: skip
    session.flush()


def upload(mei: Browser, name: str, content: bytes) -> tuple[int, str]:
    answer = mei.post(
        "/peers",
        data={"csrf_token": mei.csrf_token},
        files={"file": (name, content)},
        headers={"origin": "http://testserver"},
    )
    return answer.status_code, answer.text


def test_a_file_is_loaded_by_page_and_api_and_drawn_beside_ours(desk: Desk) -> None:
    mei, program = desk.sign_in(Role.MANAGER), Program(desk)
    assert "No file was loaded yet" in mei.get("/peers").text
    desk.write(own_figure)
    broken = FRED.replace("6.7", "6,7").encode()
    status, text = upload(mei, "broken.csv", broken)
    assert (status, "Line 2 has 4 columns, and the header has 3" in text) == (422, True)
    assert builders.count(desk.engine, PeerFile) == builders.count(desk.engine, PeerValue) == 0
    status, _ = upload(mei, "DRCCLACBS.csv", FRED.encode())
    assert status == 303
    again, text = upload(mei, "again.csv", FRED.encode())
    assert (again, "loaded already, as DRCCLACBS.csv" in text) == (409, True)
    body = {"file_name": "balances.csv", "file": PHILADELPHIA}
    loaded = program.post("/peers", body)
    assert (loaded.status_code, loaded.json()["values"]) == (201, 3)
    page = mei.get("/peers").text
    assert "Overdue rate by balance, 30+ days" in page
    assert "FR Y-14M" in page
    [by_accounts, by_balance] = sorted(
        program.get("/peers", portfolio=builders.BOOK).json(), key=lambda each: str(each["kpi"])
    )
    assert set(by_balance["definitions"]) == {"DRCCLACBS", "DRCCLOBS", "philadelphia_balance_30"}
    assert by_balance["quarters"][0] == {
        "quarter_ends_on": "2025-09-30", "low": 0.0298, "high": 0.067, "own": 0.08, "place": "above the peers",
    }  # fmt: skip
    assert desk.sign_in(Role.AGENT).get("/peers").status_code == 403


def test_a_file_is_loaded_at_the_console(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DESK_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("DESK_SECRET_KEY", "s" * 40)
    get_settings.cache_clear()

    def desk(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["desk", *arguments])
        try:
            main()
        except SystemExit as stop:
            out, err = capfd.readouterr()
            return stop.code if isinstance(stop.code, int) else 0, out + err
        out, err = capfd.readouterr()
        return 0, out + err

    file = tmp_path / "balances.csv"
    file.write_text(PHILADELPHIA)
    status, said = desk("peers", "load", str(file))
    assert status == 0
    assert (
        "balances.csv: 3 values of philadelphia_accounts_30, philadelphia_balance_30, up to 2025-12-31."
        in said
    )
    assert desk("peers", "load", str(file))[0] == 1
    status, said = desk("peers", "load", str(tmp_path / "none.csv"))
    assert (status, "cannot be read: No such file" in said) == (1, True)
