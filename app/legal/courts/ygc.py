"""You've Got Claims: the records by which an American attorney opens an account. Pure.

For each account: 01 (account), 02 (debtor), 24 (each payment and return, from which attorneys make their statement of
evidence), 09 (which bundle proves all of it). The codes of records 24 and 09 are the exchange's own, which its members
have; none is guessed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from app.core.errors import Invalid
from app.core.types import JsonObject
from app.legal.courts.formats import CourtFormat, Finding, Setting, Settings
from app.legal.courts.source import Source, money
from app.legal.courts.ygc_records import Value, write_record

SETTINGS = (
    Setting("forw_id", "Sender", "your YGC id, such as NJ750"),
    Setting("firm_id", "Attorney", "YGC id of the attorney"),
    Setting("name", "Debtor", "name of the debtor as YGC has it: Lastname/Firstname"),
    Setting("payment_code", "Code of payments", "YGC code of a payment, for record 24", required=False),
    Setting(
        "return_code",
        "Code of returned payments",
        "YGC code of a payment that came back, for record 24",
        required=False,
    ),
    Setting(
        "note_code",
        "Code of notes",
        "YGC code of a note, for record 09; without it none is written",
        required=False,
    ),
    Setting(
        "commission", "Commission", "commission in per cent as agreed, up to 4 characters", required=False
    ),
)
_PLACE = re.compile(r"(?P<city>.+?),? (?P<state>[A-Z]{2}) (?P<zip>[0-9]{5}(?:-[0-9]{4})?)")


def check(source: Source, given: Settings) -> list[Finding]:
    case, found = source.case, list[Finding]()
    if source.currency != "USD":
        found.append(Finding(f"amounts are in dollars, and this claim is in {source.currency}"))
    if case["customer"]["country"] != "US" or _place(source) is None:
        found.append(
            Finding("the address does not end with a town, a state and a ZIP code of the United States")
        )
    for code in sorted({_code_of(row) for row in source.ledger if row["claim_line"] == "paid"}):
        if not given.get(code):
            found.append(Finding(f"{code} is missing: the ledger has entries that need it"))
    if given.get("name") and "/" not in given["name"]:
        found.append(Finding("name is not of the form Lastname/Firstname"))
    if not found:
        found += [Finding(error.message.rstrip(".")) for error in _misfits(source, given)]
    if any(money(account["claimed"]["fees"]) for account in source.claim["accounts"]):
        found.append(
            Finding(
                "fees that are no penalty are in ORIG_CLAIM: the record has no field for them", stops=False
            )
        )
    found.append(Finding("purchases and charges, notices and agreements stay in the bundle", stops=False))
    if any(point["kind"] == "address" and point["ended_at"] for point in case["contacts"]):
        found.append(Finding("earlier addresses are left out (record 22)", stops=False))
    return found


def _misfits(source: Source, given: Settings) -> list[Invalid]:
    """Values that do not fit their fields; of each record the first."""
    found = []
    for code, values in _records(source, given):
        try:
            write_record(code, values)
        except Invalid as error:
            found.append(error)
    return found


def write(source: Source, given: Settings) -> bytes:
    lines = [write_record(code, values) for code, values in _records(source, given)]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _records(source: Source, given: Settings) -> Iterator[tuple[str, dict[str, Value]]]:
    case = source.case
    for number, claim in enumerate(source.claim["accounts"], start=1):
        head: dict[str, Value] = {
            "FILENO": f"{case['case_reference']}-{number}",
            "FORW_FILE": claim["account_ref"],
            "FORW_ID": given.get("forw_id", ""),
            "FIRM_ID": given.get("firm_id", ""),
        }
        yield "01", {**head, **_account(source, claim, given)}
        yield "02", {**head, **_debtor(source, given)}
        for place, row in enumerate(_payments(source, claim["account_ref"]), start=1):
            yield "24", {**head, **_payment(row, place, given)}
        if not given.get("note_code"):
            continue
        note = f"Case file {case['bundle_id']}, figures of {case['as_of']}. "
        note += f"Total claimed {claim['claimed']['total']} USD."
        yield "09", {**head, "PDATE": _day(case["as_of"]), "PCODE": given["note_code"], "PCMT": note}


def _account(source: Source, claim: JsonObject, given: Settings) -> dict[str, Value]:
    account = source.account(claim["account_ref"])
    parts = {name: money(amount) for name, amount in claim["claimed"].items()}
    principal = parts["principal"] + parts["fees"]
    creditor = source.case["portfolio"]["creditor"]
    last = claim["last_payment"]
    interest_on = max(
        (row["effective_on"] for row in source.entries(claim["account_ref"]) if row["kind"] == "interest"),
        default=None,
    )
    gone = claim["at_charge_off"]
    return {
        "DATE_FORW": _day(source.case["as_of"]),
        "COMM": given.get("commission", ""),
        "ORIG_CLAIM": principal,
        "ORIG_INT": parts["interest"],
        "ORIG_INT_D": _day(interest_on),
        "RATES_PRE": Decimal(account["apr"]) / 100,
        "CRED_NAME": creditor[:25],
        "CRED_NAME2": creditor[25:],
        "DEBT_BAL": principal + parts["penalty"],
        "CTYPE": "CARD",
        "DATE_LPAY": _day(last["on"]) if last else None,
        "AMT_LPAY": money(last["amount"]) if last else None,
        "DATE_OPEN": _day(account["opened_on"]),
        "CHRG_OFF_D": _day(claim["charged_off_on"]),
        "CHRG_OFF_A": money(gone["total"]) if gone else None,
        "MEDIA": "Y",
        "DELINQ_D": _day(account["oldest_due_on"]),
        "LATE_FEE": parts["penalty"],
        "ADDITIONAL_COST": parts["costs"],
    }


def _debtor(source: Source, given: Settings) -> dict[str, Value]:
    who, place = source.case["customer"], _place(source)
    street = [line for line in who["address_lines"] if line][:-1]
    return {
        "D1_NAME": given.get("name", ""),
        "D1_STREET": street[0] if street else "",
        "D1_STREET2": ", ".join(street[1:]),
        "D1_CS": f"{place['city']} {place['state']}" if place else "",
        "D1_ZIP": place["zip"].replace("-", "") if place else "",
        "D1_CITY": place["city"] if place else "",
        "D1_STATE": place["state"] if place else "",
        "D1_CELL": who["mobile"].removeprefix("+1"),
    }


def _payments(source: Source, account_ref: str) -> list[dict[str, str]]:
    return [row for row in source.entries(account_ref) if row["claim_line"] == "paid"]


def _payment(row: dict[str, str], number: int, given: Settings) -> dict[str, Value]:
    """A payment is positive here, and one that came back negative; fees and penalties are with the principal."""
    came = {
        name: -money(row[name]) for name in ("amount", "principal", "interest", "penalty", "fees", "costs")
    }
    return {
        "POST_D": _day(row["effective_on"]),
        "TRANS_CD": given.get(_code_of(row), ""),
        "TRANS_NUM": str(number).zfill(6),
        "TOTAL_COLL": came["amount"],
        "PRIN_COLL": came["principal"] + came["fees"] + came["penalty"],
        "INT_COLL": came["interest"],
        "COST_COLL": came["costs"],
        "DESC": "PAYMENT" if came["amount"] > 0 else "REVERSAL",
        "CMT": row["reference"] if len(row["reference"]) <= 30 and row["reference"].isascii() else "",
    }


def _code_of(row: dict[str, str]) -> str:
    """Name of the setting with the code of an entry."""
    return "payment_code" if money(row["amount"]) < 0 else "return_code"


def _place(source: Source) -> re.Match[str] | None:
    lines = [line for line in source.case["customer"]["address_lines"] if line]
    return _PLACE.fullmatch(lines[-1]) if lines else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


YGC = CourtFormat(
    "ygc",
    "US",
    "The You've Got Claims placement",
    ".txt",
    "text/plain; charset=us-ascii",
    SETTINGS,
    check,
    write,
)
