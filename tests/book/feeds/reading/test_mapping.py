"""A creditor's own layout loads without a script; a mapping file that is wrong says which key."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import col, select

from app.actions.feeds.loads import load
from app.book.feeds.cells import BadCell
from app.book.feeds.preview import preview
from app.book.feeds.reading.mapping import OURS, Mapping
from app.book.feeds.reading.mapping_file import load_mapping, parse_mapping
from app.book.feeds.service import LAYOUTS
from app.book.ledger.models import Entry
from app.book.ledger.rules import FeedKind
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.settings import ROOT
from tests import builders

EXAMPLE = ROOT / "docs" / "examples" / "creditor.toml"
EXPORT = (
    "Umsatzexport Kreditkarten\n"
    "Konto;Lfd. Nr.;Filiale;Buchungstag;Umsatzart;Betrag;Text 1;Text 2\n"
    "4711-0815;17;Mitte;31.01.2026;KAUF;1.234,56;Bücher;Köln\n"
    "4711-0815;18;Mitte;02.02.2026;EINZ;50,00-;Danke;\n"
    "4711-0815;19;Mitte;31.02.2026;EINZ;50,00-;;\n"
    "4711-0815;20;Mitte;03.02.2026;EINZ;50,00;;\n"
    "4711-0815;21;Mitte;03.02.2026;WAS;50,00;;\n"
)


def mapped(body: str) -> Mapping:
    return parse_mapping(body, "theirs.toml")


def with_columns(columns: str, before: str = "", after: str = "") -> Mapping:
    return mapped(f"{before}\n[columns]\n{columns}\n{after}")


def test_the_columns_of_every_feed_can_be_mapped() -> None:
    used = {name for layout in LAYOUTS.values() for name in layout.required + layout.optional}
    assert used == OURS


def test_the_example_loads_the_export_it_describes(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        builders.account(session, builders.customer(session, book), reference="4711-0815")
    path = tmp_path / "transactions.csv"
    path.write_bytes(EXPORT.encode("cp1252"))
    mapping = load_mapping(EXAMPLE)
    report = load(
        engine, FeedKind.TRANSACTIONS, path, builders.BOOK,
        rejects_dir=tmp_path, by=Actor.user("ann"), now=builders.NOW, mapping=mapping,
    )  # fmt: skip
    assert (report.read, report.loaded, report.rejected) == (5, 2, 3)
    with transaction(engine) as session:
        found = session.scalars(select(Entry).order_by(col(Entry.id))).all()
        assert [(e.reference, e.kind, e.amount_minor, str(e.effective_on), e.description) for e in found] == [
            ("4711-0815/17", "purchase", 123_456, "2026-01-31", "Bücher Köln"),
            ("4711-0815/18", "payment", -5_000, "2026-02-02", "Danke"),
        ]
    assert report.rejects_file is not None
    lines = Path(report.rejects_file).read_text().splitlines()[1:]
    assert lines[0].startswith("5,posted_on,is not a date written as %d.%m.%Y")
    assert lines[1].startswith("6,amount,amount of a payment must not be negative")
    assert lines[2].startswith("7,kind,is not among the values the mapping knows: 'WAS'")


def test_a_preview_shows_the_rows_as_understood_and_stores_nothing(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "transactions.csv"
    path.write_bytes(EXPORT.encode("cp1252"))
    with transaction(engine) as session:
        book = builders.portfolio(session)
        found = preview(book, FeedKind.TRANSACTIONS, path, load_mapping(EXAMPLE), rows=1)
    assert found.read_as == "CP1252, separated by semicolons"
    assert [(c.column, c.source) for c in found.columns][:2] == [
        ("transaction_ref", "columns Konto + Lfd. Nr."),
        ("account_ref", "column Konto"),
    ]
    assert found.ignored == ["Filiale"]
    assert (found.read, found.understood, found.rejected) == (5, 2, 3)
    (row,) = found.rows
    assert row.line == 3
    assert row.values == {
        "transaction_ref": "4711-0815/17", "account_ref": "4711-0815", "posted_on": "2026-01-31",
        "kind": "purchase", "amount": "1234.56", "description": "Bücher Köln",
    }  # fmt: skip
    (reject,) = found.rejects
    assert (reject.line, reject.column) == (5, "posted_on")
    with transaction(engine) as session:
        assert session.scalars(select(Entry)).all() == []


@pytest.mark.parametrize(
    ("settings", "raw", "amount"),
    [
        ('decimal = ","\nthousands = "."', "1.234,56", "1234.56"),
        ('decimal = ","\nthousands = "."', "1234,56", "1234.56"),
        ('decimal = ","\nthousands = "."', "-1.234.567,8", "-1234567.8"),
        ('decimal = ","', "12", "12"),
        ('thousands = ","', "(1,234.50)", "-1234.50"),
        ('thousands = ","', "1,234.50-", "-1234.50"),
        ('thousands = ","', "\u22125", "-5"),
        ('thousands = ","', "+5", "5"),
        ('thousands = ","', "12,34,567.00", "1234567.00"),
        ('decimal = ","\nthousands = " "', "1\u00a0234\u202f567,00", "1234567.00"),
        ('thousands = "\'"', "1'234.50", "1234.50"),
        ("", "0", "0"),
        ("", "-0.00", "0.00"),
        ("", "", ""),
        ("", "  7.00 ", "7.00"),
    ],
)
def test_amounts_in_their_notation(settings: str, raw: str, amount: str) -> None:
    assert with_columns('amount = "A"', settings).cell("amount", raw) == amount


@pytest.mark.parametrize(
    ("settings", "raw"),
    [
        ('decimal = ","\nthousands = "."', "1.234.56"),
        ('decimal = ","\nthousands = "."', "12.34"),
        ('decimal = ","\nthousands = "."', "1,234.56"),
        ('decimal = ","', "1.234"),
        ("", "1,234"),
        ("", "(5"),
        ("", "5)"),
        ("", "(-5)"),
        ("", "-5-"),
        ("", "1e3"),
        ("", "NaN"),
        ("", "5 EUR"),
        ("", "9" * 50),
        ("", "\u0665"),
    ],
)
def test_a_number_that_may_mean_two_things_is_no_number(settings: str, raw: str) -> None:
    with pytest.raises(BadCell) as refused:
        with_columns('amount = "A"', settings).cell("amount", raw)
    assert refused.value.column == "amount"


@given(
    value=st.decimals(min_value=-(10**12), max_value=10**12, places=2),
    notation=st.sampled_from([(".", ","), (",", "."), (",", " "), (".", "'"), (".", ""), (",", "")]),
    negative=st.sampled_from(["-{}", "{}-", "({})", "\u2212{}"]),
)
def test_every_amount_comes_back_from_every_notation(
    value: Decimal, notation: tuple[str, str], negative: str
) -> None:
    decimal, thousands = notation
    written = f"{abs(value):,.2f}".replace(",", "t").replace(".", decimal).replace("t", thousands)
    written = negative.format(written) if value < 0 else written
    mapping = with_columns('amount = "A"', f'decimal = "{decimal}"\nthousands = "{thousands}"')
    assert Decimal(mapping.cell("amount", written)) == value


@pytest.mark.parametrize(
    ("column", "how", "raw", "ours"),
    [
        ("amount", 'unit = "cents"', "1234", "12.34"),
        ("amount", 'unit = "cents", negate = true', "-5", "0.05"),
        ("amount", "negate = true", "0", "0"),
        ("apr", 'unit = "percent"', "18.9 %", "0.189"),
        ("apr", 'unit = "percent"', "18.9", "0.189"),
        ("apr", "join = ''", "18.9%", "0.189"),
        ("apr", "join = ''", "0.189", "0.189"),
        ("opened_on", 'format = "%d/%m/%y"', "31/12/26", "2026-12-31"),
        ("opened_on", 'format = "%d/%m/%y"', "2026-12-31", "2026-12-31"),
        ("opened_on", 'format = "%Y%m%d"', "20261231", "2026-12-31"),
    ],
)
def test_units_signs_and_dates_of_one_column(column: str, how: str, raw: str, ours: str) -> None:
    assert with_columns(f'{column} = {{ column = "T", {how} }}').cell(column, raw) == ours


def test_a_date_of_another_notation_is_refused_and_not_read_backwards() -> None:
    mapping = with_columns('due_on = "D"', 'date_format = "%Y-%d-%m"')
    assert mapping.cell("due_on", "2026-31-12") == "2026-12-31"
    with pytest.raises(BadCell, match="is not a date written as %Y-%d-%m"):
        mapping.cell("due_on", "2026-12-31")


def test_values_constants_and_joined_columns_make_a_row() -> None:
    mapping = with_columns(
        'full_name = { columns = ["First", "Last"] }\ncountry = "Land"',
        after='[constants]\ncurrency = "EUR"\n[values.country]\nDeutschland = "DE"\n',
    )
    bound = mapping.bind(["Land", "Last", "First"])
    assert bound.columns == ("full_name", "country", "currency")
    assert bound.row(["Deutschland", " Example ", "Anna"]) == {
        "full_name": "Anna Example", "country": "DE", "currency": "EUR",
    }  # fmt: skip
    assert bound.row(["DE", "Example", ""])["full_name"] == "Example"
    with pytest.raises(BadCell, match="2 cells where the header has 3"):
        bound.row(["DE", "x"])


def test_a_header_that_does_not_fit_is_refused_by_name() -> None:
    mapping = with_columns('amount = "Amount"\nkind = "Kind"', 'ignore = ["Branch"]')
    with pytest.raises(Invalid) as refused:
        mapping.bind(["Amount", "Amount", "Colour"])
    assert str(refused.value) == (
        "The header does not fit the mapping theirs.toml (columns it neither maps nor ignores: 'Colour'; "
        "columns it maps that are not there: 'Kind'; twice: 'Amount'). Nothing was loaded."
    )
    assert mapping.header(["Branch", "Kind", "Amount"]) == ["amount", "kind"]


@pytest.mark.parametrize(
    ("body", "key", "why"),
    [
        ("x = 1", "x", "is no key of a mapping"),
        ('delimiter = ";"', "columns", "is missing"),
        ('delimiter = 7\n[columns]\namount = "A"', "delimiter", "must be a text in quotes"),
        ('delimiter = "::"\n[columns]\namount = "A"', "delimiter", "must be one character"),
        ('encoding = "base64"\n[columns]\namount = "A"', "encoding", "is not known"),
        ('decimal = ";"\n[columns]\namount = "A"', "decimal", 'must be "." or ","'),
        ('thousands = "."\n[columns]\namount = "A"', "thousands", "not the decimal sign"),
        ('date_format = "%d.%m."\n[columns]\namount = "A"', "date_format", "does not write a whole date"),
        ('skip_rows = -1\n[columns]\namount = "A"', "skip_rows", "must be between"),
        ('signed = 1\n[columns]\namount = "A"', "signed", "must be true or false"),
        ('[columns]\namout = "A"', "columns.amout", "is no column of ours"),
        ("[columns]\namount = 3", "columns.amount", 'must be "Their column" or a table'),
        ('[columns]\namount = { unit = "cents" }', "columns.amount", "needs column"),
        (
            '[columns]\namount = { column = "A", unit = "euro" }',
            "columns.amount.unit",
            '"cents" for an amount',
        ),
        ('[columns]\ncity = { column = "A", negate = true }', "columns.city.negate", "for amounts only"),
        ('[columns]\ncity = { column = "A", format = "%d" }', "columns.city.format", "is for dates only"),
        ('[columns]\ncity = { column = "A", colour = 1 }', "columns.city.colour", "is not known"),
        (
            '[columns]\ncity = "A"\n[constants]\ncity = "B"',
            "constants.city",
            "is mapped in [columns] already",
        ),
        (
            '[columns]\ncity = "A"\n[constants]\ncurrency = 5',
            "constants.currency",
            "must be a text in quotes",
        ),
        ('[columns]\nkind = "A"\n[kinds]\nX = "loan"', "kinds.X", "'loan' is not one of"),
        ('[columns]\nkind = "A"\n[kinds]\nX = "reversal"', "kinds.X", "'reversal' is not one of"),
        ('[columns]\nkind = "A"\n[values.amount]\nX = "1"', "values.amount", "is for texts"),
        ('ignore = "A"\n[columns]\ncity = "A"', "ignore", "must be a list of column names"),
    ],
)
def test_a_wrong_mapping_names_its_key(body: str, key: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        mapped(body)
    assert str(refused.value).startswith(f"mapping theirs.toml: {key} ")
    assert why in str(refused.value)
    assert refused.value.field == key


def test_a_mapping_that_is_no_toml_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="The mapping theirs.toml is not TOML: "):
        mapped("columns = [")
    with pytest.raises(Invalid, match="There is no mapping file"):
        load_mapping(tmp_path / "no.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes('[columns]\ncity = "Straße"'.encode("cp1252"))
    with pytest.raises(Invalid, match="cannot be read"):
        load_mapping(latin)
