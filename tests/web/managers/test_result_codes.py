"""The page of result codes: a version is saved, a bad one is refused with its line, and one can be taken back."""

from __future__ import annotations

from app.casework.results.file import shipped_text
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import Desk


def test_a_manager_changes_the_codes_and_goes_back(sqlite_desk: Desk) -> None:
    portfolio = sqlite_desk.write(builders.portfolio)
    code = portfolio.code
    mei = sqlite_desk.sign_in(Role.MANAGER)
    page = mei.get(f"/results?portfolio={code}")
    assert "Payment claimed" in page.text
    bad = shipped_text().replace('key = "2"', 'key = "1"')
    sent = {"portfolio": code, "based_on": "0", "reason": "another key"}
    refused = mei.submit("/results", text=bad, **sent)
    assert refused.status_code == 422
    line = bad[: bad.index('key = "1"', bad.index('code = "busy"'))].count("\n") + 1
    assert f"Line {line}, <strong>busy, key</strong>" in refused.text
    assert "another key" in refused.text, "nothing typed is lost"
    text = shipped_text().replace('label = "Busy"', 'label = "Line busy"')
    assert mei.submit("/results", text=text, **sent).status_code == 303
    assert "Line busy" in mei.get(f"/results?portfolio={code}").text
    changes = mei.get(f"/results/1/changes?portfolio={code}").text
    assert "+label = &#34;Line busy&#34;" in changes
    assert mei.submit("/results/0/revert", portfolio=code, reason="was better").status_code == 303
    assert "Version 2" in mei.get(f"/results?portfolio={code}").text


def test_an_agent_reads_and_does_not_change(sqlite_desk: Desk) -> None:
    portfolio = sqlite_desk.write(builders.portfolio)
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert "Save as version" not in ben.get("/results").text
    assert ben.submit("/results", portfolio=portfolio.code, text="x", reason="y").status_code == 403


def test_several_portfolios_are_offered_by_their_creditors(sqlite_desk: Desk) -> None:
    sqlite_desk.write(builders.portfolio)
    sqlite_desk.write(lambda session: builders.portfolio(session, "LOANS", creditor="Inland Bank"))
    page = sqlite_desk.sign_in(Role.MANAGER).get("/results?portfolio=LOANS").text
    assert "Harbour Bank" in page
    assert '<a href="/results?portfolio=LOANS" aria-current="page"><bdi>Inland Bank</bdi> (LOANS)</a>' in page


def test_the_table_says_fields_and_effects_as_the_form_does(sqlite_desk: Desk) -> None:
    sqlite_desk.write(builders.portfolio)
    page = sqlite_desk.sign_in(Role.AGENT).get("/results").text
    for words in (
        "Pays by (required)",
        "Whom to contact instead",
        "Number rests on all channels until a person confirms it",
        "Callback",
        "Dispute hold",
    ):
        assert words in page, words
    table = page[page.index("<tbody>") : page.index("</tbody>")]
    assert not {
        word
        for word in ("due on", "callback at", "number bad", "ask manager", "paid amount")
        if word in table
    }
