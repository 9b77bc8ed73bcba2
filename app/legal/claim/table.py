"""The claim as a reader sees it: a table for each account, shown by the PDF, the referral's page and the API alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from app.legal.claim.amounts import Parts
from app.legal.claim.order import ORDER_WORDS
from app.legal.claim.parts import PARTS, ClaimLine, Part
from app.legal.claim.statement import AccountClaim, ClaimStatement

PART_TITLES = {
    Part.PRINCIPAL: "Principal",
    Part.INTEREST: "Interest",
    Part.PENALTY: "Penalties",
    Part.FEES: "Fees",
    Part.COSTS: "Costs",
}
_LINES = (
    (ClaimLine.CHARGED, "Charged"),
    (ClaimLine.PAID, "Paid"),
    (ClaimLine.CREDITED, "Credited, refunded or waived"),
)


@dataclass(frozen=True, slots=True)
class ClaimRow:
    what: str
    amounts: Parts
    is_sum: bool = False


def rows_of(account: AccountClaim) -> list[ClaimRow]:
    """The lines of one account's claim, in reading order; lines of nothing are left out."""
    gone = account.charged_off_on
    rows = [*_lines(account, since=False, until=gone)]
    if gone is not None and account.at_charge_off is not None:
        rows.append(ClaimRow(f"At charge-off on {gone}", account.at_charge_off, True))
        rows += _lines(account, since=True, until=gone)
    if account.left_out:
        rows.append(ClaimRow("Owed by the ledger", account.owed, True))
        rows += [
            ClaimRow(f"In dispute, not claimed ({each.dispute})", each.parts) for each in account.left_out
        ]
    return [*rows, ClaimRow(f"Claimed on account {account.account_ref}", account.claimed, True)]


def _lines(account: AccountClaim, *, since: bool, until: date | None) -> Sequence[ClaimRow]:
    when = "" if until is None else " since" if since else f" until {until}"
    found = ((title, account.line(line, since=since)) for line, title in _LINES)
    return [ClaimRow(f"{title}{when}", amounts) for title, amounts in found if amounts != Parts()]


def order_sentence(statement: ClaimStatement) -> str:
    rule = statement.rule
    return f"A payment pays {ORDER_WORDS[rule.order]} ({rule.citation}). Nothing is set off between accounts."


def unsplit_sentence(statement: ClaimStatement, amount: str) -> str:
    """'' = the creditor itemized everything."""
    if not statement.unsplit_minor:
        return ""
    return f"The principal includes opening balances of {amount}, whose parts the creditor did not tell."


def cells(row: ClaimRow, amount: Callable[[int], str]) -> list[str]:
    return [row.what, *(amount(getattr(row.amounts, part)) for part in PARTS), amount(row.amounts.total)]
