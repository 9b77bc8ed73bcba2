"""The form of a plan as typed: an ordinary one, one on concessions, smaller payments first, token payments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session

from app.casework.plans.concessions import waivable_fees, waived_by_agreements
from app.casework.plans.limits import authority_of, limits_of
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.schedule import MOST_PAYMENTS
from app.casework.plans.terms import AgreementTerms, Reduced, rate_of, rate_text
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT, Role
from app.policy.composition import pack_of
from app.web.cases.case_file import CaseFile
from app.web.forms import Fields, Typed
from app.web.timeline import PageReader


class TermsKind(StrEnum):
    """The terms of a plan as the form asks for them."""

    INSTALMENTS = "instalments"
    HARDSHIP = "hardship"
    REDUCED = "reduced"
    TOKEN = "token"  # noqa: S105 - a kind of payments


TERMS_LABELS: Mapping[TermsKind, str] = {
    TermsKind.INSTALMENTS: "Repayment plan",
    TermsKind.HARDSHIP: "Hardship plan, payments all alike",
    TermsKind.REDUCED: "Hardship plan, smaller payments first",
    TermsKind.TOKEN: "Token payments for a time; the rest stays owed",
}
PLAN_FIELDS = {"amount": "total", "due_on": "first_due_on", "payments": "months", "token": "terms"}
"""Fields of terms that the form calls otherwise."""


class PlanForm(Typed):
    terms: str = TermsKind.INSTALMENTS.value
    total: str = ""
    down_payment: str = ""
    months: str = ""
    first_due_on: str = ""
    cadence: str = Cadence.MONTHLY.value
    apr: str = ""
    """Per cent a year; '' = the accounts' own, or none under token payments."""
    waived_fees: str = ""
    skips: str = ""
    re_age: str = ""
    reduced_payments: str = ""
    reduced_amount: str = ""
    review_on: str = ""
    sure: str = ""
    reason: str = ""
    """For a request to a manager."""


def plan_terms(fields: Fields, file: CaseFile) -> AgreementTerms:
    """The terms as typed; an empty total means the whole amount that may be asked for."""
    kind = fields.choice("terms", TermsKind)
    total = _total(fields, file, kind)
    months = fields.whole("months")
    down_payment, first_due_on = fields.amount("down_payment"), fields.day("first_due_on")
    cadence = fields.choice("cadence", Cadence)
    return AgreementTerms(
        PlanKind.INSTALMENTS if kind is TermsKind.INSTALMENTS else PlanKind.HARDSHIP,
        total,
        first_due_on,
        months,
        cadence,
        down_payment,
        apr_millionths=_rate(fields, file, kind),
        waived_fees_minor=fields.amount("waived_fees"),
        skips_allowed=fields.whole("skips") if fields.has("skips") else 0,
        re_age=fields.has("re_age"),
        reduced=_reduced(fields, kind),
        is_token=kind is TermsKind.TOKEN,
        review_on=fields.day("review_on") if fields.has("review_on") else None,
    )


def _total(fields: Fields, file: CaseFile, kind: TermsKind) -> int:
    if kind is TermsKind.TOKEN and not fields.has("total"):
        fields.errors["total"] = "Enter the sum of all token payments."
    return fields.amount("total", default=file.to_ask)


def _rate(fields: Fields, file: CaseFile, kind: TermsKind) -> int | None:
    """As typed, in the reader's way of writing numbers; token payments bear none of the interest that we post."""
    text = fields.values["apr"].strip().removesuffix("%").strip().replace(",", ".")
    if not text:
        return 0 if kind is TermsKind.TOKEN and file.portfolio.accrues else None
    try:
        return rate_of(text)
    except Invalid as wrong:
        fields.errors["apr"] = wrong.message
        return None


def _reduced(fields: Fields, kind: TermsKind) -> Reduced | None:
    """The smaller payments. What was typed of them for a plan without them is a fault: nothing typed is left out."""
    if kind is TermsKind.REDUCED:
        if not fields.has("reduced_amount"):
            fields.errors["reduced_amount"] = "Enter the amount of each smaller payment."
        return Reduced(fields.whole("reduced_payments"), fields.amount("reduced_amount"))
    for name in ("reduced_payments", "reduced_amount"):
        if fields.has(name):
            fields.errors[name] = f"Choose “{TERMS_LABELS[TermsKind.REDUCED]}”, or leave this empty."
    return None


@dataclass(frozen=True, slots=True)
class PlanChoices:
    """Kinds of plans that may be offered here, and beside each field its limit in words."""

    kinds: Sequence[tuple[str, str]]
    hints: Mapping[str, str]
    """Field -> its limit, and what one person may grant of it alone."""
    may_re_age: bool
    """The pack permits that accounts are brought current."""
    most_payments: int = MOST_PAYMENTS


NO_PLAN = PlanChoices([], {}, may_re_age=False)
"""Of a page whose plan form is closed."""


def plan_choices(session: Session, file: CaseFile, role: Role, reader: PageReader) -> PlanChoices:
    portfolio, customer_id = file.portfolio, id_of(file.customer)
    limits = limits_of(session, portfolio, customer_id)
    may = authority_of(portfolio, role, waived_by_agreements(session, file.case))
    token = limits.token_months.value if limits.token_months else 0
    reduced = limits.reduced_months.value if limits.reduced_months else 0
    skips = limits.skips.value if limits.skips else 0
    fees = sum(left for _, left in waivable_fees(session, customer_id))
    kinds = [TermsKind.INSTALMENTS, TermsKind.HARDSHIP]
    kinds += [TermsKind.REDUCED] if reduced else []
    kinds += [TermsKind.TOKEN] if token else []
    is_manager = role in MANAGEMENT
    alone = max(0, may.max_waived_fees_minor - may.waived_before_minor)
    said = [f"smaller payments for at most {_months(reduced)}"] if reduced else []
    said += [f"token payments for at most {_months(token)}"] if token else []
    relief = "; ".join(said)
    if relief and not is_manager:
        relief += f". You may grant {_months(portfolio.agent_relief_months)}"
        relief += (
            ""
            if may.may_lower_rate or not token or not portfolio.accrues
            else "; token payments, which bear no interest, a manager grants"
        )
    least = limits.min_apr_millionths
    rate = "Per cent a year while it is kept. Empty: the accounts’ own; of token payments none."
    if least and least.value:
        rate += f" Not below {rate_text(least.value)} %."
    rate = rate if may.may_lower_rate else f"{rate} A manager lowers it."
    if portfolio.creditor_lowers_rates:
        rate += " The creditor charges the interest: you get the task to have it lowered."
    elif not portfolio.accrues:
        rate = "Leave it empty: the creditor charges the interest, and no agreement here lowers it."
    hints = {
        "terms": f"{relief[:1].upper()}{relief[1:]}." if relief else "",
        "total": "Of token payments: their sum",
        "months": f"Within {_months(limits.longest_months.value)}"
        if is_manager
        else f"You may grant {may.max_payments}",
        "apr": rate,
        "waived_fees": f"{reader.money(fees)} can be waived; you may waive {reader.money(min(alone, fees))} alone",
        "skips": f"At most {skips}. You may grant {may.max_skips_a_year} for a year of the plan",
        "re_age": "" if may.may_re_age else "A manager agrees to it.",
        "review_on": "For smaller or token payments. Empty: the day of the last of them",
    }
    return PlanChoices(
        [(each.value, TERMS_LABELS[each]) for each in kinds], hints, pack_of(portfolio).re_age is not None
    )


def _months(number: int) -> str:
    return "1 month" if number == 1 else f"{number} months"
