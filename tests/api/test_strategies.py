"""Strategies by programs: listed, exported, imported, put live, rolled back; and the same on the command line."""

from __future__ import annotations

from pathlib import Path

from app.core.staff.rules import Role
from tests import builders
from tests.api.program import Program
from tests.programs.test_cli import ADD, Desk, desk
from tests.web.managers.test_strategies import TEXT

__all__ = ["desk"]  # a fixture

THERE = "/portfolios/CARDS/strategies"


def test_a_program_imports_exports_puts_live_and_rolls_back(program: Program) -> None:
    program.desk.write(builders.portfolio)
    assert program.get(THERE).json()["items"] == []
    made = program.post(THERE, {"code": "standard", "text": TEXT, "note": "later"}, key="once")
    assert (made.status_code, made.json()["ref"], made.json()["live"]) == (201, "standard@2", False)
    again = program.post(THERE, {"code": "standard", "text": TEXT, "note": "later"}, key="once")
    assert again.json() == made.json()
    listed = program.get(THERE).json()["items"]
    assert [(v["ref"], v["live"], v["saved_by"]) for v in listed] == [
        ("standard@1", True, "system"), ("standard@2", False, program.by),
    ]  # fmt: skip
    assert program.get(f"{THERE}/{made.json()['id']}").json()["text"] == TEXT
    assert program.get(f"{THERE}/999").status_code == 404
    live = program.post(f"{THERE}/live", {"ref": "standard@2"})
    assert (live.status_code, live.json()["live"]) == (200, True)
    assert program.post(f"{THERE}/live", {"ref": "standard@2"}).status_code == 409
    assert program.post(f"{THERE}/live", {"ref": "standard@7"}).status_code == 404
    assert program.post(f"{THERE}/rollback").json()["ref"] == "standard@1"
    assert program.post(f"{THERE}/rollback").status_code == 409


def test_an_experiment_is_compared_at_the_end_of_the_last_closed_day(program: Program) -> None:
    program.desk.write(builders.portfolio)
    program.post(THERE, {"code": "early", "text": TEXT, "note": ""})
    there = "/portfolios/CARDS/experiments"
    wanted = {"challenger": "early@1", "share_percent": 50, "cases_wanted": 400}
    started = program.post(there, wanted).json()["id"]
    early = program.get(f"{there}/{started}/result")
    assert (early.status_code, early.json()["detail"]) == (
        404,
        "No business day of this portfolio is closed yet.",
    )
    builders.close_day(program.desk.engine, builders.NOW.date())

    result = program.get(f"{there}/{started}/result").json()

    assert (result["business_date"], result["verdict"]) == (str(builders.NOW.date()), "not_enough")
    assert (result["primary_figure"], result["cases_wanted"], result["is_uneven"]) == ("cured", 400, False)
    assert result["champion"] == {"joined": 0, "cases": 0, "cured": 0, "recovered": "0.00"}
    assert result["cured"] is None
    assert [each["guardrail"] for each in result["guardrails"]] == ["complaints", "opt_outs", "hardship"]
    assert program.get(f"{there}/99/result").status_code == 404


def test_faults_are_named_and_agents_only_read(sqlite_program: Program) -> None:
    sqlite_program.desk.write(builders.portfolio)
    bad = sqlite_program.post(THERE, {"code": "standard", "text": TEXT.replace("day = 5", "day = 0")})
    assert bad.status_code == 422
    assert "Step 1 (late-sms): day: must be a whole number" in bad.text
    agent = sqlite_program.as_(Role.AGENT)
    assert agent.get(THERE).status_code == 200
    assert agent.post(THERE, {"code": "standard", "text": TEXT}).status_code == 403
    assert agent.post(f"{THERE}/rollback").status_code == 403


def test_the_same_on_the_command_line(desk: Desk, tmp_path: Path) -> None:  # noqa: F811
    assert desk(*ADD).status == 0
    book = ("--portfolio", "CARDS")
    assert desk("strategy", "list", *book, "--json").json["live"].startswith("standard@shipped:")
    shipped = desk("strategy", "export", *book).out
    assert 'name = "Standard card strategy"' in shipped
    mine = tmp_path / "mine.toml"
    mine.write_text(TEXT)
    assert desk("strategy", "import", str(mine), *book, "--json").json == {"strategy": "standard@2"}
    assert desk("strategy", "live", "standard@2", *book, "--json").json == {"live": "standard@2"}
    assert desk("strategy", "export", "standard@2", *book).out == TEXT
    assert desk("strategy", "rollback", *book, "--json").json == {"live": "standard@1"}
    found = desk("strategy", "list", *book, "--json").json
    assert [(v["ref"], v["live"]) for v in found["versions"]] == [("standard@2", False), ("standard@1", True)]
    mine.write_text(TEXT.replace("day = 5", "day = 0"))
    wrong = desk("strategy", "import", str(mine), *book)
    assert wrong.status == 1
    assert "mine.toml:3: step 1 (late-sms): day: must be a whole number" in wrong.err
    assert desk("strategy", "rollback", *book).status == 1
