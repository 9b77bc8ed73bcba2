"""Facts for the solver as of now: the accounts with everything posted, the household, the limits and the authority."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.charges.rules import capped_apr
from app.book.charges.service import bears_interest
from app.book.delinquency.days import days_past_due
from app.book.delinquency.lifecycle import re_age_facts
from app.book.delinquency.re_age import ReAgeReason, review_re_age
from app.book.delinquency.service import Now, standing_on
from app.book.ledger.models import Account, Statement
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import worked_accounts
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.holds.queries import open_holds_of
from app.casework.holds.rules import hold_name
from app.casework.negotiation.facts import AccountFacts, Affordability, SolverFacts
from app.casework.plans.concessions import waivable_fees, waived_by_agreements
from app.casework.plans.limits import authority_of, holidays_of, limits_of
from app.casework.plans.terms import Limit
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.text import sentence
from app.core.vocabulary import HOLD_TRAITS
from app.policy.composition import pack_of
from app.policy.pack import Pack

CURED_BY_PAYING = frozenset({ReAgeReason.TOO_LITTLE_PAID, ReAgeReason.TOO_FEW_MINIMUMS})
"""Conditions of a re-age that the plan itself meets before the accounts are brought current."""


def gather_facts(
    session: Session, case: CollectionsCase, affordability: Affordability, *, role: Role, today: date
) -> SolverFacts:
    """Everything that the solver is told about a case, for a person of this role."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    pack = pack_of(portfolio)
    rule, waived = pack.re_age, waived_by_agreements(session, case)
    return SolverFacts(
        today,
        portfolio.currency,
        tuple(_accounts(session, portfolio, pack, case.customer_id, today)),
        affordability,
        limits_of(session, portfolio, case.customer_id),
        authority_of(portfolio, role, waived),
        authority_of(portfolio, Role.MANAGER, waived),
        holidays_of(session, portfolio, case.customer_id, today),
        portfolio.day_count,
        Limit(rule.min_payments, rule.id, rule.citation) if rule else None,
        _blocked(session, case),
        rates_apart=True,
    )


def _blocked(session: Session, case: CollectionsCase) -> str:
    if case.status is not CaseStatus.OPEN:
        return f"Case {case.reference} is closed. Reopen it to make an agreement."
    if case.with_legal_since is not None:
        return f"Case {case.reference} is with the legal team, and only they agree on payments."
    for hold in open_holds_of(session, case.customer_id):
        if HOLD_TRAITS[hold.kind].stops_agreements:
            return f"No agreement is made while the {hold_name(hold.kind)} stands."
    return ""


def _accounts(
    session: Session, portfolio: Portfolio, pack: Pack, customer_id: int, today: date
) -> list[AccountFacts]:
    ids = [account_id for account_id, _ in worked_accounts(session, [customer_id])]
    stands = standing_on(session, portfolio, ids, today)
    rows = session.scalars(select(Account).where(col(Account.id).in_(ids)).order_by(col(Account.id))).all()
    minimums, fees = _minimums(session, ids), Counter[int]()
    for fee, left in waivable_fees(session, customer_id):
        fees[fee.account_id] += left
    return [
        _account(session, portfolio, pack, row, stands[id_of(row)], fees[id_of(row)], minimums, today)
        for row in rows
    ]


def _account(
    session: Session,
    portfolio: Portfolio,
    pack: Pack,
    account: Account,
    stands: Now,
    fees_minor: int,
    minimums: dict[int, int],
    today: date,
) -> AccountFacts:
    bears = portfolio.accrues and bears_interest(account)
    is_charged_off = account.status is AccountStatus.CHARGED_OFF
    against = "" if stands.owed <= 0 else _against_re_age(session, pack, account, today)
    return AccountFacts(
        id_of(account),
        stands.collectable if stands.disputed else stands.balance,
        stands.owed,
        capped_apr(account.apr_millionths, pack.charges) if bears else 0,
        fees_minor,
        days_past_due(stands.oldest_due_on, today),
        is_charged_off,
        may_re_age=not against,
        why_not_re_age=against,
        minimum_minor=0 if is_charged_off else minimums.get(id_of(account), 0),
    )


def _against_re_age(session: Session, pack: Pack, account: Account, today: date) -> str:
    """Why a plan that is kept would not let the account be re-aged, as a sentence; '' = it would."""
    refusals = review_re_age(re_age_facts(session, account, pack.re_age, today), pack.re_age, today)
    lasting = [each.detail for each in refusals if each.reason not in CURED_BY_PAYING]
    return f"Account {account.reference}: {sentence('; '.join(lasting))}" if lasting else ""


def _minimums(session: Session, account_ids: Sequence[int]) -> dict[int, int]:
    """By account: the minimum payment of its latest statement."""
    table = table_of(Statement)
    latest = (
        sa.select(table.c.account_id, sa.func.max(table.c.closing_on).label("closing_on"))
        .where(table.c.account_id.in_(account_ids))
        .group_by(table.c.account_id)
        .subquery()
    )
    query = sa.select(table.c.account_id, table.c.minimum_due_minor).join(
        latest, sa.and_(latest.c.account_id == table.c.account_id, latest.c.closing_on == table.c.closing_on)
    )
    return {account_id: minimum for account_id, minimum in session.connection().execute(query)}
