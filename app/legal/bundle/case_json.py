"""`case.json`: the case file for programs, as a typed document. Its JSON Schema is published from these classes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.core.money import to_decimal_string
from app.core.types import JsonObject
from app.legal.bundle import bag as fmt
from app.legal.bundle.excuses import why_incomplete
from app.legal.checklists.case_file import CaseFile, ledger_sum
from app.legal.checklists.items import ChecklistItem
from app.legal.claim.amounts import Parts
from app.legal.claim.order import ORDER_WORDS, PaymentOrder
from app.legal.claim.parts import PARTS, ClaimLine
from app.legal.claim.statement import AccountClaim, claim_statement, last_payment

SCHEMA_ID = "https://arrears-desk.example/schemas/case-2.json"

Amount = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["1234.50"])]
"""Decimal string in currency units."""
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-06-26"])]
Instant = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z$", examples=["2026-06-26T09:00:00.000000Z"]
    ),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class PartsJson(_Strict):
    """Amounts by part; together they are the total. A payment is negative."""

    principal: Amount
    interest: Amount
    penalty: Amount = Field(description="Charges for being late or beyond the limit.")
    fees: Amount
    costs: Amount = Field(description="Costs of collection and of courts that the ledger charged.")
    total: Amount


class ClaimLineJson(_Strict):
    line: Literal["charged", "paid", "credited"]
    period: Literal["until_charge_off", "since_charge_off", "whole"]
    amounts: PartsJson


class DisputedJson(_Strict):
    """A sum that the customer disputes and that is not claimed (data/disputes.json)."""

    dispute: str
    amounts: PartsJson = Field(description="What it takes off each part: zero or negative.")


class LastPaymentJson(_Strict):
    on: Day
    amount: Amount = Field(description="Positive.")


class AccountClaimJson(_Strict):
    account_ref: str
    charged_off_on: Day | None
    lines: list[ClaimLineJson]
    at_charge_off: PartsJson | None
    disputed: list[DisputedJson] = Field(
        default=[], description="With them, the lines sum to what is claimed; without, to the ledger."
    )
    claimed: PartsJson
    not_itemized: Amount = Field(
        description="Opening balances in the principal, whose parts the creditor did not tell."
    )
    last_payment: LastPaymentJson | None


class ClaimJson(_Strict):
    """The claim. Nothing is set off between accounts."""

    amount: Amount
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    parts: PartsJson
    payment_order: PaymentOrder = Field(strict=False)
    payment_order_source: str
    not_itemized: Amount
    accounts: list[AccountClaimJson]
    since: Amount = Field(
        description="Sum of the entries of later days, which are not part of the claim (data/since.csv)."
    )


class ExcuseJson(_Strict):
    item: str
    reason: str
    by: str


class PortfolioJson(_Strict):
    code: str
    creditor: str
    currency: str
    timezone: str
    policy_pack: str
    collector: Literal["first_party", "third_party"]


class CustomerJson(_Strict):
    customer_ref: str
    name: str
    address_lines: list[str]
    country: str
    language: str
    email: str
    mobile: str


class AccountJson(_Strict):
    account_ref: str
    card_last4: str
    product: str
    credit_limit: Amount
    apr: str
    opened_on: Day | None
    status: str
    charged_off_on: Day | None
    balance: Amount
    past_due: Amount
    days_past_due: int
    oldest_due_on: Day | None


class NotClaimedJson(_Strict):
    account_ref: str
    status: str
    balance: Amount
    why: str


class HoldJson(_Strict):
    kind: str
    started_at: Instant
    until: Instant | None
    ended_at: Instant | None
    by: str
    reason: str


class ContactPointJson(_Strict):
    kind: str
    type: str
    value: str
    is_main: bool
    state: str
    employer: bool
    source: str
    noted_on: Day | None
    ended_at: Instant | None
    end_reason: str


class ThirdPartyJson(_Strict):
    kind: str
    name: str
    organisation: str
    reference: str
    may_be_told: str
    authority_from: Day | None
    authority_until: Day | None
    added_at: Instant
    ended_at: Instant | None
    end_reason: str


class CaseJson(_Strict):
    """The case of a bundle at the end of one business day."""

    model_config = ConfigDict(extra="forbid", strict=True, title="Case of an Arrears Desk bundle")

    format: Literal["arrears-desk-case-bundle/2"]
    case_reference: str
    bundle_id: str
    supersedes: str | None
    as_of: Day
    exported_by: str
    incomplete_reason: str | None
    excuses: list[ExcuseJson]
    portfolio: PortfolioJson
    customer: CustomerJson
    claim: ClaimJson
    accounts: list[AccountJson]
    accounts_not_claimed: list[NotClaimedJson]
    holds: list[HoldJson]
    contacts: list[ContactPointJson]
    third_parties: list[ThirdPartyJson]


def case_schema() -> JsonObject:
    """JSON Schema (2020-12) of `case.json`."""
    schema: JsonObject = CaseJson.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID, **schema}


def case_json(case: CaseFile, checklist: Sequence[ChecklistItem]) -> JsonObject:
    """`case.json` as it is written, held against its own schema: one that does not fit is our fault and raises."""
    document = _plain(_document(case, checklist))
    CaseJson.model_validate(document)
    return document


def _plain(document: JsonObject) -> JsonObject:
    """The same without Python's own types, as a reader gets it."""
    found: JsonObject = json.loads(fmt.json_bytes(document))
    return found


def _document(case: CaseFile, checklist: Sequence[ChecklistItem]) -> JsonObject:
    currency = case.portfolio.currency

    def amount(minor: int) -> str:
        return to_decimal_string(minor, currency)

    return {
        "format": fmt.FORMAT,
        "case_reference": case.case_reference,
        "bundle_id": case.bundle_id,
        "supersedes": case.supersedes,
        "as_of": case.as_of,
        "exported_by": case.exported_by,
        "incomplete_reason": why_incomplete(checklist) or None,
        "excuses": [
            {"item": item.id, "reason": item.excuse, "by": item.excused_by}
            for item in checklist
            if item.excuse
        ],
        "portfolio": asdict(case.portfolio),
        "customer": asdict(case.customer),
        "claim": claim_json(case),
        "accounts": [
            {
                "account_ref": a.account_ref,
                "card_last4": a.last4,
                "product": a.product,
                "credit_limit": amount(a.limit_minor),
                "apr": a.apr,
                "opened_on": a.opened_on,
                "status": a.status,
                "charged_off_on": a.charged_off_on,
                "balance": amount(a.balance_minor),
                "past_due": amount(a.past_due_minor),
                "days_past_due": a.days_past_due,
                "oldest_due_on": a.oldest_due_on,
            }
            for a in case.accounts
        ],
        "accounts_not_claimed": [
            {
                "account_ref": a.account_ref,
                "status": a.status,
                "balance": amount(a.balance_minor),
                "why": a.why,
            }
            for a in case.not_claimed
        ],
        "holds": [asdict(h) for h in case.holds],
        "contacts": [asdict(c) for c in case.contacts],
        "third_parties": [asdict(p) for p in case.third_parties],
    }


def claim_json(case: CaseFile) -> JsonObject:
    """The claim line by line (`ClaimJson`); its figures and the columns of ledger.csv come from one statement."""
    statement = claim_statement(case)
    currency = case.portfolio.currency

    def amount(minor: int) -> str:
        return to_decimal_string(minor, currency)

    def parts(found: Parts) -> JsonObject:
        return {
            **{part.value: amount(getattr(found, part)) for part in PARTS},
            "total": amount(found.total),
        }

    def lines(account: AccountClaim) -> list[JsonObject]:
        gone = account.charged_off_on is not None
        periods = (("until_charge_off", False), ("since_charge_off", True)) if gone else (("whole", False),)
        return [
            {"line": line.value, "period": period, "amounts": parts(account.line(line, since=since))}
            for period, since in periods
            for line in ClaimLine
        ]

    def last(account_ref: str) -> JsonObject | None:
        found = last_payment([entry for entry in case.entries if entry.account_ref == account_ref])
        if found is None:
            return None
        return {"on": found.effective_on.isoformat(), "amount": amount(-found.amount_minor)}

    return {
        "amount": amount(case.claimed_minor),
        "currency": currency,
        "parts": parts(statement.claimed),
        "payment_order": statement.rule.order.value,
        "payment_order_source": f"{ORDER_WORDS[statement.rule.order]} ({statement.rule.citation})",
        "not_itemized": amount(statement.unsplit_minor),
        "accounts": [
            {
                "account_ref": account.account_ref,
                "charged_off_on": account.charged_off_on and account.charged_off_on.isoformat(),
                "lines": lines(account),
                "at_charge_off": parts(account.at_charge_off) if account.at_charge_off is not None else None,
                "disputed": [
                    {"dispute": each.dispute, "amounts": parts(each.parts)} for each in account.left_out
                ],
                "claimed": parts(account.claimed),
                "not_itemized": amount(account.unsplit_minor),
                "last_payment": last(account.account_ref),
            }
            for account in statement.accounts
        ],
        "since": amount(ledger_sum(case.since)),
    }


__all__ = ["SCHEMA_ID", "CaseJson", "case_json", "case_schema", "claim_json"]


if __name__ == "__main__":  # python -m app.legal.bundle.case_json > docs/schemas/case-2.json
    sys.stdout.write(json.dumps(case_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n")
