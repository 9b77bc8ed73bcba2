"""Returns over the API: drawn up, frozen, and their lists."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.engine import Engine

from tests.api.program import Program
from tests.reporting.kpis.lived import LAST, live_through
from tests.web.desk import Desk

BOOK = "/portfolios/CARDS"


def test_a_return_is_drawn_up_listed_and_frozen(engine: Engine) -> None:
    live_through(engine)
    program = Program(Desk(engine))
    kinds = [each["kind"] for each in program.get("/returns").json()["items"]]
    assert kinds == ["uk-complaints", "uk-arrears", "cn-card-tiers"]
    drawn = program.get(f"{BOOK}/returns/cn-card-tiers", date=str(LAST)).json()
    assert (drawn["months"], drawn["definition"], drawn["last_on"]) == (0, "1", str(LAST))
    cells = {(cell["row"], cell["measure"]): cell for cell in drawn["cells"]}
    assert cells["special_mention", "number"]["value"] == 3
    assert cells["direct", "number"]["value"] is None
    assert "hold for fraud" in cells["direct", "number"]["not_recorded"]
    path, asked = f"{BOOK}/returns/cn-card-tiers/lines", {"row": "all", "measure": "balance", "limit": 4}
    first = program.get(path, date=str(LAST), **asked).json()
    assert (first["count"], first["total"]) == (6, cells["all", "balance"]["value"])
    rest = program.get(path, date=str(LAST), cursor=first["next_cursor"], **asked).json()
    listed = [*first["items"], *rest["items"]]
    assert len({each["id"] for each in listed}) == 6
    assert sum(Decimal(each["balance"]) for each in listed) == Decimal(first["total"])

    made = program.post(f"{BOOK}/frozen-returns", {"kind": "cn-card-tiers", "last_on": str(LAST)})
    assert made.status_code == 201, made.text
    number = made.json()["id"]
    assert made.json()["by"] == "token:manager program"
    kept = program.get(f"{BOOK}/frozen-returns/{number}").json()
    assert (kept["cells"], kept["now"]) == (drawn["cells"], [])
    again = program.get(f"{BOOK}/frozen-returns/{number}/lines", **asked).json()
    assert again["items"] == first["items"]
    assert [row["id"] for row in program.get(f"{BOOK}/frozen-returns").json()["items"]] == [number]


def test_what_a_return_has_not_is_refused(engine: Engine) -> None:
    live_through(engine)
    program = Program(Desk(engine))
    refused = program.get(f"{BOOK}/returns/uk-mortgages", date=str(LAST))
    assert (refused.status_code, refused.json()["detail"][:37]) == (
        404,
        "There is no return of this name. Know",
    )
    refused = program.get(
        f"{BOOK}/returns/uk-arrears/lines", date=str(LAST), row="missed_payments", measure="number"
    )
    assert refused.status_code == 404
    refused = program.post(f"{BOOK}/frozen-returns", {"kind": "uk-arrears", "last_on": "2026-03-13"})
    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        "CARDS has not closed 2026-03-13. Choose a day that is closed.",
    )
    assert program.get(f"{BOOK}/frozen-returns/7").status_code == 404
