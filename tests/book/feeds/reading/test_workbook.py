"""XLSX as creditors save it, and as an attacker would."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.feeds.loads import load
from app.book.feeds.reading import workbook
from app.book.feeds.reading.mapping_file import parse_mapping
from app.book.feeds.reading.workbook import is_workbook, refused, rows
from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import FeedKind
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from tests import builders
from tests.book.feeds.reading.workbooks import MAIN, Raw, number, write_workbook
from tests.book.feeds.test_feeds import ACCOUNT

HEADER = ["payment_ref", "account_ref", "paid_on", "amount", "method"]


def read(path: Path, sheet: str = "", **options: object) -> list[list[str]]:
    return list(rows(path, sheet, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("shared", [True, False])
def test_texts_numbers_and_dates_are_the_text_our_files_have(tmp_path: Path, shared: bool) -> None:
    path = write_workbook(
        tmp_path / "a.xlsx",
        {
            "Export": [
                ["ref", "number", "date", "moment", "rate", "red", "formula"],
                [
                    "Müller & Söhne <7>",
                    number("1234.5600000000001"),
                    number(46053, "date"),
                    number("46053.5", "moment"),
                    number("0.189", "percent"),
                    number("1234.5", "red"),
                    Raw('<c r="{r}" t="str"><f>A2</f><v>made</v></c>'),
                ],
            ]
        },
        shared=shared,
    )
    assert is_workbook(path.read_bytes()[:8])
    assert read(path)[1] == [
        "Müller & Söhne <7>", "1234.56", "2026-01-31", "2026-01-31 12:00:00", "0.189", "1234.5", "made",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("0.30000000000000004", "0.3"),
        ("1E-3", "0.001"),
        ("-5", "-5"),
        ("1E5", "100000"),
        ("123456789012345", "123456789012345"),
        ("4711", "4711"),
        ("1.5E+3", "1500"),
    ],
)
def test_numbers_have_no_noise_and_no_exponent(tmp_path: Path, stored: str, text: str) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"S": [["a"], [number(stored)]]})
    assert read(path)[1] == [text]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (Raw('<c r="{r}" t="e"><v>#DIV/0!</v></c>'), "is an error cell of the workbook (#DIV/0!)"),
        (Raw('<c r="{r}" t="e"><v>#WHATEVER</v></c>'), "is an error cell of the workbook"),
        (Raw('<c r="{r}" t="b"><v>1</v></c>'), "is a true/false cell"),
        (number("4111111111111111"), "is a number of more than 15 digits"),
        (number("1e300"), "is a number of more than 15 digits"),
        (number("NaN"), "is not a number although the workbook says so"),
        (number("99999999", "date"), "is not a number although"),
        (Raw('<c r="{r}" t="s"><v>999</v></c>'), "is an error cell"),
    ],
)
def test_a_cell_that_must_not_be_taken_for_text_is_refused(tmp_path: Path, cell: Raw, reason: str) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"S": [["a"], [cell]]})
    assert str(refused(read(path)[1][0])).startswith(reason)
    assert refused("plain text") is None


def test_rows_keep_their_numbers_and_get_the_width_of_the_header(tmp_path: Path) -> None:
    path = write_workbook(
        tmp_path / "a.xlsx",
        {"S": [["", "A title"], [], ["", "one", "two", "three"], [], ["", "1"], ["", "1", "2", "3", "4"]]},
    )
    assert read(path, skip_rows=1) == [
        [], [], ["one", "two", "three"], [], ["1", "", ""], ["1", "2", "3", "4"],
    ]  # fmt: skip


def test_a_sheet_is_chosen_by_name_and_a_wrong_name_lists_those_there_are(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"First": [["one"]], "Zweites Blatt": [["two"]]})
    assert read(path) == [["one"]]
    assert read(path, "Zweites Blatt") == [["two"]]
    with pytest.raises(Invalid, match="no sheet 'Third'. It has 'First', 'Zweites Blatt'"):
        read(path, "Third")


def test_dates_from_1904_and_the_decimal_sign_of_a_mapping(tmp_path: Path) -> None:
    path = write_workbook(
        tmp_path / "a.xlsx", {"S": [["a", "b"], [number(44591, "date"), number("1.5")]]}, from_1904=True
    )
    assert read(path, decimal=",")[1] == ["2026-01-31", "1,5"]


def test_a_date_style_of_east_asia_is_a_date(tmp_path: Path) -> None:
    styles = (
        f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="31"/></cellXfs></styleSheet>'
    )
    path = write_workbook(
        tmp_path / "a.xlsx", {"S": [["a"], [number(46053, "date")]]}, extra={"xl/styles.xml": styles}
    )
    assert read(path)[1] == ["2026-01-31"]


def test_rich_text_and_escaped_characters_are_put_together(tmp_path: Path) -> None:
    sst = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><r><t>An</t></r><r><t>na</t></r>'
        "<rPh sb='0' eb='1'><t>guide</t></rPh></si><si><t>a_x0009_b</t></si></sst>"
    )
    cells = '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>'
    path = write_workbook(tmp_path / "a.xlsx", {"S": cells}, extra={"xl/sharedStrings.xml": sst})
    assert read(path) == [["Anna", "a\tb"]]


# --- hostile and broken ---------------------------------------------------------------------------------------


def test_a_cell_in_the_last_corner_costs_nothing_and_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"S": '<row r="1"><c r="XFD1"><v>1</v></c></row>'})
    with pytest.raises(Invalid, match="cells beyond column 500"):
        read(path)
    low = write_workbook(tmp_path / "b.xlsx", {"S": '<row r="1048577"><c r="A1048577"><v>1</v></c></row>'})
    with pytest.raises(Invalid, match="more than 1,048,576"):
        read(low)


def test_rows_out_of_order_are_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"S": '<row r="2"/><row r="1"/>'})
    with pytest.raises(Invalid, match="not in order"):
        read(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_STRINGS", 100_000)
    path = write_workbook(tmp_path / "a.xlsx", {"S": [["x" * 200_000]]})
    assert path.stat().st_size < 10_000
    with pytest.raises(Invalid, match="xl/sharedStrings.xml is too large when unpacked. Split it"):
        read(path)


def test_a_size_that_lies_is_found_out(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"S": [["x" * 200_000]]})
    with zipfile.ZipFile(path) as archive:
        true = archive.getinfo("xl/sharedStrings.xml").file_size
    raw = path.read_bytes()
    assert raw.count(struct.pack("<I", true)) == 2
    path.write_bytes(raw.replace(struct.pack("<I", true), struct.pack("<I", 1000)))
    with pytest.raises(Invalid, match="is not a whole XLSX workbook"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 not a zip", "is not a whole XLSX workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an old .xls file or protected by a password"),
        (b"", "is not a whole XLSX workbook"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=message):
        read(path)


def test_a_zip_that_is_no_workbook_a_cut_one_and_one_with_entities_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(Invalid, match="is not a whole XLSX workbook"):
        read(path)
    whole = write_workbook(tmp_path / "b.xlsx", {"S": [["one"]]}).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Invalid, match="is not a whole XLSX workbook"):
        read(path)
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><sst>&b;</sst>'
    write_workbook(path, {"S": [["one"]]}, extra={"xl/sharedStrings.xml": bomb})
    with pytest.raises(Invalid, match="declares XML entities"):
        read(path)
    with pytest.raises(Invalid, match="There is no file"):
        read(tmp_path / "no.xlsx")


# --- through the loader -----------------------------------------------------------------------------------------


def test_a_workbook_loads_like_any_other_file(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        builders.portfolio(session)
    accounts = write_workbook(tmp_path / "accounts.xlsx", {"S": [list(ACCOUNT), list(ACCOUNT.values())]})
    payments = write_workbook(
        tmp_path / "payments.xlsx",
        {
            "S": [
                HEADER,
                ["P1", "A1", number(46053, "date"), number("45.10"), "transfer"],
                ["P2", "A1", number(46053, "date"), Raw('<c r="{r}" t="e"><v>#REF!</v></c>'), "transfer"],
                ["P3", "A1", number(46053, "date"), number("1"), number("4111111111111111")],
                ["P4", "A1", number(46053, "date"), number("5")],
            ]
        },
    )
    options = {"rejects_dir": tmp_path, "by": "user:ann", "now": builders.NOW}
    assert load(engine, FeedKind.ACCOUNTS, accounts, builders.BOOK, **options).loaded == 1  # type: ignore[arg-type]
    report = load(engine, FeedKind.PAYMENTS, payments, builders.BOOK, **options)  # type: ignore[arg-type]
    assert (report.read, report.loaded, report.rejected) == (4, 2, 2)
    assert report.rejects_file is not None
    text = Path(report.rejects_file).read_text()
    assert "3,amount,is an error cell of the workbook (#REF!)" in text
    assert '4,method,"is a number of more than 15 digits' in text
    assert "41111" not in text
    with transaction(engine) as session:
        assert session.scalars(select(Account.card_last4)).all() == ["0042"]
        made = session.scalars(select(Entry).where(Entry.reference == "P1")).one()
        assert (made.amount_minor, str(made.effective_on)) == (-4_510, "2026-01-31")


def test_a_mapping_names_the_sheet_and_reads_its_notation(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        builders.account(session, builders.customer(session, book), reference="A1")
    path = write_workbook(
        tmp_path / "p.xlsx",
        {
            "Cover": [["hello"]],
            "Zahlungen": [["Zahlungen im Januar"], ["Nr", "Konto", "Tag", "Betrag"],
                          ["P1", "A1", number(46053, "date"), number("1234.5")],
                          ["P2", "A1", "31.01.2026", "1.234,50"]],
        },
    )  # fmt: skip
    mapping = parse_mapping(
        'sheet = "Zahlungen"\nskip_rows = 1\ndecimal = ","\nthousands = "."\ndate_format = "%d.%m.%Y"\n'
        '[columns]\npayment_ref = "Nr"\naccount_ref = "Konto"\npaid_on = "Tag"\namount = "Betrag"\n'
        '[constants]\nmethod = "transfer"\n',
        "p.toml",
    )
    report = load(
        engine, FeedKind.PAYMENTS, path, builders.BOOK,
        rejects_dir=tmp_path, by=Actor.user("ann"), now=builders.NOW, mapping=mapping,
    )  # fmt: skip
    assert (report.loaded, report.rejected) == (2, 0)
    with transaction(engine) as session:
        found = {(e.amount_minor, str(e.effective_on), e.description) for e in session.scalars(select(Entry))}
        assert found == {(-123_450, "2026-01-31", "transfer")}


# --- what a spreadsheet does to identifiers ---------------------------------------------------------------------

ZERO_STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="4"><numFmt numFmtId="164" formatCode="00000"/>'
    '<numFmt numFmtId="165" formatCode="00000\\-0000"/>'
    '<numFmt numFmtId="166" formatCode="[&lt;=99999]00000;00000\\-0000"/>'
    '<numFmt numFmtId="167" formatCode="yyyy\\-mm\\-dd"/></numFmts><cellXfs count="5">'
    '<xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/><xf numFmtId="167"/>'
    "</cellXfs></styleSheet>"
)


def styled(value: object, style: int) -> Raw:
    return Raw(f'<c r="{{r}}" s="{style}"><v>{value}</v></c>')


def test_a_format_of_zeros_keeps_them(tmp_path: Path) -> None:
    cells = [styled(2108, 1), styled(21081234, 2), styled(2108, 3), styled(21081234, 3), styled(1234567, 1)]
    path = write_workbook(
        tmp_path / "z.xlsx", {"A": [list("abcde"), cells]}, extra={"xl/styles.xml": ZERO_STYLES}
    )
    assert read(path)[1] == ["02108", "02108-1234", "02108", "02108-1234", "1234567"]


def test_what_is_hidden_is_told_and_the_first_sheet_that_is_seen_is_read(tmp_path: Path) -> None:
    cell = '<row r="{n}"{more}><c r="A{n}" t="str"><v>{text}</v></c></row>'
    seen = cell.format(n=1, more="", text="seen") + cell.format(n=2, more=' hidden="1"', text="x")
    path = write_workbook(tmp_path / "h.xlsx", {"Old": [["old"]], "New": seen, "Notes": [["n"]]})
    with zipfile.ZipFile(path) as archive:
        index = archive.read("xl/workbook.xml").decode().replace('name="Old"', 'name="Old" state="hidden"')
    write_workbook(path, {"Old": [["old"]], "New": seen, "Notes": [["n"]]}, extra={"xl/workbook.xml": index})
    notes: list[str] = []
    assert list(rows(path, notes=notes)) == [["seen"], ["x"]]
    assert notes == [
        "Only the sheet 'New' was read; hidden sheets: 'Old'.",
        "Only the sheet 'New' was read; other sheets: 'Notes'.",
        "1 row is hidden in the workbook (a filter does that, too); read like the others.",
    ]


def test_dates_in_columns_of_texts(sqlite_engine: Engine, tmp_path: Path) -> None:
    """A reference that became a date rejects its row; an address that did is told."""
    names = list(ACCOUNT)
    good = {**ACCOUNT, "address_line1": "X"}
    made = [
        [number(46053, "date") if name == wrong else good[name] for name in names]
        for wrong in ("address_line1", "customer_ref")
    ]
    path = write_workbook(tmp_path / "d.xlsx", {"A": [names, *made]})
    with transaction(sqlite_engine) as session:
        builders.portfolio(session)
    report = load(
        sqlite_engine,
        FeedKind.ACCOUNTS,
        path,
        builders.BOOK,
        rejects_dir=tmp_path,
        by=Actor.user("ann"),
        now=builders.NOW,
    )
    assert (report.loaded, report.rejected, report.warned) == (1, 1, 1)
    assert "date cell" in Path(report.warnings_file or "").read_text()
