"""Records of You've Got Claims (YGC), the exchange of American creditors and collection attorneys: fixed widths. Pure.

Layouts: help.genesys.com, Latitude AIM, "YGC Export/Import Record Type ..." (09, 12, 24, 39 in full; of 01, 31
and 38 the first fields). Later fields of 01 and 38, and all of 02, were read second-hand, from a program that reads
such files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from app.core.errors import Invalid

Value = str | date | Decimal | None


class FieldType(StrEnum):
    TEXT = "text"
    DAY = "day"
    """CCYYMMDD."""
    MONEY = "money"
    """Dollars with two decimals and their point, at the right of 14 characters."""
    RATE = "rate"
    """.1950 is 19.5 per cent."""


@dataclass(frozen=True, slots=True)
class RecordField:
    name: str
    width: int
    type: FieldType = FieldType.TEXT


_TYPES = {"@": (FieldType.DAY, 8), "$": (FieldType.MONEY, 14), "%": (FieldType.RATE, 5)}


def _layout(text: str) -> tuple[RecordField, ...]:
    """`NAME:20` is text of 20 characters, `NAME@` a day, `NAME$` an amount, `NAME%` a rate."""
    found = []
    for word in text.split():
        name, is_text, width = word.partition(":")
        if is_text:
            found.append(RecordField(name, int(width)))
        else:
            kind, size = _TYPES[word[-1]]
            found.append(RecordField(word[:-1], size, kind))
    return tuple(found)


_SENT = "RECORD:2 FILENO:10 FORW_FILE:20 MASCO_FILE:15 FORW_ID:10 FIRM_ID:10 "
_RECEIVED = "RECORD:2 FILENO:10 FORW_FILE:20 MASCO_FILE:15 FIRM_ID:10 FORW_ID:10 "
_DEBTOR = (
    "D1_NAME:30 D1_SALUT:1 D1_ALIAS:25 D1_STREET:25 D1_CS:23 D1_ZIP:9 D1_PHONE:12 D1_FAX:12 D1_SSN:15 RFILE:8 "
    "D1_DOB@ D1_DL:17 "
)

LAYOUTS: Mapping[str, tuple[RecordField, ...]] = {
    "01": _layout(
        _SENT + "DATE_FORW@ LAW_LIST:4 COMM:4 SFEE:4 ORIG_CLAIM$ ORIG_INT$ ORIG_INT_D@ RATES_PRE% RATES_POST% "
        "CRED_NAME:25 CRED_NAME2:25 CRED_STREET:25 CRED_CS:15 CRED_ZIP:9 DEBT_BAL$ CTYPE:4 DATE_LPAY@ AMT_LPAY$ "
        "DATE_OPEN@ CHRG_OFF_D@ CHRG_OFF_A$ PURCHASE_D@ ORIG_CRED:30 ORIG_CRED2:30 PORT_ID:20 CRED_CNTRY:3 "
        "LPAY_ISS_D@ LPAY_ISS_AMT$ MEDIA:1 DELINQ_D@ ACCEL_D@ REPO_D@ SALE_D@ MATUR_D@ SOL_START_D@ SOL_END_D@ "
        "LATE_FEE$ HIST_CRED1:50 HIST_CRED2:50 HIST_CRED3:50 HIST_CRED4:50 HIST_CRED5:50 ADDITIONAL_COST$"
    ),
    "02": _layout(
        _SENT + _DEBTOR + "D1_STATE:3 D1_MAIL:1 SERVICE_D@ ANSWER_DUE_D@ ANSWER_FILE_D@ DEFAULT_D@ TRIAL_D@ HEARING_D@ "
        "LIEN_D@ GARN_D@ SERVICE_TYPE:4 D1_STREET2:25 D1_CITY:30 D1_CELL:12"
    ),
    "09": _layout(_SENT + "PDATE@ PCODE:8 PCMT:1024"),
    "12": _layout(_SENT + "DP_DATE@ DP_CMT:20 DP_MERCH$ DP_CASH$ DP_NOFEE$"),
    "24": _layout(
        _SENT + "POST_D@ TRANS_CD:8 TRANS_NUM:6 TOTAL_COLL$ PRIN_COLL$ INT_COLL$ COST_COLL$ STATU_COLL$ COMM$ "
        "DBTR_BAL$ COST_EXPND$ DESC:30 CMT:30"
    ),
    "31": _layout(_RECEIVED + _DEBTOR),
    "38": _layout(
        _RECEIVED + "DPLACED@ DEBT_NAME:30 CRED_NAME:30 D1_BAL$ IDATE@ IAMT$ IDUE$ PAID$ COST_BAL$ DEBT_CS:23 "
        "DEBT_ZIP:9 CRED_NAME2:25 COMM:4 SFEE:4 RFILE:8"
    ),
    "39": _layout(_RECEIVED + "PDATE@ PCODE:8 PCMT:1024"),
}  # fmt: skip
"""By record code: those that we send, and those that come back."""


def length_of(code: str) -> int:
    return sum(field.width for field in LAYOUTS[code])


def write_record(code: str, values: Mapping[str, Value]) -> str:
    """One line without its end. Invalid where a value does not fit: nothing is cut."""
    layout = LAYOUTS[code]
    if unknown := values.keys() - {field.name for field in layout}:
        raise Invalid(f"Record {code} has no field {', '.join(sorted(unknown))}.", "record")
    return "".join(_cell(code, field, {"RECORD": code, **values}.get(field.name)) for field in layout)


def read_record(line: str) -> dict[str, Value]:
    """The fields of one line. A shorter line ends in blanks, as senders may leave them away; a longer one has fields
    that newer layouts added, which are not read. Invalid for an unknown code and for values that are none."""
    code = line[:2]
    if code not in LAYOUTS:
        raise Invalid(
            f"Record {code!r} is not one that is read here. Those are: {', '.join(LAYOUTS)}.", "record"
        )
    head = sum(field.width for field in LAYOUTS[code][:6])
    if len(line) < head:
        raise Invalid(
            f"Record {code} has {len(line)} characters; the file numbers alone take {head}.", "record"
        )
    found: dict[str, Value] = {}
    place = 0
    padded = line.ljust(length_of(code))
    for field in LAYOUTS[code]:
        found[field.name] = _value(code, field, padded[place : place + field.width])
        place += field.width
    return found


def _cell(code: str, field: RecordField, value: Value) -> str:
    if value is None or value == "":
        return " " * field.width
    if isinstance(value, date):
        text = f"{value:%Y%m%d}"
    elif isinstance(value, Decimal):
        text = f"{value:.4f}".lstrip("0") if field.type is FieldType.RATE else f"{value:.2f}"
        text = text.rjust(field.width)
    else:
        text = value
    if len(text) > field.width or not text.isascii() or not text.isprintable():
        raise Invalid(
            f"{field.name} of record {code} takes {field.width} plain ASCII characters, not {text[:60]!r}.",
            field.name,
        )
    return text.ljust(field.width)


def _value(code: str, field: RecordField, cell: str) -> Value:
    text = cell.strip()
    if not text or field.type is FieldType.TEXT:
        return text or None
    try:
        if field.type is FieldType.DAY:
            return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")
        found = Decimal(text)
        if not found.is_finite():
            raise ValueError
        return found
    except (ValueError, InvalidOperation):
        raise Invalid(
            f"{field.name} of record {code} is no {field.type.value}: {text[:30]!r}.", field.name
        ) from None
