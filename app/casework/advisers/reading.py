"""Files of advisers: proposals as JSON, schedules of lump payments as CSV or JSON. Every fault has its line. Pure."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.casework.advisers.rules import PROPOSED_KINDS, ProposedOffer
from app.casework.negotiation.household.faults import Fault, shown
from app.casework.plans.rules import REGULAR, Cadence
from app.core.card_numbers import holds_card_number
from app.core.errors import Invalid
from app.core.money import BadAmount, to_minor
from app.core.text import sentence
from app.core.types import JsonObject

MOST_LINES = 5_000
LARGEST = 8 * 1024 * 1024
LONGEST_REFERENCE = 60
_FILE = frozenset({"adviser", "currency", "plans", "file-reference", "date"})
_LINE = frozenset({"reference", "client-reference", "offer", "statement"})
_OFFER = frozenset({"kind", "amount", "frequency", "first-on", "total", "down-payment"})


@dataclass(frozen=True, slots=True)
class ProposalLine:
    """One line of a file of proposals, as it was sent."""

    number: int
    reference: str
    data: JsonObject

    @property
    def digest(self) -> str:
        spelt = json.dumps(self.data, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(spelt.encode()).hexdigest()


def read_proposals(content: bytes, currency: str, adviser: str) -> list[ProposalLine]:
    """The lines of a file of proposals. Invalid where the file as a whole cannot be read or is another's."""
    data = _json(content)
    if not isinstance(data, dict) or not isinstance(data.get("plans"), list):
        raise Invalid(
            'A file of proposals is a JSON object with an array "plans". See docs/advisers.md.', "file"
        )
    if unknown := sorted(set(data) - _FILE):
        raise Invalid(f"There is no member {unknown[0][:40]!r} of a file of proposals. Take it out.", "file")
    if data.get("adviser", adviser) != adviser:
        raise Invalid(f"This file is of another adviser than {adviser}. Choose that one.", "file")
    if data.get("currency", currency) != currency:
        raise Invalid(f"The currency of this portfolio is {currency}. The file is in another.", "file")
    plans = data["plans"]
    if not 1 <= len(plans) <= MOST_LINES:
        raise Invalid(f"A file has 1 to {MOST_LINES} plans.", "file")
    return [
        ProposalLine(n, _reference(each), each if isinstance(each, dict) else {"": each})
        for n, each in enumerate(plans, 1)
    ]


def _reference(line: object) -> str:
    found = line.get("reference") if isinstance(line, dict) else None
    return (
        found.strip()[:LONGEST_REFERENCE] if isinstance(found, str) and not holds_card_number(found) else ""
    )


def read_offer(line: ProposalLine, currency: str) -> tuple[ProposedOffer | None, list[Fault]]:
    """The offer of a line, or its faults."""
    faults: list[Fault] = [
        Fault(shown(name), "This member is not known. Take it out.")
        for name in line.data
        if name not in _LINE
    ]
    if not line.reference:
        faults.append(Fault("reference", "Give our account or case reference."))
    told = line.data.get("offer")
    if not isinstance(told, dict):
        return None, [*faults, Fault("offer", "Give the offer: amount, frequency and first-on.")]
    faults += [
        Fault(f"offer.{shown(name)}", "This member is not known. Take it out.")
        for name in told
        if name not in _OFFER
    ]
    amount = _amount(told, "amount", currency, faults)
    total = _amount(told, "total", currency, faults) if "total" in told else None
    down = _amount(told, "down-payment", currency, faults) if "down-payment" in told else 0
    kind, cadence = told.get("kind", "plan"), told.get("frequency", Cadence.MONTHLY.value)
    if not isinstance(kind, str) or kind not in PROPOSED_KINDS:
        faults.append(Fault("offer.kind", f"Write one of: {', '.join(PROPOSED_KINDS)}."))
    if not isinstance(cadence, str) or cadence not in REGULAR:
        faults.append(Fault("offer.frequency", f"Write one of: {', '.join(REGULAR)}."))
    first = _day(told.get("first-on"), faults)
    if kind == "settlement" and total is None:
        faults.append(Fault("offer.total", "Say for how much it settles."))
    if faults or first is None:
        return None, faults
    offer = ProposedOffer(PROPOSED_KINDS[kind], amount, Cadence(cadence), first, total, down)
    return offer, []


def _amount(told: Mapping[str, object], name: str, currency: str, faults: list[Fault]) -> int:
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        faults.append(Fault(f"offer.{name}", "Write an amount as a number or a decimal string."))
        return 0
    try:
        minor = to_minor(str(value), currency)
    except BadAmount as error:
        faults.append(Fault(f"offer.{name}", sentence(str(error))))
        return 0
    if minor <= 0:
        faults.append(Fault(f"offer.{name}", "The amount must be positive."))
    return minor


def _day(value: object, faults: list[Fault]) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        faults.append(Fault("offer.first-on", "Write the day of the first payment as 2026-01-31."))
        return None


# --- schedules of lump payments -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SchedulePart:
    """One line of a schedule. `fault` says why its amount could not be read."""

    number: int
    reference: str
    amount_minor: int
    fault: str = ""


def read_schedule(content: bytes, currency: str) -> list[SchedulePart]:
    """The lines of a schedule: CSV with the columns `reference,amount`, or a JSON array of objects with these members.
    Invalid where the file as a whole cannot be read; a wrong line is told in its place."""
    text = _text(content).strip()
    rows = _json_rows(content) if text.startswith(("[", "{")) else _csv_rows(text)
    if not 1 <= len(rows) <= MOST_LINES:
        raise Invalid(f"A schedule has 1 to {MOST_LINES} lines.", "schedule")
    return [_part(number, reference, amount, currency) for number, reference, amount in rows]


def _part(number: int, reference: str, amount: str, currency: str) -> SchedulePart:
    name = " ".join(reference.split())[:LONGEST_REFERENCE]
    if holds_card_number(name):
        return SchedulePart(number, "", 0, "reference: this holds a card number, which is never stored")
    try:
        minor = to_minor(amount, currency)
    except BadAmount as error:
        return SchedulePart(number, name, 0, f"amount: {error}"[:300])
    if minor <= 0:
        return SchedulePart(number, name, 0, "amount: it must be positive")
    return SchedulePart(number, name, minor)


def _csv_rows(text: str) -> list[tuple[int, str, str]]:
    reader = csv.reader(io.StringIO(text))
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if sorted(header) != ["amount", "reference"]:
            raise Invalid("A schedule has the columns reference and amount.", "schedule")
        places = header.index("reference"), header.index("amount")
        rows = []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            cells = [*row, "", ""]
            rows.append((reader.line_num, cells[places[0]], cells[places[1]].strip()))
        return rows
    except csv.Error as error:
        raise Invalid(f"The schedule is not a CSV file: {error}.", "schedule") from None


def _json_rows(content: bytes) -> list[tuple[int, str, str]]:
    data = _json(content, "schedule")
    lines: Sequence[object] = data if isinstance(data, list) else []
    if not lines or not all(isinstance(line, dict) for line in lines):
        raise Invalid("A schedule is a JSON array of objects with reference and amount.", "schedule")
    return [
        (n, str(line.get("reference", "")), str(line.get("amount", "")))
        for n, line in enumerate(lines, 1)
        if isinstance(line, dict)
    ]


def _json(content: bytes, field: str = "file") -> object:
    try:
        return json.loads(_text(content, field), parse_float=str)
    except (ValueError, RecursionError):
        raise Invalid("The file is not JSON (UTF-8).", field) from None


def _text(content: bytes, field: str = "schedule") -> str:
    if len(content) > LARGEST:
        raise Invalid(f"The file is larger than {LARGEST // (1024 * 1024)} MB. Split it.", field)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("The file is not text in UTF-8.", field) from None
