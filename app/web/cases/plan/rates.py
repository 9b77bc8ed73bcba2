"""The rates of an agreement in words, account by account."""

from __future__ import annotations

from sqlmodel import Session

from app.casework.approvals.rules import Ask, AskAgreement
from app.casework.plans.rules import LIVE, PlanStatus
from app.casework.plans.terms import rate_text
from app.core.ids import id_of
from app.outreach.agreements.rates import AccountRate, rates_asked
from app.web.cases.case_file import CaseFile


def rate_words(millionths: int) -> str:
    """A yearly rate as people write it: 149900 -> 14.99 %."""
    return f"{rate_text(millionths)} %"


def account_words(rate: AccountRate, status: PlanStatus) -> str:
    """The rate of one account under an agreement, and the one that it has or had without it."""
    name = f"{rate.product} ending {rate.last4}"
    is_offer, runs = status is PlanStatus.OFFERED, status in (*LIVE, PlanStatus.OFFERED)
    before = "now" if is_offer else "before"
    agreed = f"{rate_words(rate.agreed)} a year" if rate.agreed else "no interest"
    if rate.agreed == rate.own:
        return f"{name}: {agreed}, as {before}."
    return f"{name}: {agreed} while it {'is' if runs else 'was'} kept, {rate_words(rate.own)} {before}."


def rates_in_words(session: Session, file: CaseFile, ask: Ask) -> list[str]:
    """The rates that a request for a lower rate would give each account, beside those of now."""
    apr = ask.terms.apr_millionths if isinstance(ask, AskAgreement) else None
    if apr is None:
        return []
    found = rates_asked(session, file.portfolio, id_of(file.customer), apr, on=file.book.today)
    return [account_words(each, PlanStatus.OFFERED) for each in found]
