"""The bulk claim of England and Wales: valid by its published limits, or refused with every reason."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from app.core.errors import Conflict, Invalid
from app.legal.bundle.build import build
from app.legal.checklists.case_file import CaseFile
from app.legal.courts.catalog import format_named
from app.legal.courts.england import BASE, BULK, CLAIM, ENGLAND
from app.legal.courts.formats import export, findings
from app.legal.courts.source import Source, open_source
from tests.legal.builders import KEY, account, case_file, customer, entry, no_page, portfolio
from tests.paths import ROOT

GIVEN = {"sdt_customer": "12345678", "signed_by": "Grace Harper"}
SCHEMAS = ROOT / "tests" / "legal" / "courts"


def british(**changes: Any) -> CaseFile:
    given = {
        "portfolio": portfolio(
            currency="GBP", timezone="Europe/London", creditor="Severn Bank plc", policy_pack="XX"
        ),
        "customer": customer(
            country="GB", name="Aled Price", address_lines=("14 Castle Street", "CARDIFF", "CF10 1BS")
        ),
        "documents": (),
        "incomplete_reason": "a test",
        **changes,
    }
    return case_file(**given)


def source(**changes: Any) -> Source:
    return open_source(build(british(**changes), KEY, no_page))


def said(given: dict[str, str] | None = None, **changes: Any) -> str:
    found = findings(ENGLAND, source(**changes), GIVEN if given is None else given)
    return "; ".join(each.what for each in found if each.stops)


def test_a_claim_is_valid_and_says_what_is_owed() -> None:
    content = export(ENGLAND, source(), GIVEN)
    root = etree.fromstring(content)
    schema = etree.XMLSchema(etree.parse(SCHEMAS / "bulk.xsd"))
    schema.assertValid(root)
    names = {"b": BULK, "c": CLAIM, "s": BASE}
    assert root.findtext(".//c:claimAmount", namespaces=names) == "123450"
    assert [line.text for line in root.findall(".//c:address/*", names)] == [
        "14 Castle Street",
        "CARDIFF",
        "CF10 1BS",
    ]
    words = " ".join(str(line.text) for line in root.findall(".//c:particulars", names))
    assert "1234.50 pounds" in words
    assert "principal 1199.50, interest 25.00, default charges 10.00" in words
    assert root.findtext(".//c:sotSignature/s:name", namespaces=names) == "Grace Harper"
    assert export(ENGLAND, source(), GIVEN) == content


@pytest.mark.parametrize(
    ("pence", "told"), [(9_999_999, ""), (10_000_000, "above the 99,999.99 GBP that it takes")]
)
def test_the_amount_that_the_court_takes(pence: int, told: str) -> None:
    entries = (entry("T", "purchase", british().as_of, pence),)
    found = said(entries=entries, claimed_minor=pence, accounts=(account(balance_minor=pence),))
    assert (told in found) if told else not found


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("14 Castle Street", "CARDIFF", "CF10 1BS"), ""),
        (("14 Castle Street", "CARDIFF CF10 1BS"), ""),
        (("1 Princes Street", "EDINBURGH", "EH2 2ER"), "not in England or Wales"),
        (("1 High Street", "BELFAST", "BT1 2AA"), "not in England or Wales"),
        (("14 Castle Street", "CARDIFF"), "no postcode"),
        (("Flat 3", "The Old Mill Business Centre and Homes", "Long Lane", "Wick", "BATH", "BA1 1AA"), "takes 6 lines"),
        (("BATH", "BA1 1AA"), "takes 1 lines"),
    ],
)  # fmt: skip
def test_addresses(lines: tuple[str, ...], told: str) -> None:
    found = said(customer=customer(country="GB", address_lines=lines))
    assert (told in found) if told else not found


def test_particulars_of_more_than_24_lines_are_refused_and_not_cut() -> None:
    accounts = tuple(account(account_ref=f"A-{n}", balance_minor=100) for n in range(7))
    entries = tuple(entry(f"T{n}", "purchase", british().as_of, 100, account_ref=f"A-{n}") for n in range(7))
    assert "and the form has 24" in said(accounts=accounts, entries=entries, claimed_minor=700)


def test_what_is_missing_is_said_before_and_a_file_is_refused() -> None:
    assert "signed_by is missing" in said({"sdt_customer": "12345678"})
    assert "8 digits" in said({**GIVEN, "sdt_customer": "123"})
    with pytest.raises(Invalid, match="has no setting 'court'"):
        said({**GIVEN, "court": "x"})
    with pytest.raises(Conflict, match="in EUR; the defendant does not live in the United Kingdom"):
        export(ENGLAND, open_source(build(case_file(), KEY, no_page)), GIVEN)
    assert format_named("england") is ENGLAND
