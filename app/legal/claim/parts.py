"""Parts of a claim: what each ledger entry counts as. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from app.book.ledger.rules import EntryKind


class Part(StrEnum):
    """Columns of a claim, in the order in which they are shown."""

    PRINCIPAL = "principal"
    INTEREST = "interest"
    PENALTY = "penalty"
    """Charges for being late or beyond the limit."""
    FEES = "fees"
    COSTS = "costs"
    """Costs of collection and of courts that the ledger charged."""


PARTS = tuple(Part)


class ClaimLine(StrEnum):
    """Lines of a claim: what an entry did to the debt."""

    CHARGED = "charged"
    PAID = "paid"
    CREDITED = "credited"
    """Refunds, credits, waivers, and what a creditor forgave."""


LINE_OF: Mapping[str, ClaimLine] = {
    EntryKind.OPENING_BALANCE: ClaimLine.CHARGED,
    EntryKind.PURCHASE: ClaimLine.CHARGED,
    EntryKind.CASH_ADVANCE: ClaimLine.CHARGED,
    EntryKind.INTEREST: ClaimLine.CHARGED,
    EntryKind.FEE: ClaimLine.CHARGED,
    EntryKind.PAYMENT: ClaimLine.PAID,
    EntryKind.RECOVERY: ClaimLine.PAID,
    EntryKind.REFUND: ClaimLine.CREDITED,
    EntryKind.CREDIT: ClaimLine.CREDITED,
    EntryKind.WRITE_OFF: ClaimLine.CREDITED,
}
"""An adjustment charges or credits by its sign. A reversal counts in the line of the entry that it undoes."""


def line_of(kind: str, amount_minor: int) -> ClaimLine:
    return LINE_OF.get(kind, ClaimLine.CHARGED if amount_minor > 0 else ClaimLine.CREDITED)


_COSTS = re.compile(
    r"\b(court|legal|attorney|solicitor|lawyer|bailiff|sheriff|enforcement|collection|incasso\w*|deurwaarder\w*"
    r"|proceskosten|griffierecht|inkasso\w*|saksomkostning\w*|rettsgebyr|perkara|penagihan)\b|诉讼费|律师费|催收费|訴訟費",
    re.IGNORECASE,
)
_PENALTY = re.compile(
    r"\b(late|overdue|overlimit|over[- ]limit|over the limit|penalty|default charge|returned payment|aanmaning\w*"
    r"|te laat|denda|keterlambatan|purregebyr|forsinkelse\w*)\b|违约金|滞纳金|逾期|超限|違約金|滯納金",
    re.IGNORECASE,
)
LATE_FEE = "late-fee:"
"""How references of the late fees that the desk charges begin."""


def part_of(kind: str, reference: str, description: str) -> Part:
    """Part that a charge belongs to. A fee belongs where its own description says; the rest of them are fees. Opening
    balances and adjustments, whose parts the creditor did not tell, are principal."""
    if kind == EntryKind.INTEREST:
        return Part.INTEREST
    if kind != EntryKind.FEE:
        return Part.PRINCIPAL
    if reference.startswith(LATE_FEE) or _PENALTY.search(description):
        return Part.PENALTY
    return Part.COSTS if _COSTS.search(description) else Part.FEES
