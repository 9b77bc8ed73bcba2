"""Offers of agreements: terms are checked against the debt, the limits and other agreements, then put on record.

What one person may grant alone is the business of `app.actions.agreements`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from app.book.charges.rules import capped_apr
from app.book.charges.service import bears_interest
from app.book.delinquency.service import standing_on
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import CustomerDebt, debt_now, worked_accounts
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.disputes.queries import open_disputes_of
from app.casework.plans.concessions import waivable_fees, waived_by_agreements
from app.casework.plans.limits import (
    check_debt_falls,
    check_limits,
    check_partial,
    check_token,
    holidays_of,
    is_partial,
    limits_of,
)
from app.casework.plans.models import Plan, PlanAccount, PlanInstalment
from app.casework.plans.queries import balances_to_settle, instalments_of, live_plan, offered_settlement
from app.casework.plans.rules import (
    Cadence,
    Instalment,
    PlanKind,
    PlanStatus,
    asks_for_less,
    replaced_by,
)
from app.casework.plans.schedule import portions_of, schedule
from app.casework.plans.service import cancel, move_plan, nothing_to_agree_on, require_with_us
from app.casework.plans.terms import AgreementTerms, stored_terms
from app.casework.plans.tracking.payments import accounts_of, paid_to_settle
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.labels import PLAN_LABELS
from app.core.money import with_code
from app.policy.composition import pack_of

TOLERATED_SHARE = 10
"""The tolerance is at most one part in so many of the smallest instalment."""


@dataclass(frozen=True, slots=True)
class StandingOffer:
    """An offer to settle that the customer may still take up by paying."""

    reference: str
    amount_minor: int
    until: date
    """The last day on which its first payment takes it up, its grace days included."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Terms that may be offered now, as far as nobody's authority is concerned."""

    terms: AgreementTerms
    parts: Sequence[Instalment]
    owed_minor: int
    """The debt that they are about: for a settlement the balances that it settles."""
    own_apr_millionths: int
    """The highest rate of the accounts."""
    settles: Mapping[int, int] = field(default_factory=dict)
    """Of a settlement: the balances that it settles, by account."""
    waived_before_minor: int = 0
    """Fees that agreements of this case waived before."""
    past_due_minor: int = 0
    """What is past due and owed: an ordinary plan of less is bound as token payments are."""
    replaces_id: int | None = None
    """The live plan that it is renegotiated from."""
    in_place_of: StandingOffer | None = None
    """Of a settlement: the offer that stands and ends for it."""


def propose(
    session: Session,
    case: CollectionsCase,
    terms: AgreementTerms,
    *,
    replaces: Plan | None = None,
    is_agreed: bool = False,
    today: date,
) -> Proposal:
    """Work out an agreement on these terms. Invalid, with its field, or Conflict where nobody may make it now.

    `replaces`: the live plan that it would be renegotiated from, which is then no obstacle. `is_agreed`: the customer
    agreed to it, so it takes the place of an offer to settle that stands; one that is only offered must ask for less.
    """
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    # Interest of today is posted by the night, on the balance of yesterday evening. An offer keeps its day.
    begins = (terms.interest_from or today - timedelta(days=1)) if terms.apr_millionths else None
    terms = replace(terms, interest_from=begins, day_count=portfolio.day_count)
    lowers = portfolio.accrues or portfolio.creditor_lowers_rates
    if terms.apr_millionths and lowers and not terms.portions:
        terms = replace(terms, portions=portions_of(terms, _debts(session, portfolio, case, today)))
    named = terms.cadence in (Cadence.ONCE, Cadence.CUSTOM) and not (terms.payday or terms.down_payment_minor)
    holidays = frozenset() if named else holidays_of(session, portfolio, case.customer_id, today)
    parts = schedule(terms, holidays)
    if terms.relief_payments and terms.review_on is None:
        # The day of the last payment of this time: before the next one, or before nothing is agreed any more.
        numbered = [part for part in parts if part.n]
        terms = replace(terms, review_on=numbered[terms.relief_payments - 1].due_on)
    limits = limits_of(session, portfolio, case.customer_id)
    check_limits(terms, parts, limits, today)
    _require_own_rate(portfolio, terms)
    settles: Mapping[int, int] = {}
    standing = None
    if terms.kind is PlanKind.SETTLEMENT:
        settles = _check_settlement(session, case, terms, today)
        standing = offered_settlement(session, id_of(case))
        if standing is not None and not is_agreed:
            _require_better(session, portfolio, standing, parts, settles, today)
    owes = check_agreement(session, case, terms, replaces=replaces, today=today)
    if terms.re_age and pack_of(portfolio).re_age is None:
        raise Invalid(f"Policy pack {portfolio.pack} permits no re-age of accounts.", "re_age")
    own_apr = _highest_rate(session, portfolio, case.customer_id)
    partial = is_partial(terms, owes.past_due)
    if limits.must_amortise is not None or partial:
        owed = Counter[int]()
        for balance, rate in _debts(session, portfolio, case, today):
            own = rate if terms.apr_millionths is None else min(rate, terms.apr_millionths)
            owed[own if partial else rate] += max(0, balance)
        if partial:
            check_partial(terms, parts, limits, owed, today)
        check_debt_falls(terms, parts, owed, limits, today)
    if terms.is_token:
        # Where the creditor charges the interest, ours is no rate that could be set to 0.
        check_token(terms, owes.debt, own_apr if portfolio.accrues else 0)
    waived = waived_by_agreements(session, case) if terms.waived_fees_minor else 0
    return Proposal(
        terms,
        parts,
        sum(settles.values()) or owes.debt,
        own_apr,
        settles,
        waived,
        owes.past_due,
        id_of(replaces) if replaces else None,
        _standing_offer(session, standing) if standing else None,
    )


def _require_own_rate(portfolio: Portfolio, terms: AgreementTerms) -> None:
    """Invalid for a rate where the creditor charges the interest and nobody has it lower what it charges."""
    if terms.apr_millionths is not None and not (portfolio.accrues or portfolio.creditor_lowers_rates):
        raise Invalid(
            f"The creditor charges the interest of portfolio {portfolio.code}, so no agreement here lowers it. "
            "Leave the rate empty. If the creditor lowers rates when asked, a manager sets creditor-lowers-rates=yes.",
            "apr",
        )


def check_agreement(
    session: Session,
    case: CollectionsCase,
    terms: AgreementTerms,
    *,
    replaces: Plan | None = None,
    today: date,
) -> CustomerDebt:
    """Return what is owed now, which an agreement on these terms is about. Invalid or Conflict where nobody may make
    it now."""
    if case.status is not CaseStatus.OPEN:
        raise Conflict(f"Case {case.reference} is closed. Reopen it to make an agreement.")
    require_with_us(case)
    owes = _require_payable(session, case, terms, replaces is not None, today)
    live = live_plan(session, id_of(case))
    if live is not None and (replaces is None or live.id != replaces.id):
        label = PLAN_LABELS[live.kind.value]
        raise Conflict(f"{label} {live.reference} is running. Renegotiate it, or cancel it first.")
    return owes


def put_offer(
    session: Session,
    case: CollectionsCase,
    proposal: Proposal,
    *,
    until: date | None = None,
    by: Actor,
    now: datetime,
) -> Plan:
    """Record the offer. Until its last day, `until` or what the portfolio says, its price holds."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    today = local_date(now, portfolio.timezone)
    terms, parts = proposal.terms, proposal.parts
    tolerated = min(part.amount for part in parts) // TOLERATED_SHARE
    plan = Plan(
        portfolio_id=case.portfolio_id,
        case_id=id_of(case),
        customer_id=case.customer_id,
        kind=terms.kind,
        status=PlanStatus.DRAFT,
        total_minor=sum(part.amount for part in parts),
        offered_at=now,
        offered_by=by,
        counts_from=today,
        offer_until=_last_day(portfolio, terms, parts, until, today),
        cadence=terms.cadence,
        apr_millionths=terms.apr_millionths,
        waived_fees_minor=terms.waived_fees_minor,
        re_age=terms.re_age,
        grace_days=portfolio.grace_days,
        tolerance_minor=min(portfolio.tolerance_minor, tolerated),
        skips_allowed=terms.skips_allowed,
        supersedes_id=proposal.replaces_id,
        terms=stored_terms(terms),
        is_token=terms.is_token,
        review_on=terms.review_on,
    )
    session.add(plan)
    session.flush()
    session.add_all(
        PlanInstalment(
            plan_id=id_of(plan),
            n=part.n,
            due_on=part.due_on,
            amount_minor=part.amount,
            interest_minor=part.interest,
        )
        for part in parts
    )
    session.add_all(PlanAccount(plan_id=id_of(plan), account_id=account) for account in proposal.settles)
    standing = offered_settlement(session, id_of(case)) if terms.kind is PlanKind.SETTLEMENT else None
    if standing is not None:
        cancel(session, standing, replaced_by(plan.reference), by=by, today=today, now=now)
    move_plan(session, plan, PlanStatus.OFFERED, by=by, now=now)
    return plan


def _last_day(
    portfolio: Portfolio, terms: AgreementTerms, parts: Sequence[Instalment], until: date | None, today: date
) -> date:
    """The last day of an offer: a settlement is answered by its payment; any other offer stands so many days."""
    first = parts[0].due_on
    if until is not None and until < today:
        raise Invalid("The offer would end before it is made. Choose a later day.", "offer_until")
    if until is not None and until > first:
        raise Invalid(
            "The offer would stand after its first payment is due. Choose an earlier day.", "offer_until"
        )
    if until is None and terms.kind is not PlanKind.SETTLEMENT:
        until = today + timedelta(days=portfolio.offer_days)
    return min(until or first, first)


def _check_settlement(
    session: Session, case: CollectionsCase, terms: AgreementTerms, today: date
) -> dict[int, int]:
    owed = balances_to_settle(session, case, today)
    if disputed := open_disputes_of(session, case.customer_id):
        raise Conflict(
            f"Dispute {disputed[0].reference} is open, and a settlement would end what it is about. Decide it first, or"
            " note that the customer withdraws it."
        )
    total = sum(owed.values())
    if total <= 0 and case.status is CaseStatus.OPEN:
        raise Conflict(nothing_to_agree_on(case))
    if terms.total_minor >= total:
        raise Invalid("A settlement is less than what is owed on the accounts that are late.", "amount")
    return owed


def _standing_offer(session: Session, standing: Plan) -> StandingOffer:
    first = min(part.due_on for part in instalments_of(session, [id_of(standing)])[id_of(standing)])
    until = first + timedelta(days=standing.grace_days)
    return StandingOffer(standing.reference, standing.total_minor, until)


def _require_better(
    session: Session,
    portfolio: Portfolio,
    standing: Plan,
    parts: Sequence[Instalment],
    settles: Mapping[int, int],
    today: date,
) -> None:
    """Conflict where the payments of an offer to settle that stands, as the customer was told of them, would not pay
    the new one."""
    offer = _standing_offer(session, standing)
    which = f"settlement {offer.reference} of {with_code(offer.amount_minor, portfolio.currency)}"
    agree = "agree on another with the customer (beyond your own limit a manager does)"
    if paid_to_settle(session, standing, today):
        raise Conflict(
            f"A payment came for {which}, so no other offer takes its place. Wait for the rest until "
            f"{offer.until.isoformat()}, or {agree}."
        )
    told = instalments_of(session, [id_of(standing)])[id_of(standing)]
    covers = settles.keys() >= set(session.scalars(accounts_of(id_of(standing))))
    if asks_for_less(parts, told) and covers:
        return
    which_accounts = "" if covers else " and settles all of its accounts"
    raise Conflict(
        f"Until {offer.until.isoformat()} {which} stands. Offer one that asks for less and no sooner{which_accounts}, "
        f"{agree}, or withdraw it if its letter has not left yet."
    )


def _require_payable(
    session: Session, case: CollectionsCase, terms: AgreementTerms, is_renegotiated: bool, today: date
) -> CustomerDebt:
    """What is owed, where something is past due and the customer owes as much as they would pay. A plan that runs can
    be renegotiated though its payments brought the accounts up to date."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    owes = debt_now(session, portfolio, case.customer_id, today)
    if owes.past_due == 0 and not (is_renegotiated and owes.debt > 0):
        raise Conflict(nothing_to_agree_on(case))
    if terms.waived_fees_minor:
        left = sum(amount for _, amount in waivable_fees(session, case.customer_id))
        if terms.waived_fees_minor > left:
            currency = portfolio.currency
            raise Invalid(f"{with_code(left, currency)} of fees can be waived. Enter no more.", "waived_fees")
    if terms.total_minor > owes.debt:
        raise Invalid("This is more than the customer owes.", "amount")
    if terms.total_minor + terms.waived_fees_minor > owes.debt:
        raise Invalid("With the fees waived, this is more than the customer owes.", "amount")
    return owes


def _debts(
    session: Session, portfolio: Portfolio, case: CollectionsCase, today: date
) -> list[tuple[int, int]]:
    """Balance and rate of each account as of now; 0 where no interest runs."""
    ids = [account_id for account_id, _ in worked_accounts(session, [case.customer_id])]
    stands = standing_on(session, portfolio, ids, today)
    caps = pack_of(portfolio).charges
    accounts = session.scalars(select(Account).where(col(Account.id).in_(ids)).order_by(col(Account.id)))
    return [
        (
            stands[id_of(account)].collectable,
            capped_apr(account.apr_millionths, caps) if bears_interest(account) else 0,
        )
        for account in accounts
    ]


def _highest_rate(session: Session, portfolio: Portfolio, customer_id: int) -> int:
    """The highest rate that the accounts are charged, by us or by their creditor: never more than the pack's cap."""
    ids = [account_id for account_id, _ in worked_accounts(session, [customer_id])]
    accounts = session.scalars(select(Account).where(col(Account.id).in_(ids)))
    rates = [each.apr_millionths for each in accounts if bears_interest(each) or not portfolio.accrues]
    return capped_apr(max(rates, default=0), pack_of(portfolio).charges)
