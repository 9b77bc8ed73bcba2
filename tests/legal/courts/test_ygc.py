"""Records of You've Got Claims: each field at its place, nothing cut, and what is written is read again."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.core.errors import Conflict, Invalid
from app.legal.bundle.build import build
from app.legal.courts.formats import export, findings
from app.legal.courts.source import Source, open_source
from app.legal.courts.ygc import YGC
from app.legal.courts.ygc_records import LAYOUTS, FieldType, length_of, read_record, write_record
from tests.legal.builders import KEY, account, case_file, customer, entry, no_page, portfolio

GIVEN = {
    "forw_id": "NJ750", "firm_id": "NY12", "name": "DOE/JANE",
    "payment_code": "P1", "return_code": "R1", "note_code": "N1",
}  # fmt: skip


def source(**changes: Any) -> Source:
    day = date(2026, 5, 20)
    entries = (
        *case_file().entries,
        entry("R-1", "recovery", day, -10_000),
        entry("R-2", "reversal", day, 10_000, reverses="R-1"),
        entry("R-3", "recovery", day, -5_000),
        entry("C-1", "fee", day, 2_000, description="Court fee"),
    )
    given = {
        "portfolio": portfolio(
            currency="USD", timezone="America/New_York", creditor="First National Bank of Linden NJ", policy_pack="XX"
        ),
        "customer": customer(
            country="US", name="Jane Doe", address_lines=("12 Elm Street", "Linden NJ 07036"), mobile="+19085551234"
        ),
        "accounts": (account(status="charged_off", charged_off_on=date(2026, 4, 30), balance_minor=120_450),),
        "entries": entries,
        "claimed_minor": 120_450,
        "documents": (),
        "incomplete_reason": "a test",
        **changes,
    }  # fmt: skip
    return open_source(build(case_file(**given), KEY, no_page))


def test_an_account_is_placed_with_its_claim_and_its_payments() -> None:
    content = export(YGC, source(), GIVEN)
    lines = content.decode("ascii").split("\r\n")
    assert lines.pop() == ""
    assert [len(line) for line in lines] == [length_of(line[:2]) for line in lines]
    records = [read_record(line) for line in lines]
    assert [each["RECORD"] for each in records] == ["01", "02", "24", "24", "24", "24", "09"]
    first, debtor = records[0], records[1]
    assert lines[0][87:101] == "       1149.50", "ORIG_CLAIM stands in columns 88 to 101"
    assert (first["ORIG_INT"], first["LATE_FEE"], first["ADDITIONAL_COST"]) == (
        Decimal("25.00"),
        Decimal("10.00"),
        Decimal("20.00"),
    )
    assert first["DEBT_BAL"] == Decimal("1159.50"), "ORIG_CLAIM and LATE_FEE"
    owed = first["DEBT_BAL"] + first["ORIG_INT"] + first["ADDITIONAL_COST"]  # type: ignore[operator]
    assert owed == Decimal("1204.50")
    assert (first["CHRG_OFF_D"], first["CHRG_OFF_A"], first["RATES_PRE"]) == (
        date(2026, 4, 30),
        Decimal("1234.50"),
        Decimal("0.1490"),
    )
    assert f"{first['CRED_NAME']} | {first['CRED_NAME2']}" == "First National Bank of Li | nden NJ"
    assert (debtor["D1_NAME"], debtor["D1_CS"], debtor["D1_ZIP"]) == ("DOE/JANE", "Linden NJ", "07036")
    came = {each["CMT"]: (each["TOTAL_COLL"], each["TRANS_CD"]) for each in records[2:6]}
    assert came == {
        "P-1": (Decimal("250.00"), "P1"),
        "R-1": (Decimal("100.00"), "P1"),
        "R-2": (Decimal("-100.00"), "R1"),
        "R-3": (Decimal("50.00"), "P1"),
    }


def test_what_it_cannot_carry_is_said_and_never_cut() -> None:
    def said(given: dict[str, str], **changes: Any) -> str:
        return "; ".join(each.what for each in findings(YGC, source(**changes), given) if each.stops)

    assert said(GIVEN) == ""
    assert "payment_code is missing" in said({**GIVEN, "payment_code": ""})
    assert "Lastname/Firstname" in said({**GIVEN, "name": "Jane Doe"})
    assert "D1_NAME of record 02 takes 30 plain ASCII characters" in said({**GIVEN, "name": "DÖE/JANE"})
    assert "does not end with a town" in said(
        GIVEN, customer=customer(country="US", address_lines=("x", "Linden"))
    )
    long = customer(country="US", address_lines=("1234 Martin Luther King Boulevard", "Linden NJ 07036"))
    assert "D1_STREET of record 02 takes 25" in said(GIVEN, customer=long)
    with pytest.raises(Conflict, match="amounts are in dollars"):
        export(YGC, open_source(build(case_file(), KEY, no_page)), GIVEN)


@pytest.mark.parametrize("code", LAYOUTS)
def test_every_record_is_read_as_it_was_written(code: str) -> None:
    made = {
        FieldType.DAY: date(2026, 2, 28),
        FieldType.MONEY: Decimal("-1234.50"),
        FieldType.RATE: Decimal("0.1950"),
    }
    values = {
        field.name: made.get(field.type, "x" * min(field.width, 9))
        for field in LAYOUTS[code]
        if field.name != "RECORD"
    }
    line = write_record(code, values)
    assert len(line) == length_of(code)
    assert read_record(line) == {"RECORD": code, **values}
    assert read_record(line.rstrip()) == {"RECORD": code, **values}


def test_published_places_of_fields() -> None:
    """Ends of records and starts of fields, as the vendor's pages print them."""
    ends = {"09": 1107, "12": 137, "24": 261, "39": 1107}
    assert {code: length_of(code) for code in ends} == ends
    starts = {
        ("01", "ORIG_INT"): 102,
        ("31", "D1_CS"): 149,
        ("31", "D1_DL"): 236,
        ("38", "COST_BAL"): 200,
        ("38", "SFEE"): 275,
    }
    for (code, name), start in starts.items():
        names = [field.name for field in LAYOUTS[code]]
        assert 1 + sum(field.width for field in LAYOUTS[code][: names.index(name)]) == start, name


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("77", "Record '77' is not one that is read here"),
        ("39short", "the file numbers alone take 67"),
        ("39" + " " * 65 + "20261341", "PDATE of record 39 is no day"),
        ("38" + " " * 133 + "12,5".rjust(14), "D1_BAL of record 38 is no money"),
    ],
)
def test_bad_records_are_refused_with_their_field(line: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        read_record(line)
