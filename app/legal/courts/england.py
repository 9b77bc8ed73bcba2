"""England and Wales: a claim for the County Court Business Centre, as bulk XML of Secure Data Transfer (SDT). Pure.

Limits are those of the public schemas BulkSubmitRequest, Claim and Base of github.com/hmcts/civil-sdt: whole pence, at
most 9,999,999; 24 lines of 45 characters; address lines of 30; a statement of truth by a named person.
"""

from __future__ import annotations

import re
import textwrap
import xml.etree.ElementTree as ET  # noqa: S405  (only writes)
from collections.abc import Sequence
from decimal import Decimal

from app.legal.courts.formats import CourtFormat, Finding, Setting, Settings
from app.legal.courts.source import Source, money

BULK = "http://ws.sdt.moj.gov.uk/2013/sdt/BulkRequestSchema"
CLAIM = "http://ws.sdt.moj.gov.uk/2013/mcol/ClaimSchema"
BASE = "http://ws.sdt.moj.gov.uk/2013/sdt/BaseSchema"
MOST_PENCE = 9_999_999
LINES, LINE = 24, 45
ADDRESS_LINES, ADDRESS_LINE = 4, 30
NAME, SIGNER, REFERENCE = 60, 30, 24
_POSTCODE = re.compile(r"[A-Z]{1,2}[0-9R][0-9A-Z]? [0-9][ABD-HJLNP-UW-Z]{2}")
_ELSEWHERE = re.compile(r"(?:AB|BT|DD|DG|EH|FK|G|GY|HS|IM|IV|JE|KA|KW|KY|ML|PA|PH|ZE)[0-9]")
"""Postcodes of Scotland, Northern Ireland and the islands, whose courts are others."""
_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")

SETTINGS = (
    Setting("sdt_customer", "SDT customer number", "yours, 8 digits"),
    Setting(
        "signed_by", "Signed by", "name of the person who signs the statement of truth and has read the claim"
    ),
)


def check(source: Source, given: Settings) -> list[Finding]:
    case, found = source.case, list[Finding]()
    if source.currency != "GBP":
        found.append(Finding(f"the court takes claims in GBP, and this one is in {source.currency}"))
    elif pence(source) > MOST_PENCE:
        found.append(
            Finding(f"the claim of {source.claim['amount']} GBP is above the 99,999.99 GBP that it takes")
        )
    if case["customer"]["country"] != "GB":
        found.append(Finding("the defendant does not live in the United Kingdom"))
    lines, postcode = address(source)
    if not _POSTCODE.fullmatch(postcode):
        found.append(Finding("the defendant's address has no postcode"))
    elif _ELSEWHERE.match(postcode):
        found.append(Finding(f"postcode {postcode} is not in England or Wales: its court is another"))
    if not 2 <= len(lines) <= ADDRESS_LINES:
        found.append(
            Finding(f"the address takes {len(lines)} lines of 30 characters, and the form has 2 to 4")
        )
    if len(case["customer"]["name"]) > NAME:
        found.append(Finding(f"the defendant's name is longer than {NAME} characters"))
    if (count := len(particulars(source))) > LINES:
        found.append(
            Finding(f"the particulars take {count} lines of {LINE} characters, and the form has {LINES}")
        )
    if given.get("sdt_customer") and not re.fullmatch("[1-9][0-9]{7}", given["sdt_customer"]):
        found.append(Finding("sdt_customer is not a number of 8 digits"))
    if len(given.get("signed_by", "")) > SIGNER:
        found.append(Finding(f"signed_by is longer than {SIGNER} characters"))
    found.append(
        Finding("interest from today on is not claimed, and no right to it is reserved", stops=False)
    )
    found.append(
        Finding("ledger, notices and agreements do not go with it; serve them from the bundle", stops=False)
    )
    return found


def pence(source: Source) -> int:
    return int(money(source.claim["amount"]).scaleb(2))


def address(source: Source) -> tuple[list[str], str]:
    """Lines of at most 30 characters, broken between words, and the postcode."""
    given = [line.strip() for line in source.case["customer"]["address_lines"] if line.strip()]
    postcode = given[-1].upper() if given and _POSTCODE.search(given[-1].upper()) else ""
    if postcode and not _POSTCODE.fullmatch(postcode):
        found = _POSTCODE.search(postcode)
        postcode = found[0] if found else ""
        given[-1] = given[-1].upper().replace(postcode, "").strip(" ,")
    elif postcode:
        given = given[:-1]
    lines = [part for line in given if line for part in textwrap.wrap(line, ADDRESS_LINE)]
    return lines, postcode


def particulars(source: Source) -> Sequence[str]:
    """The claim in words, in lines of at most 45 characters."""
    creditor, told = source.case["portfolio"]["creditor"], list[str]()
    for claim in source.claim["accounts"]:
        account = source.account(claim["account_ref"])
        opened = f" made on {account['opened_on']}" if account["opened_on"] else ""
        told.append(
            f"The claim is for {claim['claimed']['total']} pounds owed under a credit card agreement{opened} with "
            f"{creditor}, account {claim['account_ref']}, card ending {account['card_last4']}. "
            f"As of {source.case['as_of']}: {_in_words(claim['claimed'])}."
        )
        if claim["at_charge_off"] is not None:
            paid = -sum(
                money(line["amounts"]["total"])
                for line in claim["lines"]
                if line["period"] == "since_charge_off" and line["line"] == "paid"
            )
            told.append(
                f"At default on {claim['charged_off_on']}: {claim['at_charge_off']['total']}; paid since: {paid:.2f}."
            )
    return [line for text in told for line in textwrap.wrap(_CONTROL.sub(" ", text), LINE)]


_TITLES = (
    ("principal", "principal"), ("interest", "interest"), ("penalty", "default charges"), ("fees", "fees"),
    ("costs", "costs"),
)  # fmt: skip


def _in_words(parts: dict[str, str]) -> str:
    return ", ".join(f"{title} {parts[part]}" for part, title in _TITLES if money(parts[part]) != Decimal(0))


def write(source: Source, given: Settings) -> bytes:
    for prefix, uri in (("bul", BULK), ("cla", CLAIM), ("base", BASE)):
        ET.register_namespace(prefix, uri)
    case = source.case
    reference = re.sub("[^0-9A-Za-z_-]", "-", case["bundle_id"])[:REFERENCE]
    root = ET.Element(f"{{{BULK}}}bulkRequest")
    header = _under(root, BULK, "header")
    _under(header, BULK, "sdtCustomerId", given["sdt_customer"])
    _under(header, BULK, "targetApplicationId", "MCOL")
    _under(header, BULK, "requestCount", "1")
    _under(header, BULK, "customerReference", reference)
    request = _under(_under(root, BULK, "requests"), BULK, "request")
    request.set("requestType", "mcolClaim")
    request.set("requestId", reference)
    claim = _under(request, BULK, "mcolClaim")
    _under(claim, CLAIM, "claimantReference", reference)
    defendant = _under(claim, CLAIM, "defendant1")
    _under(defendant, CLAIM, "name", _CONTROL.sub(" ", case["customer"]["name"]))
    lines, postcode = address(source)
    place = _under(defendant, CLAIM, "address")
    for number, line in enumerate(lines, start=1):
        _under(place, BASE, f"line{number}", line)
    _under(place, BASE, "postcode", postcode)
    _under(claim, CLAIM, "sendParticularsSeparately", "false")
    _under(claim, CLAIM, "reserveRightToClaimInterest", "false")
    _under(claim, CLAIM, "claimAmount", str(pence(source)))
    for line in particulars(source):
        _under(claim, CLAIM, "particulars", line)
    signature = _under(claim, CLAIM, "sotSignature")
    _under(signature, BASE, "flag", "true")
    _under(signature, BASE, "name", given["signed_by"])
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _under(parent: ET.Element, namespace: str, name: str, text: str | None = None) -> ET.Element:
    child = ET.SubElement(parent, f"{{{namespace}}}{name}")
    child.text = text
    return child


ENGLAND = CourtFormat(
    "england", "GB", "The bulk claim of England and Wales", ".xml", "application/xml", SETTINGS, check, write
)
